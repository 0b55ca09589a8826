"""Drafting an agreement: terms and a choice of measures give the text to be signed, as a file to read.

The file is TOML with the names of the wire form (docs/formats/agreement.md section 2), so that what a lawyer
reads, and may edit, is what is signed: nothing is added on the way.

Invariants:
  * Refused, before anyone is asked to sign: an obligation without a guarantor that signs, a choice that is
    not the programme it is said to be, that breaks a rule or a link, or that names what is not in the terms.
  * `parse_draft` of `encode_draft` is the same text.
  * Only what the terms say goes in, for the measures that were chosen.

It does not ask whether the positions allow the choice: `list_breached` names those that it goes against.

    >>> text = draft_agreement(terms, "ceasefire", {"ceasefire": 1}, terms_sha256=digest)
    >>> parse_draft(encode_draft(text).encode()) == text
    True
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

import msgspec

from entente.kernel.canonical import convert_to
from entente.kernel.errors import Denied, Malformed
from entente.kernel.message import MAX_BODY_BYTES
from entente.terms.agreement.text import (
    AgreedClock,
    AgreedMeasure,
    AgreedObligation,
    AgreementText,
    ClockWord,
    SigningAgency,
    SigningParty,
    check_text,
    encode_text,
)
from entente.terms.expression import AllOf, Atom, Expression, Implies, Not, is_true, list_atoms
from entente.terms.model import Clock, Measure, Modality, Terms

MAX_DRAFT_BYTES: Final = 4 * MAX_BODY_BYTES
"""The text, with comments and white space around it."""
_ROOM_BYTES: Final = 200
"""What the rest of the message's body takes."""


def find_grades(terms: Terms, programme_id: str) -> dict[str, int]:
    """Return the measures and grades that a programme asks for, where it says so outright.

    Raises:
        Denied: There is no such programme, or it leaves a choice ("this or that"), which is then to be made.
    """
    programme = next((one for one in terms.programmes if one.id == programme_id), None)
    if programme is None:
        known = ", ".join(one.id for one in terms.programmes) or "none"
        raise Denied("unknown-programme", f"programme: expected one of {known}, got {programme_id!r}")
    grades = _find_outright(programme.expression)
    if grades is None:
        raise Denied(
            "open-programme",
            f"programme {programme_id!r}: expected measures joined by 'and', it leaves a choice: "
            "say which measures are meant",
        )
    return grades


def complete_choice(terms: Terms, grades: Mapping[str, int]) -> tuple[dict[str, int], list[str]]:
    """Return a choice with what rules and links say outright that it brings along, and which rules these are.

    Only "this implies that, and that": where a rule leaves a choice, nothing is chosen.
    """
    whole, used = dict(grades), []
    rules = [(one.id, one.expression) for one in terms.rules] + [
        (one.id, one.expression) for one in terms.links
    ]
    is_moving = True
    while is_moving:
        is_moving = False
        for name, expression in rules:
            if isinstance(expression, Implies) and is_true(expression.premise, _add_parties(terms, whole)):
                for measure, grade in (_find_outright(expression.conclusion) or {}).items():
                    if whole.get(measure, 0) < grade and measure not in {one.id for one in terms.parties}:
                        whole[measure] = grade
                        is_moving = True
                        if name not in used:
                            used.append(name)
    return whole, used


def _find_outright(expression: Expression) -> dict[str, int] | None:
    """Return the grades that an expression asks for; None where it leaves a choice."""
    grades: dict[str, int] = {}
    waiting: list[Expression] = [expression]
    while waiting:
        match waiting.pop():
            case Atom(name, grade):
                grades[name] = max(grade, grades.get(name, 0))
            case AllOf(parts):
                waiting += parts
            case Not(Atom()):
                pass
            case _:
                return None
    return grades


def list_breached(terms: Terms, grades: Mapping[str, int]) -> list[str]:
    """Return the positions (required or forbidden) that a choice of measures goes against, in file order."""
    whole = _add_parties(terms, grades)
    homes = terms.homes
    binding = {Modality.REQUIRES, Modality.FORBIDS}
    return [
        one.id
        for one in terms.positions
        if one.modality in binding
        and all(whole.get(homes.get(holder, holder)) for holder in one.by)
        and not is_true(one.demand, whole)
    ]


