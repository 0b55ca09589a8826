"""`entente say|readout`: the hotline, and the common record of a call or meeting.

Invariants: what is signed is the original text; a translation is marked as one; a readout is signed over
the very same bytes by everybody, or dissented from with a reason; silence is recorded as silence.

    $ entente say castello "Convoy is at the checkpoint" --desk ./us --officer duty-1
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.activity import Parties
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.kernel.errors import Malformed

say_app = make_app(
    "say",
    "Say something on the hotline, in a thread; each text is acknowledged by an officer.\n\n"
    "Example: entente say castello 'Convoy is at the checkpoint' --desk ./us --officer duty-1 --urgent",
)
readout_app = make_app(
    "readout",
    "Propose a readout of a call or meeting, sign it, or dissent from it.\n\n"
    "Example: entente readout propose call-1 --desk ./ru --officer duty-1 --title 'Call of 1 December'\n"
    "           --held 2026-12-01T13:00:00Z --with us --text 'Both sides agreed to ...'\n"
    "Example: entente readout sign call-1 --desk ./us --officer duty-1",
)
APPS = {"say": say_app, "readout": readout_app}


@say_app.default
def say(  # noqa: PLR0913 - each is a thing that only the officer can say
    thread: Annotated[str, Parameter(name="THREAD")],
    text: Annotated[str, Parameter(name="TEXT")],
    /,
    *,
    officer: OfficerName,
    about: Annotated[str, Parameter(help="TYPE:ID, such as activity:convoy-7 or incident:i-3.")] = "",
    urgent: Annotated[bool, Parameter(help="Mark it as urgent.")] = False,
    reply_to: Annotated[str, Parameter(help="The message that this answers.")] = "",
    language: Annotated[str, Parameter(help="The text's language; the desk's if not given.")] = "",
    translates: Annotated[
        str, Parameter(help="TEXT is a translation of this message, shown beside it and marked.")
    ] = "",
    machine: Annotated[bool, Parameter(help="The translation was made by a machine.")] = False,
    to: Parties = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say TEXT in THREAD."""
    link = DeskLink.open(desk)
    if translates:
        body: dict[str, Any] = {
            "officer": officer,
            "message": translates,
            "language": language or "en",
            "text": text,
            "by": "machine" if machine else "officer",
        }
        return print_spoken(link.call("POST", "/api/translate", body), "translated", as_json=json)
    body = {
        "officer": officer,
        "thread": thread,
        "text": text,
        "urgent": urgent,
        "reply_to": reply_to or None,
        "to": sorted(to or []),
    }
    if language:
        body["language"] = language
    if about:
        kind, colon, name = about.partition(":")
        if not colon:
            raise Malformed("bad-about", f"about: expected TYPE:ID, got {about!r}")
        body |= {"about_type": kind, "about_id": name}
    return print_spoken(link.call("POST", "/api/say", body), f"said in {thread!r}", as_json=json)


@readout_app.command
def propose(  # noqa: PLR0913 - a readout has this many sides
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    title: Annotated[str, Parameter(help="What it is a readout of.")],
    held: Annotated[str, Parameter(help="When the call or meeting was held, UTC.")],
    with_: Annotated[list[str], Parameter(name="--with", help="Another party to it; may be repeated.")],
    text: Annotated[str, Parameter(help="The text.")] = "",
    file: Annotated[Path | None, Parameter(help="The text, from a file.")] = None,
    language: Annotated[str, Parameter(help="The text's language; the desk's if not given.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Propose the readout ID and sign it.

    Example: entente readout propose call-1 --desk ./ru --officer duty-1 --title 'Call' --held
    2026-12-01T13:00:00Z --with us --text 'Both sides agreed to ...'
    """
    link = DeskLink.open(desk)
    if bool(text) == bool(file):
        raise Malformed("bad-text", "readout: expected --text or --file, and not both")
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Malformed("no-file", f"readout {str(file)!r}: {error}") from error
    body = {
        "officer": officer,
        "id": name,
        "title": title,
        "held": held,
        "parties": sorted({*with_, link.party}),
        "text": text,
    }
    if language:
        body["language"] = language
    return print_spoken(
        link.call("POST", "/api/propose-readout", body), f"proposed readout {name!r}", as_json=json
    )


@readout_app.command
def show(
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show the readout ID: its text, and where each party stands.

    Example: entente readout show call-1 --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/readout", name=name)
    if json:
        print_json(found)
        return ExitCode.OK
    readout, standing = found["readout"], found["standing"]
    print(f"{readout['title']}, held {readout['held']}\n\n{readout['text']}\n")
    for word, text in (
        ("signed", "signed these bytes"),
        ("dissented", "dissented"),
        ("silent", "said nothing"),
    ):
        if standing[word]:
            print(f"{text}: {', '.join(standing[word])}")
    print(f"{found['state']}; SHA-256 of the bytes {found['sha256']}")
    return ExitCode.OK


@readout_app.command
def sign(
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Sign the readout ID: the very bytes that were proposed.

    Example: entente readout sign call-1 --desk ./us --officer duty-1
    """
    answer = DeskLink.open(desk).call("POST", "/api/sign-readout", {"officer": officer, "id": name})
    return print_spoken(answer, f"signed readout {name!r}", as_json=json)


@readout_app.command
def dissent(
    name: Annotated[str, Parameter(name="ID")],
    /,
    *,
    officer: OfficerName,
    reason: Annotated[str, Parameter(help="What is not as you remember it.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Dissent from the readout ID, with a reason.

    Example: entente readout dissent call-1 --desk ./us --officer duty-1 --reason 'no date was agreed'
    """
    answer = DeskLink.open(desk).call(
        "POST", "/api/dissent-readout", {"officer": officer, "id": name, "reason": reason}
    )
    return print_spoken(answer, f"dissented from readout {name!r}", as_json=json)
