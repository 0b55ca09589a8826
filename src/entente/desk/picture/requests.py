"""What is asked of the picture: which moment, which part of the world, which time, how much.

Invariants: flags are 0 or 1 and left out means the default, so that every question can be a link; degrees
are decimal text, longitude -180 to 180, and a window whose west is greater than its east goes across 180;
``at_size`` is a number of entries, 0 is the newest.

It answers nothing: `verbs` does.

    >>> PictureRequest(west="36.5", south="35", east="38", north="37", limit=300)
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.deconflict.activity import ActivityWord, PartyList
from entente.kernel.errors import Malformed
from entente.kernel.wire import SlugText, WireStruct
from entente.space import PositionE7, VolumeWire

MOST_OBJECTS: Final = 20_000
MOST_VOLUMES: Final = 500_000
MOST_BUCKETS: Final = 500
_LARGEST: Final = 9_007_199_254_740_991
"""The largest whole number that a page's script can hold."""
Flag = Annotated[int, msgspec.Meta(ge=0, le=1)]
Size = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
Micros = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]
DegreeText = Annotated[str, msgspec.Meta(pattern=r"^(?:-?\d{1,3}(?:\.\d{1,9})?)?$(?!\n)", max_length=16)]
RoleText = Annotated[str, msgspec.Meta(pattern=r"^[a-z,-]*$(?!\n)", max_length=120)]


class WindowRequest(WireStruct, frozen=True, kw_only=True):
    """A moment of the record, a part of the world, a span of time."""

    at_size: Size = 0
    west: DegreeText = ""
    south: DegreeText = ""
    east: DegreeText = ""
    north: DegreeText = ""
    from_us: Micros = 0
    until_us: Micros = 0
    ended: Flag = 0


class PictureRequest(WindowRequest, frozen=True, kw_only=True):
    """Everything that is drawn or listed."""

    rings: Flag = 1
    around: Flag = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_OBJECTS)] = 2_000


class VolumesRequest(WindowRequest, frozen=True, kw_only=True):
    """The same as one GeoJSON; ``roles`` names those wanted, with commas, or none for all."""

    around: Flag = 0
    roles: RoleText = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=MOST_VOLUMES)] = MOST_VOLUMES


class MomentsRequest(WireStruct, frozen=True, kw_only=True):
    """How the record grew over a span of time, and how large it was at one moment."""

    from_us: Micros = 0
    until_us: Micros = 0
    at_us: Micros = 0
    buckets: Annotated[int, msgspec.Meta(ge=1, le=MOST_BUCKETS)] = 120
    clock: Literal["claimed", "recorded"] = "claimed"


class MomentRequest(WireStruct, frozen=True, kw_only=True):
    """When the record had a size."""

    at_size: Size = 0


class TryRequest(WireStruct, frozen=True, kw_only=True):
    """A draft: of a new activity (``kind``), or other volumes for one that stands (``activity``)."""

    volumes: Annotated[list[VolumeWire], msgspec.Meta(max_length=50)] | None = None
    kind: ActivityWord | None = None
    armed: bool = False
    activity: SlugText | None = None
    to: PartyList | None = None


class CorridorRequest(WireStruct, frozen=True, kw_only=True):
    """A line and how far to each side."""

    line_e7: Annotated[list[PositionE7], msgspec.Meta(min_length=2, max_length=500)]
    half_width_cm: Annotated[int, msgspec.Meta(ge=1, le=50_000_000)]


class Window(msgspec.Struct, frozen=True):
    """A part of the world in degrees, as one or two spans of longitude, and a span of time; all if None."""

    box: tuple[float, float, float, float] | None
    from_us: int
    until_us: int

    @property
    def width_deg(self) -> float:
        """How far the box goes, from its west to the east: 360 for all the world, and where there is none."""
        if self.box is None or (self.box[0], self.box[2]) == (-180.0, 180.0):
            return 360.0
        return (self.box[2] - self.box[0]) % 360.0


def read_window(request: WindowRequest) -> Window:
    """Return the window that is asked for.

    Raises:
        Malformed: Some of the four degrees are given and some not, or one is out of range.
    """
    texts = {name: getattr(request, name) for name in ("west", "south", "east", "north")}
    if not any(texts.values()):
        return Window(None, request.from_us, request.until_us)
    degrees = []
    for name, text in texts.items():
        most = 180.0 if name in {"west", "east"} else 90.0
        if not text or not -most <= float(text) <= most:
            raise Malformed(
                "bad-window", f"window: expected {name} within +-{most:.0f}, got {text!r}", path=f"$.{name}"
            )
        degrees.append(float(text))
    west, south, east, north = degrees
    if south > north:
        raise Malformed(
            "bad-window", f"window: expected south <= north, got {south} > {north}", path="$.south"
        )
    return Window((west, south, east, north), request.from_us, request.until_us)