def draft_agreement(
    terms: Terms,
    agreement_id: str,
    grades: Mapping[str, int],
    *,
    terms_sha256: str,
    programme: str = "",
    title: str = "",
    language: str = "en",
    names: Mapping[str, str] | None = None,
) -> AgreementText:
    """Return the text for a choice of measures.

    Args:
        grades: Grade of each measure chosen, 1 for the first; a candidate party that joins likewise.
        names: What parties are called at the center, where that is not their name in the terms.

    Raises:
        Denied: What the invariants above refuse, naming it.
        Malformed: Something in the terms is longer than the text has room for.
    """
    _check_choice(terms, grades, programme)
    called = dict(names or {})
    strange = sorted(set(called) - {one.id for one in terms.parties})
    if strange:
        known = ", ".join(one.id for one in terms.parties)
        raise Denied(
            "unknown-party", f"party: expected a party of the terms, one of {known}, got {strange[0]!r}"
        )

    def call(party: str) -> str:
        return called.get(party, party)

    joining = [one for one in terms.parties if one.takes_part or grades.get(one.id)]
    signing = {one.id for one in joining}
    agencies = [one for one in terms.agencies if one.party in signing]
    text = AgreementText(
        id=agreement_id,
        title=title or terms.title,
        language=language,
        programme=programme,
        terms_sha256=terms_sha256,
        parties=sorted((SigningParty(call(one.id), one.name) for one in joining), key=lambda one: one.party),
        agencies=sorted(
            (SigningAgency(one.id, call(one.party), one.name) for one in agencies), key=lambda one: one.agency
        ),
        measures=[
            _agree_measure(one, grades[one.id], sorted(call(party) for party in _list_acting(one, signing)))
            for one in terms.measures
            if grades.get(one.id)
        ],
        obligations=list(_list_obligations(terms, grades, signing | {one.id for one in agencies}, called)),
        clocks=list(_list_clocks(terms, grades)),
        text="",
    )
    return check_draft(text)


def check_draft(text: AgreementText) -> AgreementText:
    """Return a text whose form, names and size are those that can be proposed."""
    sound = _convert(msgspec.to_builtins(text), path="$.text")
    check_text(sound).require()
    size, limit = len(encode_text(sound)), MAX_BODY_BYTES - _ROOM_BYTES
    if size > limit:
        raise Denied("too-large", f"agreement {text.id!r}: expected <= {limit} bytes, got {size}")
    return sound


def _check_choice(terms: Terms, grades: Mapping[str, int], programme_id: str) -> None:
    tops = {one.id: max(1, len(one.grades)) for one in terms.measures}
    tops |= {one.id: 1 for one in terms.parties if not one.takes_part}
    for name, grade in grades.items():
        if name not in tops or not 0 <= grade <= tops[name]:
            known = f"a grade up to {tops[name]}" if name in tops else f"one of {', '.join(tops)}"
            raise Denied("unknown-measure", f"measure {name!r}: expected {known}, got {grade}")
    if not any(grades.get(one.id) for one in terms.measures):
        raise Denied("no-measures", "agreement: expected at least one measure, got none")
    whole = _add_parties(terms, grades)
    rules = [(one.id, one.says, one.expression) for one in terms.rules]
    rules += [(one.id, one.says, one.expression) for one in terms.links]
    broken = [f"{name!r} ({says})" for name, says, expression in rules if not is_true(expression, whole)]
    if broken:
        raise Denied(
            "breaks-rule",
            f"choice: expected one that keeps every rule, it breaks {'; '.join(broken)}",
        )
    programme = next((one for one in terms.programmes if one.id == programme_id), None)
    if programme_id and (programme is None or not is_true(programme.expression, whole)):
        found = (
            ", ".join(sorted({atom.name for atom in list_atoms(programme.expression)})) if programme else ""
        )
        raise Denied(
            "other-programme",
            f"programme {programme_id!r}: expected a choice that carries it out ({found or 'it is unknown'})",
        )


def _add_parties(terms: Terms, grades: Mapping[str, int]) -> dict[str, int]:
    return {one.id: 1 for one in terms.parties if one.takes_part} | dict(grades)


