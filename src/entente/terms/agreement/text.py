"""The text of an agreement: the exact bytes that every party and every agency signs.

It is made from terms and a choice of measures (`drafting`), and from then on stands by itself: who must sign,
what is done at which grade, who answers for what, which clocks run, and the SHA-256 of the terms file that it
came from.

Invariants:
  * Everybody signs the same bytes: their canonical JSON, named by its SHA-256. Another text is another
    agreement.
  * Every obligation has a guarantor, and the guarantor is one of those who must sign.
  * Every name in it is defined in it; each is defined once.
  * At most one expiry and one withdrawal clock, so that there is one end and one period of notice.
  * It holds no character that acts instead of being read: what is shown of it is what is signed.

It does not say whether its measures are possible together: that is asked of the terms before it is proposed.

    >>> check_text(text).require()
    >>> hash_text(text)[:12]
    '5c0f3ab1d2e4'
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import encode_body
from entente.kernel.wire import Hex64, LanguageText, NameText, NoteText, OptionalSlug, SlugText, WireStruct

MAX_DAYS: Final = 36_525
"""A hundred years: adding it to any instant that can be claimed stays inside the calendar."""
MAX_HOURS: Final = 24 * 366
MIN_PARTIES: Final = 2

# SECURITY: a separator of lines that is no line feed, what turns the direction of reading, marks and tags
# that show nothing: with these one text is signed and another one read on the screen
# (tests/unit/test_terms_agreement_words.py, test_a_text_that_shows_other_words_than_it_has_is_refused).
# A fixed list: a rule must not depend on the Unicode version of whoever applies it.
_ACTING: Final = re.compile(
    "[\u200b\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

Slugs = Annotated[list[SlugText], msgspec.Meta(max_length=64)]
WordsText = Annotated[
    str, msgspec.Meta(pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$(?!\n)", max_length=1000)
]
"""A sentence or a few, as agreed: room for a clause, short enough that sixty of them fit one message."""
ClockWord = Literal["days-without", "simultaneous", "expiry", "withdrawal"]


class SigningParty(WireStruct, frozen=True):
    """A party to the agreement; it signs for itself, and each of its agencies signs besides."""

    party: SlugText
    name: NameText


class SigningAgency(WireStruct, frozen=True):
    """An agency that must sign. It signs through its party's desk, by an officer with a role of this name."""

    agency: SlugText
    party: SlugText
    name: NameText


class AgreedMeasure(WireStruct, frozen=True):
    """A measure, how far it goes, and who acts; ``by`` empty: every party. ``grade`` 1 is the first."""

    id: SlugText
    says: WordsText
    grade: Annotated[int, msgspec.Meta(ge=1, le=50)]
    grade_says: WordsText
    by: Slugs


class AgreedObligation(WireStruct, frozen=True):
    """What is promised, and the party or agency that answers for it."""

    id: SlugText
    zone: OptionalSlug
    says: WordsText
    guarantor: OptionalSlug


class AgreedClock(WireStruct, frozen=True):
    """A condition with a clock: see `entente.terms.model.Clock`; spans are of 24 hours and of 60 minutes."""

    id: SlugText
    kind: ClockWord
    says: WordsText
    measure: OptionalSlug
    incident: WordsText
    steps: Annotated[list[SlugText], msgspec.Meta(max_length=40)]
    days: Annotated[int, msgspec.Meta(ge=0, le=MAX_DAYS)]
    hours: Annotated[int, msgspec.Meta(ge=0, le=MAX_HOURS)]


class AgreementText(WireStruct, frozen=True):
    """What is signed. ``terms_sha256`` names the terms file; ``text`` is what the parties want to add."""

    id: SlugText
    title: NameText
    language: LanguageText
    programme: OptionalSlug
    terms_sha256: Hex64
    parties: Annotated[list[SigningParty], msgspec.Meta(min_length=MIN_PARTIES, max_length=64)]
    agencies: Annotated[list[SigningAgency], msgspec.Meta(max_length=64)]
    measures: Annotated[list[AgreedMeasure], msgspec.Meta(max_length=100)]
    obligations: Annotated[list[AgreedObligation], msgspec.Meta(max_length=100)]
    clocks: Annotated[list[AgreedClock], msgspec.Meta(max_length=40)]
    text: NoteText


class Signatory(msgspec.Struct, frozen=True, order=True):
    """Whoever must sign: a party (``agency`` empty), or one of its agencies."""

    party: str
    agency: str = ""

    def __str__(self) -> str:
        return f"{self.party}/{self.agency}" if self.agency else self.party


def encode_text(text: AgreementText) -> bytes:
    """Return the bytes that are signed."""
    return encode_body(text)


