"""`entente zone`: declare a zone with its rules and guarantors, vouch for it, withdraw it; ask what holds.

Invariants: what a zone must say is decided by the rule, not by the command line; recurring times are spelled
out, each as a volume of its own, so that what is signed holds no arithmetic; asking what holds tells nobody
of the plan.

    $ entente zone declare castello --type demilitarised --rule "un:convoy=permitted" ...
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, get_args

from cyclopts import Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Parties, Polygons, Window, Word
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_volumes
from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc
from entente.terms.words.text import clean_text

ZoneType = Literal["safe", "denied", "restricted", "caution", "demilitarised", "corridor", "line"]
_DUTIES: Final = ("guard", "inspect", "observe", "other")
_RULE: Final = re.compile(r"^\s*([a-z0-9*-]+)\s*:\s*([a-z*]+)\s*=\s*(.+?)\s*$")
_NEED: Final = re.compile(
    r"^(?:(permitted|forbidden)|(?:concurrence ([a-z0-9,-]+))?(?:\s*\+\s*)?(?:notice ([0-9]{1,4}) ?h)?)$"
)
MAX_VOLUMES: Final = 50

zone_app = make_app(
    "zone",
    "Declare a zone with its rules and a guarantor for each obligation; vouch for one; ask what holds.\n\n"
    "A rule is 'PARTY:ACTIVITY=NEEDS', * for any; NEEDS is permitted, forbidden, 'notice 48h',\n"
    "'concurrence ru,un' or 'concurrence ru + notice 12h'. Where several zones hold, the stricter wins.\n\n"
    "Example: entente zone declare castello --desk ./ru --officer duty-1 --type demilitarised\n"
    "           --name 'Castello Road' --text 'Heavy vehicles stay 3,500 m north'\n"
    "           --polygon '36.27,37.10 36.24,37.11 36.25,37.16 36.28,37.15'\n"
    "           --window 2026-12-01T00:00:00Z..2026-12-08T00:00:00Z\n"
    "           --rule '*:medical=permitted' --rule 'un:convoy=notice 48h'\n"
    "           --obligation 'guard: keeps the distances=ru'\n"
    "Example: entente zone check --desk ./us --activity convoy --circle 36.25,37.13,500\n"
    "           --window 2026-12-02T06:00:00Z..2026-12-02T12:00:00Z",
)
APPS = {"zone": zone_app}


@zone_app.command(name="declare")
def declare_zone(  # noqa: PLR0913 - a zone has this many sides
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    zone_type: Annotated[ZoneType, Parameter(name="--type", help="What kind of zone it is.")],
    name: Annotated[str, Parameter(help="Its name, for people.")],
    window: Window,
    text: Annotated[str, Parameter(help="What holds in it, in words.")] = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    every_h: Annotated[int, Parameter(help="With --times: again every so many hours.")] = 24,
    times: Annotated[int, Parameter(help="How often the window recurs, each spelled out.")] = 1,
    side: Annotated[
        list[str] | None,
        Parameter(help="Of a line: whose side each volume is, in order; 'nobody' for the band along it."),
    ] = None,
    rule: Annotated[
        list[str] | None, Parameter(help="'PARTY:ACTIVITY=NEEDS', see above; may be repeated.")
    ] = None,
    obligation: Annotated[
        list[str] | None,
        Parameter(help="'[guard|inspect|observe:] TEXT=PARTY': what is owed, and who guarantees it."),
    ] = None,
    corridor: Annotated[
        list[str] | None,
        Parameter(help="Hash or index of a corridor's version, whose rules hold inside it instead."),
    ] = None,
    source: Annotated[str, Parameter(help="Where the rules come from.")] = "",
    replaces: Annotated[str, Parameter(help="Hash or index of the version that this one replaces.")] = "",
    to: Parties = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Declare the zone ID."""
    link = DeskLink.open(desk)
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    sides = ["" if one == "nobody" else one for one in side or []]
    body: dict[str, Any] = {
        "officer": officer,
        "id": name_id,
        "name": name,
        "zone": zone_type,
        "text": text,
        "volumes": repeat_windows(volumes, every_h=every_h, times=times),
        "sides": sides * times,
        "rules": [read_rule(one) for one in rule or []],
        "obligations": [_read_obligation(place, one) for place, one in enumerate(obligation or [], 1)],
        "corridors": corridor or [],
        "source": source,
        "replaces": replaces or None,
        "to": sorted(to or []),
    }
    return print_spoken(link.call("POST", "/api/declare-zone", body), f"zone {name_id!r}", as_json=json)