def _list_acting(measure: Measure, signing: set[str]) -> list[str]:
    """Return who acts, of those who sign; empty for all of them."""
    acting = [party for party in measure.by if party in signing]
    if measure.by and not acting:
        # An empty list would make everybody act for those who have not joined.
        raise Denied(
            "nobody-acts",
            f"measure {measure.id!r}: expected one of {', '.join(measure.by)} to take part; "
            "choose it too, as a measure is chosen",
        )
    return acting


def _agree_measure(measure: Measure, grade: int, by: list[str]) -> AgreedMeasure:
    says = measure.grades[grade - 1].name if measure.grades else ""
    return AgreedMeasure(measure.id, measure.name, grade, says, by)


def _list_obligations(
    terms: Terms, grades: Mapping[str, int], signing: set[str], called: Mapping[str, str]
) -> Iterator[AgreedObligation]:
    zones = {zone.id: zone for zone in terms.zones}
    missing = []
    for one in terms.obligations:
        zone = zones.get(one.zone)
        if zone is not None and zone.measure and not grades.get(zone.measure):
            continue
        if one.guarantor not in signing:
            missing.append(f"{one.id!r} ({one.guarantor or 'nobody'})")
        yield AgreedObligation(one.id, one.zone, one.says, called.get(one.guarantor, one.guarantor))
    if missing:
        raise Denied(
            "no-guarantor",
            f"obligations: expected a guarantor that signs for each, missing for {', '.join(missing)}",
        )


def _list_clocks(terms: Terms, grades: Mapping[str, int]) -> Iterator[AgreedClock]:
    for one in terms.clocks:
        steps = [step for step in one.steps if grades.get(step)]
        is_idle = (one.kind == "days-without" and not grades.get(one.measure)) or (
            one.kind == "simultaneous" and not steps
        )
        if not is_idle:
            yield _agree_clock(one, steps)


def _agree_clock(clock: Clock, steps: list[str]) -> AgreedClock:
    counts_days = clock.kind in {"days-without", "expiry"}
    holds = clock.kind == "days-without"
    return AgreedClock(
        id=clock.id,
        kind=clock.kind,
        says=clock.says,
        measure=clock.measure if holds else "",
        incident=(clock.incident or clock.says) if holds else "",
        steps=steps,
        days=clock.days if counts_days else 0,
        hours=0 if counts_days else clock.hours,
    )


# The file


def encode_draft(text: AgreementText) -> str:
    """Return the text as a TOML file that a person can read and edit."""
    lines = ["# Agreement, draft. What stands here is what is signed: check every word."]
    lines.append("# Each party signs, and each agency signs besides; it is in force when all have signed.")
    plain: dict[str, Any] = msgspec.to_builtins(text)
    tables = {name: value for name, value in plain.items() if isinstance(value, list)}
    for name, value in plain.items():
        if name not in tables:
            lines.append(f"{name} = {_encode_value(value)}")
    lines += [f"{name} = []" for name, items in tables.items() if not items]
    for name, items in tables.items():
        for item in items:
            lines += ["", f"[[{name}]]"]
            lines += [f"{field} = {_encode_value(value)}" for field, value in item.items()]
    return "\n".join(lines) + "\n"


def parse_draft(data: bytes) -> AgreementText:
    """Return the text that a draft file holds, or raise `Malformed` or `Denied` saying what is wrong."""
    if len(data) > MAX_DRAFT_BYTES:
        raise Malformed("too-large", f"draft: expected <= {MAX_DRAFT_BYTES} bytes, got {len(data)}")
    try:
        plain = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise Malformed("not-toml", f"draft: {str(error).lower()}") from error
    return check_draft(_convert(plain))


def _convert(plain: object, *, path: str = "$") -> AgreementText:
    try:
        return convert_to(plain, AgreementText, path=path)
    except Malformed as error:
        message = error.message.removeprefix("JSON: ")
        if error.path.endswith(".kind"):
            message += f"; expected one of {', '.join(get_args(ClockWord))}"
        raise Malformed(error.code, f"draft: {message}", path=error.path) from error


def _encode_value(value: Any) -> str:  # noqa: ANN401 - text, number or list of texts
    # TOML's basic strings take JSON's escapes; DEL is the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
