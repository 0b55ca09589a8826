"""`entente terms check|fmt|new|schema`: the terms file itself.

Invariants: faults print as ``file:line:column: message``, one a line, so that editors jump to them; a file is
rewritten whole or not at all, and only when its layout changes; an existing file is never overwritten by
``new``.

    $ entente terms check center.toml --documents texts
"""

from __future__ import annotations

import json as json_module
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, FaultyFile, print_json
from entente.cli.run import Json
from entente.kernel.errors import Malformed
from entente.store.durable import write_atomic
from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.layout import format_terms
from entente.terms.file.oddities import list_oddities
from entente.terms.file.quotation import Quotation, check_quotations
from entente.terms.file.reading import parse_terms
from entente.terms.file.schema import make_schema
from entente.terms.file.shape import PLURALS, TABLES
from entente.terms.file.template import write_template
from entente.terms.file.toml_limits import MAX_BYTES, read_text
from entente.terms.model import NOWHERE, Terms

MAX_DOCUMENT_BYTES: Final = 16 * 1024 * 1024
"""Of one document's text: a thousand pages are about 3 MiB."""

TermsFile = Annotated[Path, Parameter(name="FILE")]
Documents = Annotated[
    Path | None,
    Parameter(
        name="--documents", help="Folder of the documents' texts; 'documents' beside FILE if not given."
    ),
]


def register(app: App) -> None:
    """Add the commands to ``entente terms``."""
    app.command(check)
    app.command(fmt)
    app.command(new)
    app.command(schema)


class DocumentFolder(Mapping[str, str]):
    """The texts of a folder, by the name of the file; each is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        path = self._folder / name
        # SECURITY: a terms file may come from anybody. The format allows no path as the name of a document's
        # file; a second look here costs nothing (tests/unit/test_terms_cli.py).
        if not name or Path(name).name != name or not path.is_file():
            raise KeyError(name)
        data = _read_bytes(path, MAX_DOCUMENT_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed(
                "bad-document", f"document {str(path)!r}: expected text in UTF-8, got other bytes"
            ) from error

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in sorted(self._folder.iterdir()) if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def load_terms(path: Path, documents: Path | None = None) -> Terms:
    """Return the terms of a file, with quotations looked up in the folder of documents.

    Args:
        documents: None for the folder ``documents`` beside the file, if there is one.

    Raises:
        FaultyFile: The file is there and is no valid terms file; it prints as one line a fault.
        Malformed: The file or the folder is not there, or a document cannot be read.
    """
    data = _read_bytes(path, MAX_BYTES)
    try:
        return parse_terms(data, find_documents(path, documents))
    except TermsInvalid as error:
        raise as_faulty_file(path, error) from error


def find_documents(path: Path, documents: Path | None = None) -> Mapping[str, str]:
    """Return the texts that are at hand for the terms file at ``path``."""
    folder = path.parent / "documents" if documents is None else documents
    if folder.is_dir():
        return DocumentFolder(folder)
    if documents is not None:
        raise Malformed("no-file", f"documents: expected a folder, got {str(documents)!r}")
    return {}


def as_faulty_file(path: Path, error: TermsInvalid) -> FaultyFile:
    """Return the error in the command line's form."""
    lines = [say_fault(path, fault) for fault in error.faults]
    if error.more:
        lines.append(f"{path}: and {error.more} more")
    details = {"faults": [_as_json(fault) for fault in error.faults], "more": error.more}
    return FaultyFile(error.code, error.message, path=error.path, lines=tuple(lines), details=details)


def say_fault(path: Path, fault: Fault) -> str:
    """Return a fault as ``file:line:column: message``, with what was probably meant."""
    where = f"{path}:{fault.at.line}:{fault.at.column}" if fault.at != NOWHERE else str(path)
    hint = f"; did you mean {fault.suggestion!r}?" if fault.suggestion else ""
    return f"{where}: {fault.message}{hint}"


def _as_json(fault: Fault) -> dict[str, Any]:
    place = {"line": fault.at.line, "column": fault.at.column} if fault.at != NOWHERE else {}
    return {"code": fault.code, "message": fault.message, "suggestion": fault.suggestion} | place


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise Malformed("no-file", f"file {str(path)!r}: {error.strerror or error}") from error