@zone_app.command
def vouch(
    name_id: Annotated[str, Parameter(name="ID")],
    obligation: Annotated[str, Parameter(name="OBLIGATION")],
    /,
    *,
    officer: OfficerName,
    refuse: Annotated[bool, Parameter(help="Say no, or take an earlier yes back.")] = False,
    reason: Annotated[str, Parameter(help="Why.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Take on OBLIGATION of the zone ID, which names your party as its guarantor; or refuse it.

    Example: entente zone vouch castello obligation-1 --desk ./ru --officer duty-1
    """
    body = {
        "officer": officer,
        "id": name_id,
        "obligation": obligation,
        "word": "no" if refuse else "yes",
        "reason": reason,
    }
    answer = DeskLink.open(desk).call("POST", "/api/vouch", body)
    return print_spoken(answer, f"zone {name_id!r}, {obligation!r}", as_json=json)


@zone_app.command(name="withdraw")
def withdraw_zone(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    note: Annotated[str, Parameter(help="Why.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Withdraw the zone ID.

    Example: entente zone withdraw castello --desk ./ru --officer duty-1 --note 'the parties left'
    """
    body = {"officer": officer, "id": name_id, "note": note}
    answer = DeskLink.open(desk).call("POST", "/api/withdraw-zone", body)
    return print_spoken(answer, f"zone {name_id!r}", as_json=json)


@zone_app.command
def show(
    name_id: Annotated[str, Parameter(name="ID")], /, *, desk: DeskFolder = None, json: Json = False
) -> int:
    """Show the zone ID: its rules, what holds where none does, and how its guarantors stand.

    Example: entente zone show castello --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/zone", id=name_id)
    if json:
        print_json(found)
    else:
        print(clean_text(found["words"]).replace("; ", "\n  "))
    return ExitCode.OK


@zone_app.command
def check(  # noqa: PLR0913 - a plan has this many sides
    *,
    activity: Annotated[Word, Parameter(help="What kind of activity it would be.")],
    window: Window,
    party: Annotated[str, Parameter(help="Whose activity; yours if not given.")] = "",
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say what the zones that your desk can read would ask of a plan. Nobody is told of it.

    Example: entente zone check --desk ./us --activity air --circle 36.25,37.13,500
    --window 2026-12-02T06:00:00Z..2026-12-02T12:00:00Z
    """
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    body = {"volumes": volumes, "activity": activity, "party": party}
    found = DeskLink.open(desk).call("POST", "/api/holding", body)
    if json:
        print_json(found)
    else:
        print(clean_text(found["words"]))
    return ExitCode.OK


def repeat_windows(volumes: list[dict[str, Any]], *, every_h: int, times: int) -> list[dict[str, Any]]:
    """Return the volumes again for each time that their window recurs, in order of time."""
    if times < 1 or every_h < 1:
        raise Malformed(
            "bad-window", f"window: expected --times and --every-h >= 1, got {times} and {every_h}"
        )
    if len(volumes) * times > MAX_VOLUMES:
        raise Malformed(
            "too-many", f"zone: expected <= {MAX_VOLUMES} volumes in all, got {len(volumes)} {times} times"
        )
    repeated = []
    for turn in range(times):
        shift = timedelta(hours=every_h * turn)
        for one in volumes:
            ends = {end: encode_utc(parse_utc(one[end], path=end) + shift) for end in ("start", "end")}
            repeated.append(one | ends if turn else one)
    return repeated


def read_rule(text: str) -> dict[str, Any]:
    """Return ``PARTY:ACTIVITY=NEEDS`` as the desk takes it."""
    found = _RULE.match(text)
    need = _NEED.match(found[3]) if found else None
    if found is None or need is None or found[2] not in ("*", *get_args(Word)):
        raise Malformed(
            "bad-rule",
            "rule: expected PARTY:ACTIVITY=NEEDS with NEEDS permitted, forbidden, 'notice 48h', 'concurrence "
            f"ru,un' or 'concurrence ru + notice 12h', got {text!r}",
        )
    names = sorted(set(need[2].split(","))) if need[2] else []
    return {
        "party": found[1],
        "activity": found[2],
        "verdict": need[1] or ("concurrence" if names else "notice"),
        "notice_h": int(need[3] or 0),
        "concurrence": names,
    }


def _read_obligation(place: int, text: str) -> dict[str, str]:
    what, equals, guarantor = text.rpartition("=")
    if not equals or not what:
        raise Malformed("bad-obligation", f"obligation: expected TEXT=PARTY, got {text!r}")
    duty, colon, rest = what.partition(":")
    if not colon or duty.strip() not in _DUTIES:
        duty, rest = "other", what
    return {
        "obligation": f"obligation-{place}",
        "duty": duty.strip(),
        "text": rest.strip(),
        "guarantor": guarantor.strip(),
    }
