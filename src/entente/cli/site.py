"""`entente site`: declare a protected site, confirm it again, verify another party's, withdraw one.

Invariants: a site goes to nobody but whom its owner agreed to, and the command says to whom that is;
whatever shows a site says that notification does not create, change or remove anyone's legal protection.

    $ entente site declare clinic-3 --category hospital --owner "Red Crescent" --expires 2027-01-01T00:00:00Z
    ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.activity import Circles, GeoJSON, Heights, Parties, Polygons
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.volumes import read_volumes
from entente.deconflict import PROTECTION_NOTICE
from entente.kernel.errors import Malformed
from entente.terms.words.text import clean_text

SiteType = Literal[
    "hospital", "school", "convoy-hub", "water", "worship", "heritage", "camp", "personnel", "other"
]
Found = Literal["plausible", "verified", "doubted", "not-stated"]
Reason = Literal["consent-withdrawn", "closed", "mistaken", "other"]
_ALWAYS = "2100-01-01T00:00:00Z"
"""Until when a site is there if nobody says: an expired notification must not end its buffer."""

site_app = make_app(
    "site",
    "Declare a protected site with its buffer; confirm it again, verify another's, withdraw it.\n\n"
    f"{PROTECTION_NOTICE}\n\n"
    "Example: entente site declare clinic-3 --desk ./un --officer duty-1 --category hospital\n"
    "           --name 'Clinic' --circle 35.33,40.14,80 --buffer-m 500 --owner 'Red Crescent'\n"
    "           --consent-given 2026-11-20T00:00:00Z --expires 2027-01-01T00:00:00Z --to ru --to us\n"
    "Example: entente site verify clinic-3 --desk ./us --officer duty-1 --found plausible\n"
    "           --by 'Imagery cell' --method 'picture of 3 May, roof marking seen'",
)
APPS = {"site": site_app}


def _one_volume(
    circle: list[str] | None, polygon: list[str] | None, geojson: list[Path] | None, heights: str, window: str
) -> dict[str, Any]:
    volumes = read_volumes(
        circles=circle or [], polygons=polygon or [], heights=heights, window=window, files=geojson or []
    )
    if len(volumes) != 1:
        raise Malformed("too-many", f"place: expected one circle or polygon, got {len(volumes)}")
    return volumes[0]


@site_app.command(name="declare")
def declare_site(  # noqa: PLR0913 - a site has this many sides
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    category: Annotated[SiteType, Parameter(help="What kind of site it is.")],
    name: Annotated[str, Parameter(help="Its name, for people.")],
    buffer_m: Annotated[int, Parameter(help="How far to keep away from it, metres.")],
    owner: Annotated[str, Parameter(help="Whose site it is.")],
    consent_given: Annotated[str, Parameter(help="When its owner agreed that it be told, UTC.")],
    expires: Annotated[str, Parameter(help="Until when this holds unless it is confirmed again, UTC.")],
    consent_to: Annotated[
        list[str] | None,
        Parameter(help="To whom its owner agreed to have it told; as --to if not given."),
    ] = None,
    consent_note: Annotated[str, Parameter(help="How that is known: a letter, a call.")] = "",
    window: Annotated[
        str, Parameter(name="--window", help="START..END: when it is there; for good if not given.")
    ] = "",
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
    there = window or f"{consent_given}..{_ALWAYS}"
    body = {
        "officer": officer,
        "id": name_id,
        "name": name,
        "category": category,
        "volume": _one_volume(circle, polygon, geojson, heights, there),
        "buffer_cm": buffer_m * 100,
        "source": source,
        "consent": {
            "owner": owner,
            "given": consent_given,
            "recipients": sorted(set(consent_to if consent_to is not None else to or [])),
            "note": consent_note,
        },
        "expires": expires,
        "replaces": replaces or None,
        "to": sorted(to or []),
    }
    answer = link.call("POST", "/api/declare-site", body)
    return _print_with_notice(answer, name_id, as_json=json)


@site_app.command
def reconfirm(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    expires: Annotated[str, Parameter(help="Until when it holds now, UTC.")],
    note: Annotated[str, Parameter(help="How that is known.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Confirm that your notification of the site ID is still right.

    Example: entente site reconfirm clinic-3 --desk ./un --officer duty-1 --expires 2027-03-01T00:00:00Z
    """
    body = {"officer": officer, "id": name_id, "expires": expires, "note": note}
    answer = DeskLink.open(desk).call("POST", "/api/reconfirm-site", body)
    return _print_with_notice(answer, name_id, as_json=json)


@site_app.command
def verify(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    found: Annotated[Found, Parameter(help="What you found; not-stated takes an earlier word back.")],
    by: Annotated[str, Parameter(help="Which unit or agency of yours looked.")],
    method: Annotated[str, Parameter(help="How: a visit, a picture, a call.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say what you found of another party's site ID. Nobody verifies his own; a doubt changes no protection.

    Example: entente site verify clinic-3 --desk ./us --officer duty-1 --found verified --by 'Liaison cell'
    """
    body = {"officer": officer, "id": name_id, "found": found, "by": by, "method": method}
    answer = DeskLink.open(desk).call("POST", "/api/verify-site", body)
    return _print_with_notice(answer, name_id, as_json=json)


@site_app.command(name="withdraw")
def withdraw_site(
    name_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[Reason, Parameter(help="Why the notification is taken back.")],
    note: Annotated[str, Parameter(help="What is to be said about it.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Withdraw your notification of the site ID, and nothing else: its protection stays.

    Example: entente site withdraw clinic-3 --desk ./un --officer duty-1 --reason consent-withdrawn
    """
    body = {"officer": officer, "id": name_id, "reason": reason, "note": note}
    answer = DeskLink.open(desk).call("POST", "/api/withdraw-site", body)
    return _print_with_notice(answer, name_id, as_json=json)


@site_app.command
def show(
    name_id: Annotated[str, Parameter(name="ID")], /, *, desk: DeskFolder = None, json: Json = False
) -> int:
    """Show the site ID: who was told, until when it is confirmed, who has verified it.

    Example: entente site show clinic-3 --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/site", id=name_id)
    if json:
        print_json(found)
    else:
        print(clean_text(found["words"]))
    return ExitCode.OK


def _print_with_notice(answer: dict[str, Any], name_id: str, *, as_json: bool) -> int:
    code = print_spoken(answer, f"site {name_id!r}", as_json=as_json)
    if not as_json:
        print(PROTECTION_NOTICE)
    return code
