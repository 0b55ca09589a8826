"""`entente screen`: which volumes or tracks of a file conflict, with each other, another file's, or sites.

It asks no center and tells nobody: a plan is screened before it is notified.

Invariants: complete, or an error; a file that is written is written whole or not at all; an interrupt ends
all threads and leaves no file.

    $ entente screen plan.parquet --datum ellipsoid --lateral 500 --vertical 150 --time 600
"""

from __future__ import annotations

import json as json_text
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from entente.cli.output import ExitCode, print_json, report_error
from entente.cli.progress import ProgressLines
from entente.cli.run import Json, make_app
from entente.kernel.errors import Malformed, TooManyConflicts, TransportError
from entente.space import Separation

if TYPE_CHECKING:
    from entente.screening import Screened, TrackRules, VolumeSet

app = make_app(
    "screen",
    "Find every pair that conflicts: within a file, between two, or with sites and their buffers.\n\n"
    "Files: GeoParquet, GeoJSON, or a CSV of tracks; columns and units: docs/screening.md.\n\n"
    "Example: entente screen plan.parquet --datum ellipsoid --lateral 500 --vertical 150 --time 600\n"
    "Example: entente screen plan.parquet --sites hospitals.geojson --buffer 2000 --arrow near.arrow\n"
    "Example: entente screen day.csv --datum 'amsl 48+-2' --radius 50 --half-height 30 --lateral 5556\n\n"
    "Exit codes: 0 no conflict, 3 conflicts found, 2 wrong input, a budget too small or too many pairs,\n"
    "5 the cluster does not answer.",
)
APPS = {"screen": app}

_TOLD: Final = 10
"""Conflicts that are told in words."""


@app.default
def screen(  # noqa: PLR0913 - each option is one parameter
    file: Path,
    other: Path | None = None,
    *,
    sites: Annotated[Path | None, Parameter(help="Sites to screen FILE against, in place of OTHER.")] = None,
    buffer: Annotated[
        float, Parameter(help="Metres that a site reaches in every direction, where its own do not say.")
    ] = 0.0,
    lateral: Annotated[float, Parameter(help="Separation along the ground, in metres.")] = 0.0,
    vertical: Annotated[float, Parameter(help="Separation in height, in metres.")] = 0.0,
    time: Annotated[float, Parameter(help="Separation in time, in seconds.")] = 0.0,
    datum: Annotated[
        str,
        Parameter(
            help="What heights are above, where a file does not say:"
            " ellipsoid, 'amsl N+-U', 'agl LOW..HIGH+-U'."
        ),
    ] = "",
    radius: Annotated[
        float | None, Parameter(help="Of tracks: metres that a mover reaches round it.")
    ] = None,
    half_height: Annotated[
        float | None, Parameter(help="Of tracks: metres that a mover reaches up and down.")
    ] = None,
    max_gap: Annotated[float, Parameter(help="Of tracks: a longer gap in seconds cuts a track.")] = 60.0,
    max_speed: Annotated[float, Parameter(help="Of tracks: a faster leg, in m/s, cuts a track.")] = 400.0,
    threads: Annotated[int, Parameter(help="That work at once; 0: as many as there are cores.")] = 0,
    memory: Annotated[int | None, Parameter(help="Budget in MB; what does not fit is refused.")] = None,
    most: Annotated[int, Parameter(help="More pairs than this are refused.")] = 100_000_000,
    arrow: Annotated[Path | None, Parameter(help="Write all pairs to this Arrow file.")] = None,
    geojson: Annotated[Path | None, Parameter(help="Write what conflicts to this GeoJSON file.")] = None,
    scheduler: Annotated[str, Parameter(help="Address of a dask scheduler whose workers search.")] = "",
    json: Json = False,
) -> int:
    """Screen FILE: its own pairs, or against OTHER, or against --sites."""
    if sites is not None and other is not None:
        raise Malformed("two-seconds", "screen: expected OTHER or --sites, got both")
    keep = Separation(lateral, vertical, time)
    room = _find_room()
    budget = room.Budget(threads or len(os.sched_getaffinity(0)), memory, most)
    rules = _read_rules(radius, half_height, datum, max_gap, max_speed)
    with ProgressLines(is_quiet=json) as progress:

        def read(path: Path, *, is_site: bool = False) -> VolumeSet:
            made: VolumeSet = room.read_table(
                path,
                datum=datum,
                is_site=is_site,
                tracks=rules,
                threads=budget.threads,
                memory_mb=memory,
                on_progress=lambda done, whole: progress.tell(f"read {path.name}", done, whole),
            )
            return made

        first = read(file)
        second = (
            read(sites, is_site=True) if sites is not None else read(other) if other is not None else None
        )
        client = _connect(scheduler)
        try:
            found: Screened = room.screen(
                first,
                second,
                separation=keep,
                buffer_m=buffer if sites is not None else None,
                budget=budget,
                on_progress=lambda done, whole: progress.tell("screen", done, whole),
                client=client,
            )
        except TooManyConflicts as error:
            report_error(error, as_json=json)
            return ExitCode.USAGE
        finally:
            if client is not None:
                client.close()
        if arrow is not None:
            _write_whole(arrow, lambda target: _write_arrow(target, found))
        if geojson is not None:
            _write_whole(geojson, lambda target: target.write_text(_encode_geojson(found), encoding="utf-8"))
    _tell(found, [first] if second is None else [first, second], as_json=json)
    return ExitCode.REFUSED if len(found) else ExitCode.OK


