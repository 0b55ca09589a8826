"""`entente release labels policy|check|marking|decide|address|join|translate`: labels in files, no desk.

Invariants: exit code 0 of `check` is a valid label, of `decide` a recipient who may see it; a refusal names
each step; a translated or joined label is written whole or not at all; nothing is guessed.

    $ entente release labels decide report.xml --policy nato.xml --clearance ru.toml
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.release.words import show
from entente.cli.run import Json, make_app
from entente.cli.terms_picture import write_file
from entente.kernel.errors import Malformed, NotFound

if TYPE_CHECKING:
    from entente.release.label import Clearance, Label, LabelPolicy, Reason

MOST_BYTES: Final = 16 << 20
"""Read of any file: more than any form takes, so that each says by itself what is too large."""

LabelFile = Annotated[Path, Parameter(name="LABEL", help="STANAG 4774 XML, or STANAG 5636 JSON.")]
PolicyFile = Annotated[str, Parameter(name="--policy", help="A label policy (SPIF in XML), or TLP.")]
ClearanceFile = Annotated[
    Path,
    Parameter(name="--clearance", help="The recipient's: TOML, or STANAG 4774 XML. See docs/release.md."),
]
Out = Annotated[
    Path | None, Parameter(help="Write the label to this file: .xml or .json; printed if not given.")
]

labels_app = make_app(
    "release labels",
    "Confidentiality labels in files: valid, printed, decided, joined, translated. No desk needed.\n\n"
    "Example: entente release labels check report.xml --policy nato.xml\n"
    "Example: entente release labels decide report.xml --policy nato.xml --clearance ru.toml\n"
    "Example: entente release labels translate report.xml --policy nato.xml --to uk.xml --out uk.xml\n\n"
    "Exit codes: 0 valid, allowed or written; 3 not valid, not allowed or no equivalent; 2 a bad file.",
)


def register(app: App) -> None:
    """Add the commands to ``entente release``."""
    app.command(labels_app, name="labels")


@labels_app.command
def policy(
    file: Annotated[str, Parameter(name="POLICY", help="SPIF in XML, or TLP.")], /, *, json: Json = False
) -> int:
    """Show what a label policy says: classifications, tag sets and their categories, equivalent policies.

    Example: entente release labels policy nato.xml
    Example: entente release labels policy TLP
    """
    read = read_policy(file)
    sets: dict[str, list[str]] = {}
    for one in read.categories:
        sets.setdefault(f"{one.tag.tag_set} ({one.tag.kind})", []).append(one.name)
    found = {
        "name": read.name,
        "id": read.id,
        "version": read.version,
        "sha256": read.sha256,
        "classifications": [one.name for one in read.classifications],
        "categories": sets,
        "equivalents": [one.name for one in read.equivalent_policies],
    }
    lines = [
        f"{read.name} ({read.id or 'no identifier'}), sha256 {read.sha256}",
        f"  classifications, lowest first: {', '.join(found['classifications'])}",
        *(f"  {name}: {', '.join(values)}" for name, values in sets.items()),
        *(f"  names equivalents in {name}" for name in found["equivalents"]),
    ]
    show(found, lines, as_json=json)
    return ExitCode.OK


@labels_app.command
def check(
    label: LabelFile,
    /,
    *,
    policy_file: PolicyFile,
    new: Annotated[bool, Parameter(help="It is being given now: what is obsolete is a fault too.")] = False,
    json: Json = False,
) -> int:
    """Say whether LABEL is valid under a policy, and what is wrong with it.

    Example: entente release labels check report.xml --policy nato.xml
    """
    from entente.release.label import find_faults

    faults = find_faults(read_label(label), read_policy(policy_file), is_new=new)
    code = ExitCode.REFUSED if faults else ExitCode.OK
    if json:
        print_json({"ok": not faults, "exit": int(code), "faults": msgspec.to_builtins(faults)})
    else:
        show(faults, ["NOT VALID:" if faults else "valid", *_list_reasons(faults)], as_json=False)
    return code


@labels_app.command
def marking(
    label: LabelFile,
    /,
    *,
    policy_file: PolicyFile,
    language: Annotated[str, Parameter(help="As en, fr, fr-CA; the policy's own if not given.")] = "",
    place: Annotated[
        Literal["page-top", "page-bottom"], Parameter(help="Where it is printed.")
    ] = "page-bottom",
    json: Json = False,
) -> int:
    """Print what stands on the page for LABEL.

    Example: entente release labels marking report.xml --policy nato.xml --language fr
    """
    from entente.release.label import mark

    text = mark(read_label(label), read_policy(policy_file), language, place)
    show({"ok": True, "exit": 0, "marking": text}, [text], as_json=json)
    return ExitCode.OK


@labels_app.command
def decide(
    label: LabelFile, /, *, policy_file: PolicyFile, clearance_file: ClearanceFile, json: Json = False
) -> int:
    """Say whether a recipient may see what bears LABEL, step by step.

    Example: entente release labels decide report.xml --policy nato.xml --clearance ru.toml
    """
    from entente.release.label import Policies
    from entente.release.label import decide as decide_label

    judged = decide_label(
        read_label(label), read_clearance(clearance_file), Policies([read_policy(policy_file)])
    )
    code = ExitCode.OK if judged.is_allowed else ExitCode.REFUSED
    if json:
        print_json({"ok": judged.is_allowed, "exit": int(code), **msgspec.to_builtins(judged)})
        return code
    officers = f"; {judged.officers_needed} officers have to agree" if judged.officers_needed > 1 else ""
    said = f"may see it{officers}" if judged.is_allowed else "MAY NOT see it"
    show(judged, [said, *_list_reasons(judged.reasons)], as_json=False)
    return code


@labels_app.command
def address(
    label: LabelFile,
    /,
    *,
    policy_file: PolicyFile,
    clearance_file: ClearanceFile,
    out: Out = None,
    json: Json = False,
) -> int:
    """Write LABEL as it goes to one recipient: without who else may see it.

    Example: entente release labels address report.xml --policy nato.xml --clearance ru.toml
    """
    from entente.release.label import address as address_label

    made = address_label(read_label(label), read_clearance(clearance_file), read_policy(policy_file))
    return _write(made, out, as_json=json)


@labels_app.command
def join(
    labels: Annotated[list[Path], Parameter(name="LABEL", help="The parts' labels: XML or JSON.")],
    /,
    *,
    policy_file: PolicyFile,
    out: Out = None,
    json: Json = False,
) -> int:
    """Write the label of a whole put together of parts: highest class, all restrictions, the common audience.

    Example: entente release labels join report.xml annex.xml --policy nato.xml --out whole.xml
    """
    from entente.release.label import join as join_labels

    made = join_labels(
        [(file.name, read_label(file)) for file in labels],
        read_policy(policy_file),
        created=datetime.now(UTC),
    )
    return _write(made, out, as_json=json)


@labels_app.command
def translate(
    label: LabelFile,
    /,
    *,
    policy_file: PolicyFile,
    to: Annotated[str, Parameter(help="The policy to translate into: SPIF in XML, or TLP.")],
    by: Annotated[
        Literal["sender", "receiver"], Parameter(help="Whose policy says what is equivalent to what.")
    ] = "sender",
    out: Out = None,
    json: Json = False,
) -> int:
    """Write LABEL as it is under another policy; refused rather than guessed. Keep the original beside it.

    Example: entente release labels translate report.xml --policy nato.xml --to uk.xml --out uk-label.xml
    """
    from entente.release.label import translate as translate_label

    made = translate_label(read_label(label), read_policy(policy_file), read_policy(to), by=by)
    return _write(made.label, out, as_json=json)


def read_label(file: Path) -> Label:
    """Return a file's label: XML if it begins as XML does, else JSON."""
    from entente.release.label import parse_label_json, parse_label_xml

    data = read_bytes(file)
    return parse_label_xml(data) if _is_xml(data) else parse_label_json(data)


