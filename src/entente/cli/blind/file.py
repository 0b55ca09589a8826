"""The file that holds rules of blind checks, to be edited and proposed: TOML for people, JSON as well.

Invariants: the file's names and units are those of the message (docs/formats/blind.md), so that what is
signed is what was read; a name that is not known is an error and names its place; what `encode_rules_file`
writes, `read_rules_file` reads to the same.

It proposes nothing.

    >>> read_rules_file(Path("skies.toml"))["epoch_h"]
    24
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc

if TYPE_CHECKING:
    from entente.space import Separation

MAX_FILE_BYTES: Final = 1 << 20
DEFAULT_ORIGIN: Final = "2026-01-01T00:00:00Z"
DEFAULT_ALLOWANCE: Final = {
    # Two of a large theatre's day, and each repeated once (docs/blind.md, "Budgets").
    "whole_cells": 2_000_000,
    "whole_runs": 8,
    "delta_cells": 20_000,
    "delta_runs": 200,
    "matches": 0,
}
HEAD: Final = (
    "Rules of blind checks: read them, change what does not fit, then",
    "    entente blind propose FILE",
    "Both sides sign these very words; a change needs rules of another name. See docs/blind.md.",
)
_COMMENTS: Final = {
    "partner": "the other party; yours is that of the desk which proposes",
    "modes": '"exact": each learns which of its cells the other touches; "yes-no", "count": by the center',
    "starts": "when epoch 0 begins, UTC; empty: when it is proposed",
    "epoch_h": "hours of an epoch: each has keys, commitments and allowances of its own",
    "epochs": "how many; after the last one nothing is asked under these rules",
    "answer_min": "who has not answered a question after so many minutes is in default",
    "agreement": "the agreement that these rules belong to, or empty",
    "auditor": "a third party of this center to whom plans can be opened afterwards, or empty",
    "audit_days": "how long each side keeps what an audit needs",
    "whole_cells": "cells, padded, that whole plans may ask for in an epoch",
    "whole_runs": "how often",
    "delta_cells": "cells, padded, that new activities may ask for in an epoch",
    "delta_runs": "how often",
    "matches": "yes/no and count runs in an epoch, together",
    "lowest_cm": "what lies lower is in the lowest band",
    "highest_cm": "what lies higher is in the highest",
    "origin": "where bins of time are counted from",
    "widened": "whose volumes the separation widens: a, the first of both parties by name, or b",
    "space_levels": "levels of S2 cells, coarse to fine: 9 is some 17 km, 12 some 2 km, 14 some 500 m",
    "bands_cm": "heights of bands",
    "bins_s": "lengths of time bins",
    "across_cm": "this grain is for volumes at least so wide,",
    "thick_cm": "so high,",
    "lasts_s": "and so long; the last grain takes all others",
    "lateral_cm": "what is to be kept sideways,",
    "vertical_cm": "in height,",
    "time_s": "in time",
}
_ORDER: Final = (
    *("id", "partner", "modes", "starts", "epoch_h", "epochs"),
    *("answer_min", "agreement", "auditor", "audit_days"),
)


def make_default_rules(
    keep: Separation, partner: str, rules_id: str, origin: str, *, is_coarse: bool = False
) -> dict[str, Any]:
    """Return rules with a grid for a separation and an allowance to start from."""
    from entente.blind.grid import encode_grid
    from entente.blind.grid_default import propose_grid

    grid = propose_grid(keep, origin_utc=parse_utc(origin, path="--origin"), widened="a", is_coarse=is_coarse)
    return {
        "id": rules_id,
        "partner": partner,
        "modes": ["exact"],
        "starts": "",
        "epoch_h": 24,
        "epochs": 30,
        "answer_min": 60,
        "agreement": "",
        "auditor": "",
        "audit_days": 90,
        "allowance": dict(DEFAULT_ALLOWANCE),
        "grid": msgspec.to_builtins(encode_grid(grid)),
    }


def read_rules_file(path: Path) -> dict[str, Any]:
    """Return the request that the file spells, without its officer.

    Raises:
        Malformed: It cannot be read, or does not spell rules; says where.
    """
    from entente.blind.grid import parse_grid
    from entente.desk.blind.requests import BlindProposeRequest

    value = _parse(path)
    if value.get("starts") == "":
        del value["starts"]
    for name in ("officer", "token", "wait_s"):
        if name in value:
            raise Malformed("bad-rules", f"rules file {str(path)!r}: expected no {name!r}, an option")
    try:
        request = convert_to(value | {"officer": "nobody"}, BlindProposeRequest)
        if request.grid is not None:
            parse_grid(request.grid, path="$.grid")
    except Malformed as error:
        raise Malformed(
            error.code, f"rules file {str(path)!r}, {error.path}: {error.message}", path=error.path
        ) from error
    return value


def _parse(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Malformed("no-file", f"rules file {str(path)!r}: {error.strerror or error}") from error
    if len(data) > MAX_FILE_BYTES:
        raise Malformed("too-large", f"rules file {str(path)!r}: expected <= {MAX_FILE_BYTES} bytes")
    try:
        text = data.decode("utf-8")
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise Malformed("bad-rules", f"rules file {str(path)!r}: {error}") from error
    if not isinstance(value, dict):
        raise Malformed("bad-rules", f"rules file {str(path)!r}: expected an object, got another value")
    plain = _spell_times(value)
    if not isinstance(plain, dict):
        raise AssertionError("rules file: an object became something else")
    return plain


def _spell_times(value: Any) -> Any:  # noqa: ANN401 - parsed TOML
    """Return a tree with TOML's own times as text in their one spelling."""
    match value:
        case dict():
            return {name: _spell_times(one) for name, one in value.items()}
        case list():
            return [_spell_times(one) for one in value]
        case datetime() if value.tzinfo is not None:
            return encode_utc(value.astimezone(UTC))
        case _:
            return value


def encode_rules_file(rules: dict[str, Any], *, notes: tuple[str, ...] = ()) -> str:
    """Return rules as TOML with a comment for each line that wants one.

    Args:
        rules: As `read_rules_file` returns them.
        notes: Lines for the head.
    """
    grid = rules["grid"]
    lines = [f"# {note}" if note else "#" for note in notes]
    lines += [_line(name, rules[name]) for name in _ORDER]
    lines += ["", "[allowance]", *(_line(name, one) for name, one in rules["allowance"].items())]
    lines += ["", "[grid]"]
    lines += [_line(name, one) for name, one in grid.items() if name not in {"grains", "separation"}]
    lines += ["", "[grid.separation]", *(_line(name, one) for name, one in grid["separation"].items())]
    for grain in grid["grains"]:
        lines += ["", "[[grid.grains]]"]
        lines += [_line(name, one) for name, one in grain.items()]
    return "\n".join(lines) + "\n"


def _line(name: str, value: Any) -> str:  # noqa: ANN401 - a TOML value
    text = json.dumps(value)
    if _has_numbers(value):
        # Whole numbers of five digits and more are grouped: a zero too many is seen.
        text = re.sub(r"\d{5,}", lambda found: f"{int(found[0]):_}", text)
    comment = _COMMENTS.get(name)
    return f"{name} = {text}" + (f"  # {comment}" if comment else "")


def _has_numbers(value: Any) -> bool:  # noqa: ANN401 - a TOML value
    return isinstance(value, int) or (isinstance(value, list) and all(isinstance(one, int) for one in value))
