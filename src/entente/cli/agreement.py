"""`entente agreement`: draft an agreement from terms, propose, sign and follow it.

Invariants: what is proposed is the draft file, word for word; a signature is for the text that the desk
holds, and `show` prints it with its hash; `status` says what stands, what is due, by whom, by when and why,
each with the entry that it rests on, and says the same from a mirror folder without any desk.

    $ entente agreement status ceasefire --desk ./us
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.agreement_words import print_agreement, print_text
from entente.cli.link import DeskFolder, DeskLink, OfficerName, print_spoken
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.kernel.errors import Denied, Malformed

if TYPE_CHECKING:
    from entente.terms.model import Terms

agreement_app = make_app(
    "agreement",
    "Propose, sign and follow an agreement; what is due, by whom, by when.\n\n"
    "Example: entente agreement draft centre.toml ceasefire --programme ceasefire > ceasefire.toml\n"
    "Example: entente agreement propose ceasefire.toml --desk ./us --officer duty-1\n"
    "Example: entente agreement sign ceasefire --agency pentagon --desk ./us --officer general-1\n"
    "Example: entente agreement status ceasefire --desk ./us\n"
    "Example: entente agreement status --mirror ./us/mirror     offline, from the record alone",
)
APPS = {"agreement": agreement_app}

Name = Annotated[str, Parameter(name="ID")]
Message = Annotated[
    str, Parameter(name="MESSAGE", help="Its entry number, or the beginning of its message's hash.")
]
AgencyName = Annotated[
    str, Parameter(name="--agency", help="For this agency of ours; for the party if not given.")
]
Reason = Annotated[str, Parameter(name="--reason", help="Why, in words that all will read.")]


@agreement_app.command
def draft(  # noqa: PLR0913 - a choice has this many sides
    file: Annotated[Path, Parameter(name="FILE", help="The terms file.")],
    name: Name,
    /,
    *,
    programme: Annotated[str, Parameter(help="A programme of the terms: its measures at its grades.")] = "",
    grades: Annotated[
        list[str] | None,
        Parameter(name="--grades", help="MEASURE or MEASURE=GRADE; may be repeated.", consume_multiple=True),
    ] = None,
    party: Annotated[
        list[str] | None, Parameter(name="--party", help="TERMS=CENTER: a party's name there and here.")
    ] = None,
    title: Annotated[str, Parameter(help="The title; that of the terms if not given.")] = "",
    complete: Annotated[
        bool, Parameter(help="Add the least that keeps every rule and goes against the fewest positions.")
    ] = False,
    documents: Annotated[Path | None, Parameter(help="Folder of the documents' texts.")] = None,
    json: Json = False,
) -> int:
    """Print a draft of the agreement ID from the terms FILE: a text to read, edit and propose.

    Example: entente agreement draft centre.toml ceasefire --grades joint-strikes share-locations=within-1-km
    Example: entente agreement draft centre.toml ceasefire --programme ceasefire --complete > ceasefire.toml
    """
    import msgspec

    from entente.cli.terms_file import load_terms
    from entente.terms.agreement.drafting import (
        complete_choice,
        draft_agreement,
        encode_draft,
        find_grades,
        list_breached,
    )

    terms = load_terms(file, documents)
    # With --complete a programme may leave a choice: the search makes it.
    chosen = find_grades(terms, programme) if programme and not complete else {}
    steps = {one.id: [grade.id for grade in one.grades] for one in terms.measures}
    for one in grades or []:
        measure, _, grade = one.partition("=")
        chosen[measure] = _read_grade(measure, grade, steps.get(measure, []))
    chosen, rules = complete_choice(terms, chosen)
    asked = dict(chosen)
    if complete:
        chosen = _complete(terms, chosen, programme)
    text = draft_agreement(
        terms,
        name,
        chosen,
        terms_sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        programme=programme,
        title=title,
        names=dict(_split_pair(one, "party", "TERMS=CENTER") for one in party or []),
    )
    breached = list_breached(terms, chosen)
    if json:
        print_json(
            {"ok": True, "text": msgspec.to_builtins(text), "goes_against": breached, "rules": rules}
            | {"added": _list_added(asked, chosen) if complete else []}
        )
        return ExitCode.OK
    if rules:
        print(f"# These rules brought further measures along: {', '.join(rules)}")
    if complete:
        added = ", ".join(_list_added(asked, chosen)) or "nothing"
        print(f"# Completed, the least that goes against the fewest positions; it has besides: {added}")
    if breached:
        print(f"# It goes against these positions: {', '.join(breached)}; ask: entente terms ask")
    print(encode_draft(text), end="")
    return ExitCode.OK


@agreement_app.command
def propose(
    file: Annotated[Path, Parameter(name="FILE", help="The draft.")],
    /,
    *,
    officer: OfficerName,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Propose the text of FILE to all its parties. It signs for nobody.

    Example: entente agreement propose ceasefire.toml --desk ./us --officer duty-1
    """
    import msgspec

    from entente.terms.agreement.drafting import parse_draft

    try:
        data = file.read_bytes()
    except OSError as error:
        raise Malformed("no-file", f"draft {str(file)!r}: {(error.strerror or '').lower()}") from error
    text = parse_draft(data)
    body = {"officer": officer, "text": msgspec.to_builtins(text)}
    return _say(desk, "propose-agreement", body, f"proposed agreement {text.id!r}", as_json=json)