def hash_text(text: AgreementText) -> str:
    """Return the SHA-256 of those bytes in hex: what every signature names."""
    return hashlib.sha256(encode_text(text)).hexdigest()


def list_parties_of(text: AgreementText) -> list[str]:
    """Return the names of the parties, sorted."""
    return [one.party for one in text.parties]


def list_signatories(text: AgreementText) -> list[Signatory]:
    """Return everyone who must sign: each party, followed by its agencies."""
    found = [Signatory(one.party) for one in text.parties]
    return sorted([*found, *(Signatory(one.party, one.agency) for one in text.agencies)])


def find_clock(text: AgreementText, clock_id: str) -> AgreedClock | None:
    """Return the clock of this name, or None."""
    return next((clock for clock in text.clocks if clock.id == clock_id), None)


def find_clock_of_kind(text: AgreementText, kind: ClockWord) -> AgreedClock | None:
    """Return the first clock of a kind: for expiry and withdrawal the only one."""
    return next((clock for clock in text.clocks if clock.kind == kind), None)


def check_text(text: AgreementText) -> Decision:
    """Decide whether a text is sound in itself: names, guarantors, clocks."""
    for fault in _find_faults(text):
        return fault
    return ALLOWED


def _find_faults(text: AgreementText) -> Iterator[Decision]:
    acting = _ACTING.search(encode_text(text).decode())
    if acting is not None:
        yield denied(
            "hidden-character",
            f"agreement {text.id!r}: expected only characters that can be read, got "
            f"U+{ord(acting.group()):04X}",
        )
    yield from _find_name_faults(text)
    yield from _find_clock_faults(text, {one.id for one in text.measures})


def _find_name_faults(text: AgreementText) -> Iterator[Decision]:
    what = f"agreement {text.id!r}"
    parties = list_parties_of(text)
    if parties != sorted(set(parties)):
        yield denied("party-order", f"{what}: expected each party once, sorted by name")
    agencies = [one.agency for one in text.agencies]
    if agencies != sorted(set(agencies)):
        yield denied("agency-order", f"{what}: expected each agency once, sorted by name")
    for agency in text.agencies:
        if agency.party not in parties:
            yield denied(
                "unknown-party",
                f"{what}, agency {agency.agency!r}: expected a party of it, got {agency.party!r}",
            )
        if agency.agency in parties:
            yield denied("name-twice", f"{what}: expected {agency.agency!r} to be a party or an agency")
    measures = [one.id for one in text.measures]
    obligations = [one.id for one in text.obligations]
    for names in (measures, obligations, [one.id for one in text.clocks]):
        for name in names:
            if names.count(name) > 1:
                yield denied("name-twice", f"{what}: expected {name!r} to be defined once")
    for measure in text.measures:
        if measure.by != sorted(set(measure.by)):
            yield denied("party-order", f"{what}, measure {measure.id!r}: expected parties once, sorted")
        for party in measure.by:
            if party not in parties:
                yield denied(
                    "unknown-party", f"{what}, measure {measure.id!r}: expected a party of it, got {party!r}"
                )
    signing = {*parties, *agencies}
    for obligation in text.obligations:
        if obligation.guarantor not in signing:
            yield denied(
                "no-guarantor",
                f"{what}, obligation {obligation.id!r}: expected a guarantor that signs, one of "
                f"{sorted(signing)}, got {obligation.guarantor!r}",
            )


def _find_clock_faults(text: AgreementText, measures: set[str]) -> Iterator[Decision]:
    for clock in text.clocks:
        what = f"agreement {text.id!r}, clock {clock.id!r}"
        wants_days = clock.kind in {"days-without", "expiry"}
        if bool(clock.days) != wants_days or bool(clock.hours) == wants_days:
            unit = "days >= 1 and hours 0" if wants_days else "hours >= 1 and days 0"
            yield denied("bad-clock", f"{what}: expected {unit}, got {clock.days} and {clock.hours}")
        if bool(clock.steps) != (clock.kind == "simultaneous"):
            yield denied("bad-clock", f"{what}: expected steps exactly where they are simultaneous")
        holds = clock.kind == "days-without"
        if bool(clock.measure) != holds or bool(clock.incident) != holds:
            yield denied("bad-clock", f"{what}: expected measure and incident exactly for days-without")
        if len(set(clock.steps)) != len(clock.steps):
            yield denied("name-twice", f"{what}: expected each step once")
        for name in (*clock.steps, *([clock.measure] if clock.measure else [])):
            if name not in measures:
                yield denied("unknown-measure", f"{what}: expected a measure of the agreement, got {name!r}")
    for kind in ("expiry", "withdrawal"):
        if sum(clock.kind == kind for clock in text.clocks) > 1:
            yield denied("clock-twice", f"agreement {text.id!r}: expected at most one {kind} clock")