def check(file: TermsFile, /, *, documents: Documents = None, json: Json = False) -> int:
    """Check the terms in FILE: form, names, references, quotations.

    Example: entente terms check center.toml --documents texts
    """
    terms = load_terms(file, documents)
    quotations = check_quotations(terms, find_documents(file, documents))
    oddities = list_oddities(terms)
    counts = _count(terms)
    missing = _list_missing(terms, quotations)
    states = Counter(each.state for each in quotations)
    if json:
        print_json(
            {
                "ok": True,
                "title": terms.title,
                "question": terms.question,
                "counts": counts,
                "quotations": {
                    "found": states["found"],
                    "not_at_hand": states["not at hand"],
                    "paraphrased": states["paraphrase"],
                },
                "documents_not_at_hand": missing,
                "warnings": [_as_json(oddity) for oddity in oddities],
            }
        )
        return ExitCode.OK
    print(f"{terms.title}: {terms.question}")
    print("  " + ", ".join(f"{n} {kind if n == 1 else PLURALS[kind]}" for kind, n in counts.items() if n))
    print(
        f"  quotations: {states['found']} found in their documents, {states['not at hand']} not looked up "
        f"(no text at hand), {states['paraphrase']} paraphrased"
    )
    for each in missing:
        named = f", {each['file']}" if each["file"] else ""
        print(f"  not at hand: {each['title']} ({each['id']}{named}): {each['quotations']}")
    for oddity in oddities:
        print(f"  warning: {say_fault(file, oddity)}")
    print("valid")
    return ExitCode.OK


def _count(terms: Terms) -> dict[str, int]:
    return {kind: len(getattr(terms, PLURALS[kind])) for kind in TABLES}


def _list_missing(terms: Terms, quotations: tuple[Quotation, ...]) -> list[dict[str, Any]]:
    """Return each document that words are quoted from and whose text is not at hand."""
    asked = Counter(each.source.document for each in quotations if each.state == "not at hand")
    return [
        {"id": one.id, "title": one.title, "file": one.file, "quotations": asked[one.id]}
        for one in terms.documents
        if asked[one.id]
    ]


def fmt(
    file: TermsFile,
    /,
    *,
    check: Annotated[bool, Parameter(help="Change nothing; exit with 2 if the layout would change.")] = False,
    stdout: Annotated[bool, Parameter(help="Print the result and leave FILE as it is.")] = False,
    json: Json = False,
) -> int:
    """Lay FILE out in the one canonical way; comments stay with what they are about.

    Example: entente terms fmt center.toml
    """
    data = _read_bytes(file, MAX_BYTES)
    try:
        result = format_terms(read_text(data))
    except TermsInvalid as error:
        raise as_faulty_file(file, error) from error
    is_changed = result.encode() != data
    if stdout:
        if json:
            print_json({"ok": True, "changed": is_changed, "text": result})
        else:
            sys.stdout.write(result)
        return ExitCode.OK
    if is_changed and not check:
        target = file.resolve()  # A link to the file stays a link.
        write_atomic(target, result.encode(), mode=target.stat().st_mode & 0o777)
    word = ("would change" if check else "laid out") if is_changed else "as it should be"
    if json:
        print_json({"ok": not (check and is_changed), "changed": is_changed})
    else:
        print(f"{file}: {word}")
    return ExitCode.USAGE if check and is_changed else ExitCode.OK


def new(
    file: TermsFile,
    /,
    *,
    party: Annotated[
        list[str] | None, Parameter(help="A party, as ID or ID=NAME (us='United States'); may be repeated.")
    ] = None,
    json: Json = False,
) -> int:
    """Write a template with comments to FILE, which must not exist yet.

    Example: entente terms new center.toml --party us='United States' --party ru=Russia
    """
    named = [each.partition("=") for each in party or []]
    text = write_template([(name, shown or name) for name, _, shown in named])
    try:
        parse_terms(text.encode())
    except TermsInvalid as error:
        fault = error.faults[0]
        raise Malformed("bad-party", f"party: {fault.message}") from error
    try:
        with file.open("x", encoding="utf-8", newline="") as out:
            out.write(text)
    except FileExistsError as error:
        raise Malformed("file-exists", f"file: expected one that is not there, got {str(file)!r}") from error
    except OSError as error:
        raise Malformed("no-file", f"file {str(file)!r}: {error.strerror or error}") from error
    if json:
        print_json({"ok": True, "file": str(file)})
    else:
        print(f"wrote {file}; fill it in, then: entente terms check {file}")
    return ExitCode.OK


def schema(*, json: Json = False) -> int:
    """Print the JSON Schema of terms files, for editors.

    Example: entente terms schema > terms.schema.json
    """
    del json  # It is JSON either way.
    sys.stdout.write(json_module.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n")
    return ExitCode.OK
