"""`entente zone|site`: declare zones with their rules and guarantors, and protected sites; withdraw them.

Invariants: a safe or demilitarised zone without a guarantor is refused by the rule, not by the command
line; whatever shows a site says that notification does not create, change or remove anyone's legal
protection.

    $ entente zone declare castello --type demilitarised --obligation "keeps the distances=ru" ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Parties, Polygons, Window, Word
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_volumes
from entente.deconflict import PROTECTION_NOTICE
from entente.kernel.errors import Malformed

ZoneType = Literal["safe", "denied", "restricted", "caution", "demilitarised"]
SiteType = Literal[
    "hospital", "school", "convoy-hub", "water", "worship", "heritage", "camp", "personnel", "other"
]
EVERY_ACTIVITY: tuple[Word, ...] = ("air", "convoy", "drone", "ground", "maritime", "medical", "other")

zone_app = make_app(
    "zone",
    "Declare a zone with its rule and a guarantor for each obligation, or withdraw it.\n\n"
    "Example: entente zone declare castello --desk ./ru --officer duty-1 --type demilitarised\n"
    "           --name 'Castello Road' --rule 'Heavy vehicles stay 3,500 m north'\n"
    "           --polygon '36.27,37.10 36.24,37.11 36.25,37.16 36.28,37.15'\n"
    "           --window 2026-12-01T00:00:00Z..2026-12-08T00:00:00Z --obligation 'keeps the distances=ru'",
)
site_app = make_app(
    "site",
    "Declare a protected site with its buffer, or withdraw it.\n\n"
    f"{PROTECTION_NOTICE}\n\n"
    "Example: entente site declare clinic-3 --desk ./un --officer duty-1 --category hospital\n"
    "           --name 'Clinic' --circle 35.33,40.14,80 --buffer-m 500\n"
    "           --window 2026-12-01T00:00:00Z..2027-01-01T00:00:00Z",
)
APPS = {"zone": zone_app, "site": site_app}


def _one_volume(
    circle: list[str] | None, polygon: list[str] | None, geojson: list[Path] | None, heights: str, window: str
) -> dict[str, Any]:
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    if len(volumes) != 1:
        raise Malformed("too-many", f"place: expected one circle or polygon, got {len(volumes)}")
    return volumes[0]


@zone_app.command(name="declare")
def declare_zone(  # noqa: PLR0913 - a zone has this many sides
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    zone_type: Annotated[ZoneType, Parameter(name="--type", help="What kind of zone it is.")],
    name: Annotated[str, Parameter(help="Its name, for people.")],
    rule: Annotated[str, Parameter(help="What holds in it, in words.")],
    window: Window,
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    applies_to: Annotated[
        list[Word] | None, Parameter(help="Kinds of activity that it is about; all if not given.")
    ] = None,
    permits: Annotated[
        list[str] | None, Parameter(help="A party whose activities are permitted in it.")
    ] = None,
    obligation: Annotated[
        list[str] | None, Parameter(help="'TEXT=PARTY': what is owed, and who guarantees it.")
    ] = None,
    source: Annotated[str, Parameter(help="Where the rule comes from.")] = "",
    replaces: Annotated[str, Parameter(help="Hash or index of the version that this one replaces.")] = "",
    to: Parties = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Declare the zone ID."""
    link = DeskLink.open(desk)
    body: dict[str, Any] = {
        "officer": officer,
        "id": name_id,
        "name": name,
        "zone": zone_type,
        "volume": _one_volume(circle, polygon, geojson, heights, window),
        "rule": rule,
        "applies_to": sorted(applies_to or EVERY_ACTIVITY),
        "permits": sorted(permits or []),
        "obligations": [_obligation(place, text) for place, text in enumerate(obligation or [], 1)],
        "source": source,
        "replaces": replaces or None,
        "to": sorted(to or []),
    }
    return print_spoken(link.call("POST", "/api/declare-zone", body), f"zone {name_id!r}", as_json=json)


@site_app.command(name="declare")
def declare_site(  # noqa: PLR0913 - a site has this many sides
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    category: Annotated[SiteType, Parameter(help="What kind of site it is.")],
    name: Annotated[str, Parameter(help="Its name, for people.")],
    window: Window,
    buffer_m: Annotated[int, Parameter(help="How far to keep away from it, metres.")],
    heights: Heights = "..",
    circle: Circles = None,
    polygon: Polygons = None,
    geojson: GeoJSON = None,
    source: Annotated[str, Parameter(help="Where the position comes from.")] = "",
    replaces: Annotated[str, Parameter(help="Hash or index of the version that this one replaces.")] = "",
    to: Parties = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Declare the protected site ID."""
    link = DeskLink.open(desk)
    body = {
        "officer": officer,
        "id": name_id,
        "name": name,
        "category": category,
        "volume": _one_volume(circle, polygon, geojson, heights, window),
        "buffer_cm": buffer_m * 100,
        "source": source,
        "replaces": replaces or None,
        "to": sorted(to or []),
    }
    code = print_spoken(link.call("POST", "/api/declare-site", body), f"site {name_id!r}", as_json=json)
    if not json:
        print(PROTECTION_NOTICE)
    return code


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
    """Withdraw the zone ID."""
    return _withdraw("zone", name_id, officer, note, desk, as_json=json)


@site_app.command(name="withdraw")
def withdraw_site(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    note: Annotated[str, Parameter(help="Why.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Withdraw the site ID."""
    return _withdraw("site", name_id, officer, note, desk, as_json=json)


def _withdraw(kind: str, name_id: str, officer: str, note: str, desk: DeskFolder, *, as_json: bool) -> int:
    answer = DeskLink.open(desk).call(
        "POST", "/api/withdraw", {"officer": officer, "type": kind, "id": name_id, "note": note}
    )
    return print_spoken(answer, f"{kind} {name_id!r}", as_json=as_json)


def _obligation(place: int, text: str) -> dict[str, str]:
    what, equals, guarantor = text.rpartition("=")
    if not equals or not what:
        raise Malformed("bad-obligation", f"obligation: expected TEXT=PARTY, got {text!r}")
    return {"obligation": f"obligation-{place}", "text": what, "guarantor": guarantor}
