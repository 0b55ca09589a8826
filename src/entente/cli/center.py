"""`entente center init|serve|restore|migrate`: make a center from the parties' cards, run, restore, move it.

Invariants: `init` writes nothing that can be served unless the whole charter is sound; `serve` prints
where it listens and what it waits for, and ends with its own exit codes.

    $ entente center init ./center --origin example.org/joint --card us.party.json --card ru.party.json ...
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed
from entente.store.clock import parse_clock

DEFAULT_RULES: Final[dict[str, int]] = {
    "lateral_m": 5000,
    "vertical_m": 300,
    "time_s": 600,
    "read_back_tolerance_m": 500,
    "escalate_minutes": 5,
    "lapse_minutes": 60,
    "readout_minutes": 1440,
}
_METRES: Final = {
    "lateral_m": "lateral_cm",
    "vertical_m": "vertical_cm",
    "read_back_tolerance_m": "read_back_tolerance_cm",
}

app = make_app(
    "center",
    "Make a center, run it, restore its record from a party's mirror, or move it to PostgreSQL.\n\n"
    "Example: entente center init ./center --origin example.org/joint --name 'Joint center'\n"
    "           --url http://127.0.0.1:7100 --card us/us.party.json --card ru/ru.party.json\n"
    "Example: entente center serve ./center",
)
APPS = {"center": app}


@app.command
def init(  # noqa: PLR0913 - each is a thing that only the founders can say
    folder: Path,
    *,
    origin: Annotated[str, Parameter(help="Name of the record: a URL without scheme.")],
    name: Annotated[str, Parameter(help="Name of the center, for people.")],
    url: Annotated[str, Parameter(help="Where desks reach it.")],
    card: Annotated[list[Path], Parameter(help="A founding party's card; give one for each party.")],
    listen: Annotated[str, Parameter(help="HOST:PORT to listen on; the URL's if not given.")] = "",
    rules: Annotated[
        Path | None, Parameter(help="TOML with a table [rules] and standing terms [[terms]].")
    ] = None,
    exercise: Annotated[bool, Parameter(help="Mark the record as an exercise, for ever.")] = False,
    tls: Annotated[bool, Parameter(help="Speak TLS only, with client certificates of the parties.")] = False,
    clock: Annotated[str, Parameter(help="'system', or an exercise clock.")] = "system",
    json: Json = False,
) -> int:
    """Make a center's folder and the draft of its charter.

    Example: entente center init ./center --origin example.org/joint --name 'Joint center'
    --url http://127.0.0.1:7100 --card us/us.party.json --card ru/ru.party.json --rules rules.toml
    """
    from urllib.parse import urlsplit

    from entente.center.draft import CenterPlan
    from entente.center.folder import CenterSettings
    from entente.center.founding import init_center
    from entente.kernel.charter import AgreedRules, StandingTerm, charter_fingerprint
    from entente.kernel.roster import parse_card
    from entente.store.random import SystemRandom

    agreed, terms = read_rules(rules)
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Malformed("bad-url", f"url: expected http://HOST:PORT or https://HOST:PORT, got {url!r}")
    if tls != (parts.scheme == "https"):
        raise Malformed(
            "bad-url", f"url: expected {'https' if tls else 'http'}:// (tls is {tls}), got {url!r}"
        )
    port = parts.port or (443 if tls else 80)
    settings = convert_to(
        {
            "origin": origin,
            "url": url,
            "listen": listen or f"{parts.hostname}:{port}",
            "clock": clock,
            "tls": tls,
            "client_certificates": tls,
        },
        CenterSettings,
    )
    plan = CenterPlan(
        origin=settings.origin,
        name=name,
        url=settings.url,
        exercise=exercise,
        rules=convert_to(agreed, AgreedRules, path="$.rules"),
        terms=[convert_to(term, StandingTerm, path="$.terms") for term in terms],
        cards=[parse_card(_read(file)) for file in card],
    )
    draft = init_center(
        folder, plan, settings, parse_clock(clock), SystemRandom(), tls_hosts=(parts.hostname,) if tls else ()
    )
    fingerprint = charter_fingerprint(draft.payload)
    parties = [founder.party for founder in draft.charter.parties]
    if json:
        print_json({"ok": True, "folder": str(folder), "charter": fingerprint, "parties": parties})
        return ExitCode.OK
    print(f"center    {folder}")
    print(f"charter   {fingerprint}")
    print(f"parties   {', '.join(parties)}")
    print("\nNext: entente center serve", folder)
    print(f"Then each party: entente desk join DIR --center {url}")
    print("and all compare the charter's fingerprint by voice.")
    return ExitCode.OK


@app.command
def serve(
    folder: Path,
    *,
    start_without: Annotated[
        list[str] | None,
        Parameter(help="Start although this party's witness does not answer; said in the center's log."),
    ] = None,
    listen: Annotated[str, Parameter(help="HOST:PORT to listen on, instead of what center.toml says.")] = "",
    json: Json = False,
) -> int:
    """Run the center until it is told to stop (Ctrl-C or SIGTERM).

    With a database in center.toml, a second process of the same center waits until the first one ends; it
    answers reads meanwhile, and then takes over.

    Example: entente center serve ./center
    """
    from entente.center.folder import parse_address
    from entente.center.serve import serve_center

    return serve_center(
        folder,
        without=tuple(start_without or ()),
        listen=parse_address(listen) if listen else None,
        on_ready=lambda url: _print_ready(url, as_json=json),
    )


@app.command
def restore(
    folder: Path,
    *,
    mirror: Annotated[Path, Parameter(help="A party's mirror folder, or a copy of it.")],
    json: Json = False,
) -> int:
    """Put the record of a party's mirror in the place of a lost, damaged or old journal.

    The center must not run. The old journal is kept beside the new one. The next start asks the
    witnesses, as every start does.

    Example: entente center restore ./center --mirror ./us/mirror
    """
    from entente.center.restore import restore_journal_from
    from entente.store.clock import SystemClock
    from entente.store.mirror import FolderTileSource

    done = restore_journal_from(folder, FolderTileSource(mirror), SystemClock())
    if json:
        print_json({"ok": True, "size": done.size, "replaced": done.replaced})
    else:
        print(f"journal   {done.size} entries, from {mirror}")
        if done.replaced:
            print(f"kept      the old journal, as {folder / done.replaced}")
        print("\nNext: entente center serve", folder)
    return ExitCode.OK


@app.command
def rebuild(
    folder: Path,
    *,
    check: Annotated[bool, Parameter(help="Only compute and compare; leave the database as it is.")] = False,
    json: Json = False,
) -> int:
    """Compute the center's tables and conflict index again from its journal; compare them with what is there.

    The center must not run. Every signature is checked again. The new database takes the old one's name in
    one step; the old one is kept beside it. What differs is said; with --check the exit code then tells too.

    Example: entente center rebuild ./center --check
    """
    from entente.center.rebuild import rebuild_center
    from entente.store.clock import SystemClock

    done = rebuild_center(
        folder, SystemClock(), check_only=check, on_progress=None if json else _print_progress
    )
    is_wrong = check and bool(done.differences or done.damage)
    if json:
        print_json(
            {
                "ok": not is_wrong,
                "size": done.size,
                "differences": list(done.differences),
                "damage": done.damage,
                "replaced": done.replaced,
            }
        )
        return ExitCode.VERIFICATION_FAILED if is_wrong else ExitCode.OK
    print(f"computed  {done.size} entries again from the journal")
    if done.damage:
        print(f"damaged   the old database: {done.damage}")
    elif done.differences:
        print("differs   the old database, in:")
        for difference in done.differences:
            print(f"          {difference}")
    else:
        print("equal     rows, times and conflict index, old and new")
    if done.replaced:
        print(f"kept      the old database, as {folder / done.replaced}")
    if not check:
        print("\nNext: entente center serve", folder)
    return ExitCode.VERIFICATION_FAILED if is_wrong else ExitCode.OK


def _print_progress(applied: int, wanted: int) -> None:
    print(f"          {applied} of {wanted} entries", flush=True)


@app.command
def migrate(
    folder: Path,
    *,
    to: Annotated[str, Parameter(help="'postgresql://USER@HOST:PORT/NAME', or 'sqlite' for the folder.")],
    json: Json = False,
) -> int:
    """Move the center's record, ciphertexts and tables to a PostgreSQL database, or back to its folder.

    The center must not run. Everything is copied, then checked: every frame's signature and root, every row.
    Only then center.toml names the new place. What goes wrong leaves the old one in force, and the move can
    be done again. The old copy stays: remove it when you have seen the center run.

    Example: entente center migrate ./center --to postgresql://entente@db.example/entente
    Example: entente center migrate ./center --to sqlite
    """
    from entente.center.folder import CenterFolder
    from entente.center.move import move_to_files, move_to_postgres
    from entente.cli.progress import ProgressLines
    from entente.store.sql_postgres import describe_url, is_postgres_url

    clock = parse_clock(CenterFolder(folder).read_settings().clock)
    with ProgressLines(is_quiet=json) as progress:
        if to == "sqlite":
            moved, place = move_to_files(folder, clock, on_progress=progress.tell), str(folder)
        elif is_postgres_url(to):
            moved, place = move_to_postgres(folder, to, clock, on_progress=progress.tell), describe_url(to)
        else:
            scheme = to.partition(":")[0]
            raise Malformed("bad-url", f"--to: expected 'postgresql://...' or 'sqlite', got {scheme!r}")
    if json:
        print_json({"ok": True, "size": moved.size, "rows": moved.rows, "place": place})
    else:
        print(f"moved     {moved.size} entries and {moved.rows} rows, checked, to {place}")
        print("\nNext: entente center serve", folder)
    return ExitCode.OK


def _print_ready(url: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "listening": url})
    else:
        print(f"center listens on {url}; Ctrl-C ends it", flush=True)


def read_rules(path: Path | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return agreed rules, in the charter's units, and standing terms from a TOML file."""
    given: dict[str, Any] = {}
    terms: list[dict[str, Any]] = []
    if path is not None:
        try:
            tree = tomllib.loads(_read(path).decode("utf-8"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Malformed("bad-toml", f"rules {str(path)!r}: {str(error).lower()}") from error
        given = dict(tree.get("rules", {}))
        terms = list(tree.get("terms", []))
        unknown = set(tree) - {"rules", "terms"}
        if unknown:
            raise Malformed(
                "bad-rules", f"rules {str(path)!r}: expected [rules] and [[terms]], got {sorted(unknown)}"
            )
    known = {*DEFAULT_RULES, "dishonest_witnesses"}
    for name in given:
        if name not in known:
            raise Malformed("bad-rules", f"rules: expected one of {', '.join(sorted(known))}, got {name!r}")
    merged = {**DEFAULT_RULES, "dishonest_witnesses": None, **given}
    agreed = {
        _METRES.get(name, name): _centimetres(name, value) if name in _METRES else value
        for name, value in merged.items()
    }
    return agreed, terms


def _centimetres(name: str, metres: Any) -> int:  # noqa: ANN401 - whatever the file says
    if isinstance(metres, bool) or not isinstance(metres, (int, Decimal)):
        raise Malformed("bad-rules", f"rules: expected a number of metres for {name}, got {metres!r}")
    scaled = Decimal(metres) * 100
    if scaled != scaled.to_integral_value():
        raise Malformed("bad-rules", f"rules: expected {name} to the centimetre, got {metres}")
    return int(scaled)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Malformed(
            "no-file", f"file {str(path)!r}: {(error.strerror or 'cannot be read').lower()}"
        ) from error