def _find_room() -> Any:  # noqa: ANN401 - a module
    try:
        import entente.screening as room
    except ImportError as error:
        raise Malformed(
            "no-extra", f"screen: expected the extra 'bulk' (pip install 'entente[bulk]'), got: {error}"
        ) from error
    return room


def _read_rules(
    radius_m: float | None, half_height_m: float | None, datum: str, max_gap_s: float, max_speed_m_s: float
) -> TrackRules | None:
    if radius_m is None and half_height_m is None:
        return None
    if radius_m is None or half_height_m is None:
        raise Malformed("no-radius", "tracks: expected --radius and --half-height, got one of them")
    rules: TrackRules = _find_room().TrackRules(radius_m, half_height_m, datum, max_gap_s, max_speed_m_s)
    return rules


def _connect(address: str) -> Any:  # noqa: ANN401 - distributed carries no types
    if not address:
        return None
    try:
        from distributed import Client
    except ImportError as error:
        raise Malformed(
            "no-extra", f"scheduler: expected the extra 'cluster' (pip install 'entente[cluster]'): {error}"
        ) from error
    try:
        return Client(address, timeout=10, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise TransportError(
            "no-scheduler", f"scheduler {address!r}: expected one that answers, got: {error}"
        ) from error


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Have a file written beside its place and moved there when it is complete."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        target = Path(name)
        try:
            write(target)
            target.chmod(0o644)
            target.replace(path)
        finally:
            target.unlink(missing_ok=True)
    except OSError as error:
        raise Malformed("no-output", f"file {str(path)!r}: {error.strerror or error}") from error


def _write_arrow(path: Path, found: Screened) -> None:
    import pyarrow as pa

    table = found.to_arrow()
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _encode_geojson(found: Screened) -> str:
    """Return each object that conflicts as a feature, with the ids of those that it conflicts with."""
    from entente.screening.geojson import describe_object

    partners: dict[tuple[int, int], list[str]] = {}
    is_one = found.first_set is found.second_set
    for place, (a, b) in enumerate(zip(found.first.tolist(), found.second.tolist(), strict=True)):
        one, two = found.names(place)
        partners.setdefault((0, a), []).append(two)
        partners.setdefault((0 if is_one else 1, b), []).append(one)
    features = []
    for (side, number), others in sorted(partners.items()):
        made = found.second_set if side else found.first_set
        features.append(
            {
                "type": "Feature",
                "id": made.name(number),
                "geometry": describe_object(made, number),
                "properties": {"set": "second" if side else "first", "conflicts_with": sorted(others)},
            }
        )
    return json_text.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False) + "\n"


def _tell(found: Screened, sets: list[VolumeSet], *, as_json: bool) -> None:
    notes = [note for made in sets for note in made.notes]
    if as_json:
        print_json(
            {
                "ok": True,
                "exit": int(ExitCode.REFUSED if len(found) else ExitCode.OK),
                "screened": [len(made) for made in sets],
                "rule": found.rule,
                "pairs": len(found),
                "conflicts": found.to_arrow().to_pylist(),
                "notes": notes,
            }
        )
        return
    screened = " against ".join(f"{len(made):,}" for made in sets)
    keep = found.separation
    print(
        f"{screened} screened, {len(found):,} {'conflict' if len(found) == 1 else 'conflicts'} ({found.rule};"
        f" separation {keep.lateral_m:g} m, {keep.vertical_m:g} m in height, {keep.time_s:g} s)"
    )
    for place in range(min(_TOLD, len(found))):
        print(f"  {_spell(found.describe(place))}")
    if len(found) > _TOLD:
        print(f"  and {len(found) - _TOLD:,} more: --arrow FILE, --geojson FILE or --json has all")
    for note in notes:
        print(f"note: {_spell(note)}")


def _spell(text: str) -> str:
    """Return text with what steers a terminal written out: ids and file names are another's."""
    # SECURITY: an id with control signs could clear the screen and write another answer there.
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