@agreement_app.command
def show(name: Name, /, *, desk: DeskFolder = None, json: Json = False) -> int:
    """Print the text of the agreement ID, word for word, and the hash that signatures name.

    Example: entente agreement show ceasefire --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/api/agreement-text", name=name)
    if json:
        print_json(found)
    else:
        print_text(found["text"], found["sha256"])
    return ExitCode.OK


@agreement_app.command
def sign(
    name: Name,
    /,
    *,
    officer: OfficerName,
    agency: AgencyName = "",
    sha256: Annotated[str, Parameter(help="Sign only if it is the text of this hash.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Sign the agreement ID for our party, or for an agency by an officer with its role.

    Example: entente agreement sign ceasefire --agency pentagon --desk ./us --officer general-1
    """
    body = {"officer": officer, "id": name, "agency": agency, "sha256": sha256}
    return _say(desk, "sign-agreement", body, f"signed {name!r}{_for(agency)}", as_json=json)


@agreement_app.command
def refuse(
    name: Name,
    /,
    *,
    officer: OfficerName,
    reason: Reason,
    agency: AgencyName = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Refuse the agreement ID, for our party or for an agency: it stays out of force.

    Example: entente agreement refuse ceasefire --agency mod --reason '...' --desk ./ru --officer general-1
    """
    body = {"officer": officer, "id": name, "agency": agency, "reason": reason}
    return _say(desk, "refuse-agreement", body, f"refused {name!r}{_for(agency)}", as_json=json)


@agreement_app.command
def incident(
    name: Name,
    text: Annotated[str, Parameter(name="TEXT")],
    /,
    *,
    officer: OfficerName,
    clock: Annotated[str, Parameter(help="The clock of days without an incident that it concerns.")],
    happened: Annotated[str, Parameter(help="When it happened, UTC.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Report an incident under the agreement ID. It restarts no clock by itself.

    Example: entente agreement incident ceasefire 'Shelling of the road' --clock seven-days --happened
    2016-09-15T04:00:00Z --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "clock": clock, "happened": happened, "text": text}
    return _say(desk, "report-incident", body, f"reported under {name!r}", as_json=json)


@agreement_app.command
def answer(
    message: Message,
    word: Annotated[Literal["accepted", "disputed"], Parameter(name="WORD")],
    /,
    *,
    officer: OfficerName,
    text: Annotated[str, Parameter(help="What we say to it.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Accept or dispute another party's report of an incident.

    Example: entente agreement answer 17 disputed --text 'It was not us' --desk ./ru --officer duty-1
    """
    body = {"officer": officer, "incident": message, "answer": word, "text": text}
    return _say(desk, "answer-incident", body, f"{word} {message}", as_json=json)


@agreement_app.command
def reset(
    message: Message,
    /,
    *,
    officer: OfficerName,
    reason: Reason = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Move that the days be counted anew from an incident: takes effect when every party and agency consents.

    Example: entente agreement reset 17 --reason 'a serious violation' --desk ./us --officer duty-1
    """
    body = {"officer": officer, "incident": message, "reason": reason}
    return _say(desk, "move-reset", body, f"moved a reset for {message}", as_json=json)


@agreement_app.command
def extend(
    name: Name,
    days: Annotated[int, Parameter(name="DAYS")],
    /,
    *,
    officer: OfficerName,
    reason: Reason = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Move that the agreement ID end DAYS later: takes effect when every party and agency consents in time.

    Example: entente agreement extend ceasefire 30 --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "days": days, "reason": reason}
    return _say(desk, "move-extension", body, f"moved to extend {name!r}", as_json=json)


@agreement_app.command
def consent(
    message: Message,
    /,
    *,
    officer: OfficerName,
    agency: AgencyName = "",
    deny: Annotated[bool, Parameter(help="Say no.")] = False,
    reason: Reason = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Consent to a motion (a reset or an extension), or deny it, for our party or for an agency.

    Example: entente agreement consent 18 --agency mod --desk ./ru --officer general-1
    """
    word = "no" if deny else "yes"
    body = {"officer": officer, "motion": message, "agency": agency, "word": word, "reason": reason}
    said = "denied" if deny else "consented to"
    return _say(desk, "consent", body, f"{said} {message}{_for(agency)}", as_json=json)


@agreement_app.command
def step(
    name: Name,
    clock: Annotated[str, Parameter(name="CLOCK")],
    word: Annotated[Literal["ready", "not-ready", "done"], Parameter(name="WORD")],
    /,
    *,
    officer: OfficerName,
    note: Annotated[str, Parameter(help="What others should know.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say that we are ready for the simultaneous steps of CLOCK, or have done our part.

    Example: entente agreement step ceasefire road ready --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "clock": clock, "step": word, "note": note}
    return _say(desk, "take-step", body, f"{word}: {clock} of {name!r}", as_json=json)


@agreement_app.command
def suspend(
    name: Name,
    /,
    *,
    officer: OfficerName,
    reason: Reason,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Suspend the agreement ID at once, until we lift it ourselves. No clock is reset.

    Example: entente agreement suspend ceasefire --reason 'the road was shelled' --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "reason": reason}
    return _say(desk, "suspend-agreement", body, f"suspended {name!r}", as_json=json)


@agreement_app.command
def resume(
    name: Name,
    /,
    *,
    officer: OfficerName,
    note: Annotated[str, Parameter(help="What others should know.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Lift our own suspension of the agreement ID.

    Example: entente agreement resume ceasefire --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "note": note}
    return _say(desk, "resume-agreement", body, f"lifted our suspension of {name!r}", as_json=json)


@agreement_app.command
def withdraw(
    name: Name,
    /,
    *,
    officer: OfficerName,
    reason: Reason,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Give notice that we leave the agreement ID. It cannot be taken back.

    Example: entente agreement withdraw ceasefire --reason '...' --desk ./us --officer duty-1
    """
    body = {"officer": officer, "id": name, "reason": reason}
    return _say(desk, "withdraw-agreement", body, f"withdrew from {name!r}", as_json=json)


@agreement_app.command
def status(
    name: Annotated[str, Parameter(name="ID")] = "",
    /,
    *,
    mirror: Annotated[Path | None, Parameter(help="A mirror folder: offline, from the record alone.")] = None,
    at: Annotated[str, Parameter(help="Judge as of this moment, UTC; now if not given.")] = "",
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Say what stands, what is due, by whom, by when, and why; of the agreement ID, or of all.

    Example: entente agreement status ceasefire --desk ./us
    Example: entente agreement status --mirror ./us/mirror --at 2016-09-20T00:00:00Z
    """
    if mirror is not None:
        from entente.cli.agreement_offline import read_agreements

        found, notes = read_agreements(mirror, name, at)
    else:
        link, notes = DeskLink.open(desk), []
        names = [name] if name else [one["id"] for one in link.call("GET", "/api/agreements")]
        found = [link.call("GET", "/api/agreement", name=one, at=at) for one in names]
    if json:
        print_json({"ok": True, "agreements": found, "notes": notes})
        return ExitCode.OK
    for one in found:
        print_agreement(one)
    if not found:
        print("no agreement is in the record")
    if at and found:
        print("every entry counts, whenever it was recorded: --at moves the clocks, not the record")
    for note in notes:
        print(note)
    return ExitCode.OK


def _say(desk: Path | None, verb: str, body: dict[str, Any], subject: str, *, as_json: bool) -> int:
    return print_spoken(DeskLink.open(desk).call("POST", f"/api/{verb}", body), subject, as_json=as_json)


def _for(agency: str) -> str:
    return f" for {agency}" if agency else ""


def _split_pair(text: str, what: str, form: str) -> tuple[str, str]:
    first, mark, second = text.partition("=")
    if not mark or not first or not second:
        raise Malformed(f"bad-{what}", f"{what}: expected {form}, got {text!r}")
    return first, second


def _complete(terms: Terms, chosen: dict[str, int], programme: str) -> dict[str, int]:
    # Drafting itself stays free of the solver, which takes its time to load.
    from entente.cli.terms_watch import TerminalWatch
    from entente.terms.search.completion import complete_programme
    from entente.terms.search.watch import Stopped

    try:
        with TerminalWatch(0) as watch:
            found = watch.run(lambda: complete_programme(terms, chosen, programme=programme, watch=watch))
    except Stopped as error:
        raise Denied("stopped", "completion: expected to be let finish, was stopped") from error
    if found is None:
        raise Denied(
            "breaks-rule",
            "choice: expected one that can keep every rule, nothing added to it does; ask: entente terms ask",
        )
    return found


def _list_added(asked: dict[str, int], chosen: dict[str, int]) -> list[str]:
    return [f"{name}={grade}" for name, grade in sorted(chosen.items()) if grade > asked.get(name, 0)]


def _read_grade(measure: str, grade: str, known: list[str]) -> int:
    if grade in known:
        return known.index(grade) + 1
    if grade and not known:
        raise Denied("unknown-grade", f"measure {measure!r}: expected no grade, got {grade!r}")
    if grade:
        raise Denied(
            "unknown-grade", f"measure {measure!r}: expected one of {', '.join(known)}, got {grade!r}"
        )
    return 1
