"""What the demo's release part is played on: twelve hills, a hidden camera on one, four sightings, as files.

Of twelve hills in a grid of three by four one holds a camera that sees aircraft within 60 km; public
receivers of transponders could have given three in five of such reports. Each of four sightings lies between
four of the hills, and the right one is the only hill that all four share. All of it is made up.

Invariants: the files are what an officer would write, and are read by the desk like any other; every private
text in them is found by `list_private`.

It computes nothing.

    >>> len(HILLS), len(SIGHTINGS)
    (12, 4)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, NamedTuple

ROWS: Final = 3
COLUMNS: Final = 4
SOUTH_DEG: Final = 35.0
WEST_DEG: Final = 36.0
STEP_DEG: Final = (0.6, 0.732)
REACH_M: Final = 60_000
KEPT: Final = "hidden-camera-hill"
"""Id of the secret."""
SOURCE: Final = "camera-kestrel"
PURPOSE: Final = "keep-apart"
TRUTH: Final = "hill-2-2"
BUDGET: Final = "1/2"
NAMES: Final = (
    *("Anvil Ridge", "Birch Tor", "Copper Knoll", "Dune Crest"),
    *("Eagle Shoulder", "Falcon Spur", "Granite Nose", "Heron Rise"),
    *("Iron Saddle", "Juniper Top", "Kiln Hill", "Lark Summit"),
)


class Hill(NamedTuple):
    """A candidate: id, name, latitude and longitude in degrees."""

    id: str
    name: str
    lat_deg: float
    lon_deg: float


class Sighting(NamedTuple):
    """What the camera saw: id, place, minutes before the first clock of the demo, private words."""

    id: str
    lat_deg: float
    lon_deg: float
    minutes: int
    seen_by: str


HILLS: Final = tuple(
    Hill(
        f"hill-{row + 1}-{column + 1}",
        NAMES[row * COLUMNS + column],
        round(SOUTH_DEG + row * STEP_DEG[0], 4),
        round(WEST_DEG + column * STEP_DEG[1], 4),
    )
    for row in range(ROWS)
    for column in range(COLUMNS)
)
_RIGHT: Final = next(hill for hill in HILLS if hill.id == TRUTH)
SIGHTINGS: Final = tuple(
    Sighting(
        f"transport-{number + 1}",
        round(_RIGHT.lat_deg + up * STEP_DEG[0] / 2 + 0.0012345, 7),
        round(_RIGHT.lon_deg + right * STEP_DEG[1] / 2 + 0.0054321, 7),
        1_583 + 127 * number,
        f"watch {'ABCD'[number]} of {_RIGHT.name}, log page {417 + number}",
    )
    for number, (up, right) in enumerate(((1, 1), (1, -1), (-1, 1), (-1, -1)))
)


def spell_catalogue() -> str:
    """Return the file of observers, source and secret."""
    hills = "".join(
        f'\n[[secret.hypothesis]]\nid = "{hill.id}"\nwords = "{hill.name}"\n'
        f'at = [{hill.lat_deg}, {hill.lon_deg}]\nobservers = ["hidden-camera"]\n'
        for hill in HILLS
    )
    middle = (SOUTH_DEG + STEP_DEG[0], WEST_DEG + 1.5 * STEP_DEG[1])
    return f"""entente-catalogue = 1

[[observer]]
id = "hidden-camera"
words = "unattended long-range camera under a net"
reach_m = {REACH_M}
sees = ["air"]
identifies = 3
accuracy_m = 100
height_accuracy_m = 100
latency_s = 30

[[observer]]
id = "public-receivers"
words = "public receivers of aircraft transponders"
circles = [{{ at = [{middle[0]:.4f}, {middle[1]:.4f}], radius_m = 200000 }}]
sees = ["air"]
identifies = 3
accuracy_m = 100
height_accuracy_m = 100
latency_s = 30

[[source]]
id = "{SOURCE}"
words = "the camera that the others do not know of"
method = "imagery"
observer = "hidden-camera-{TRUTH}"
sensitivity = "high"
theatres = ["north"]
alternatives = [{{ observer = "public-receivers", share = "3/5" }}]
secrets = ["{KEPT}"]

[[secret]]
id = "{KEPT}"
about = "site"
words = "on which of twelve hills the camera stands"
truth = "{TRUTH}"
budget = {{ chance = "{BUDGET}" }}
{hills}"""


def spell_reports(start_utc: datetime) -> str:
    """Return the file of the sightings, all of them over a day before the start."""
    parts = ["entente-reports = 1\n"]
    for one in SIGHTINGS:
        when = start_utc - timedelta(minutes=one.minutes, seconds=17)
        parts.append(f"""
[[report]]
id = "{one.id}"
theatre = "north"
source = "{SOURCE}"
at = [{one.lat_deg}, {one.lon_deg}]
height_m = 5000
when = {when:%Y-%m-%dT%H:%M:%SZ}
path = ["air", "fixed-wing", "transport"]
accuracy_m = 100
label = {{ policy = "TLP", classification = "AMBER" }}

[[report.tear_line]]
id = "short"
text = "A transport aircraft was seen."
depth = 3
label = {{ policy = "TLP", classification = "GREEN" }}

[[report.field]]
name = "seen-by"
value = "{one.seen_by}"
""")
    return "".join(parts)


CLEARANCES: Final = """[[clearance]]
party = "ru"
policy = "TLP"
up_to = "AMBER"
"""

PURPOSES: Final = f"""[[purpose]]
id = "{PURPOSE}"
words = "keep aircraft apart"
to = ["ru"]
onward = "never"
"""


def list_private(start_utc: datetime) -> Iterator[str]:
    """Yield every private text of the files: names, ids, words, times; places are told by `list_places`."""
    yield from (KEPT, SOURCE, "hidden-camera", "public-receivers", "under a net", "do not know of")
    yield from ("on which of twelve hills", "unattended", "long-range camera", "of aircraft transponders")
    for hill in HILLS:
        yield from (hill.id, hill.name)
    for one in SIGHTINGS:
        when = start_utc - timedelta(minutes=one.minutes, seconds=17)
        yield from (one.id, one.seen_by, f"{when:%Y-%m-%dT%H:%M:%S}", f"{when:%Y%m%dT%H%M%S}")
        yield from (str(int(when.timestamp())), "log page")


def list_places() -> Iterator[tuple[int, int]]:
    """Yield every private place, in units of 1e-7 degrees: hills and sightings."""
    for hill in HILLS:
        yield round(hill.lat_deg * 1e7), round(hill.lon_deg * 1e7)
    for one in SIGHTINGS:
        yield round(one.lat_deg * 1e7), round(one.lon_deg * 1e7)