def read_clearance(file: Path) -> Clearance:
    """Return a file's clearance: XML if it begins as XML does, else TOML."""
    from entente.release.label import parse_clearance_toml, parse_clearance_xml

    data = read_bytes(file)
    if _is_xml(data):
        return parse_clearance_xml(data)
    try:
        return parse_clearance_toml(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Malformed("not-utf-8", f"file {str(file)!r}: expected UTF-8, at byte {error.start}") from error


def read_policy(name: str) -> LabelPolicy:
    """Return a policy: the shipped one of its name, or a file's."""
    from entente.release.label import TLP, read_spif

    return TLP if name == TLP.name else read_spif(read_bytes(Path(name)))


def read_bytes(file: Path) -> bytes:
    """Return a file's bytes, no more than any form takes.

    Raises:
        NotFound: There is no such file.
    """
    try:
        with file.open("rb") as opened:
            return opened.read(MOST_BYTES)
    except OSError as error:
        raise NotFound("no-file", f"file {str(file)!r}: {error.strerror or error}") from error


def _is_xml(data: bytes) -> bool:
    return data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _list_reasons(reasons: Sequence[Reason]) -> list[str]:
    lines = []
    for one in reasons:
        needs = f" (needs {', '.join(one.needs)})" if one.needs and not one.is_met else ""
        lines.append(f"  {'met' if one.is_met else 'NOT'}: {one.words}{needs}")
    return lines


def _write(label: Label, out: Path | None, *, as_json: bool) -> int:
    from entente.release.label import encode_label_json, encode_label_xml

    if out is not None and out.suffix not in {".xml", ".json"}:
        raise Malformed("bad-out", f"out: expected a name that ends in .xml or .json, got {str(out)!r}")
    is_xml = out is None or out.suffix == ".xml"
    data = encode_label_xml(label) if is_xml else encode_label_json(label)
    if out is not None:
        write_file(out, data)
    found: dict[str, Any] = {"ok": True, "exit": 0, "label": msgspec.json.decode(encode_label_json(label))}
    lines = [f"wrote {out}" if out is not None else data.decode()]
    if as_json:
        print_json(found | ({"out": str(out)} if out is not None else {}))
    else:
        print("\n".join(lines))
    return ExitCode.OK
