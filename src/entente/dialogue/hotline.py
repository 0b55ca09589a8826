"""The hotline: short texts between officers, in threads, and translations beside them.

Invariants:
  * The original text is what is signed and what is acknowledged. A translation is a message of its own,
    marked with its language and with who made it, an officer or a machine, and is only ever shown beside the
    original.
  * A thread is about one thing, said in its first message. A sealed thread belongs to its audience: the same
    name with another audience is another thread (`name_thread`).
  * A reply names the message that it answers, in the same thread.
  * The thread of an alarm has the alarm's name, and is opened by the alarm alone: nobody can be there first
    with another subject, or make a thread that looks like one.
  * One named officer speaks; receipts are opened for every text, as for a notification.

It does not translate and does not check that what a thread is about exists: that may be sealed to others.

    >>> find_thread(rows, "sortie-7")[0].original.text
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.kernel.errors import NotFound
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, LanguageText, OptionalSlug, SlugText, WireStruct

SpokenText = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
TranslatedText = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
"""Twice the longest original: some languages need more room."""
SubjectWord = Literal["activity", "zone", "site", "incident", "alarm", "none"]
ALARM_PREFIX: Final = "alarm-"
TranslatorWord = Literal["officer", "machine"]


class About(WireStruct, frozen=True):
    """What a thread is about; ``id`` is empty exactly when ``type`` is ``none``."""

    type: SubjectWord
    id: OptionalSlug


class Say(WireStruct, frozen=True):
    """Body of ``thread.say``."""

    thread: SlugText
    about: About
    text: SpokenText
    language: LanguageText
    urgent: bool
    reply_to: Hex64 | None


class Translate(WireStruct, frozen=True):
    """Body of ``thread.translate``."""

    message: Hex64
    language: LanguageText
    text: TranslatedText
    by: TranslatorWord


class ThreadRow(Row, frozen=True):
    """A thread and what it is about."""

    TABLE: ClassVar[str] = "threads"
    INDEXED: ClassVar[tuple[str, ...]] = ("subject",)
    thread: str
    id: str
    to: tuple[str, ...]
    about: About
    subject: str
    """``type:id``, to find the threads about one thing."""
    first_index: int
    last_index: int
    messages: int

    def key(self) -> str:
        """Return the scoped name."""
        return self.thread


class SayRow(Row, frozen=True):
    """One text as it was signed."""

    TABLE: ClassVar[str] = "says"
    INDEXED: ClassVar[tuple[str, ...]] = ("thread", "author")
    message: str
    thread: str
    author: str
    officer: str
    index: int
    at: str
    text: str
    language: str
    urgent: bool
    reply_to: str | None

    def key(self) -> str:
        """Return the message's leaf hash."""
        return self.message


class TranslationRow(Row, frozen=True):
    """One translation of one text."""

    TABLE: ClassVar[str] = "translations"
    INDEXED: ClassVar[tuple[str, ...]] = ("message",)
    message: str
    translation: str
    author: str
    officers: tuple[str, ...]
    index: int
    at: str
    text: str
    language: str
    by: TranslatorWord

    def key(self) -> str:
        """Return ``leaf of the original:leaf of the translation``."""
        return f"{self.message}:{self.translation}"


class SayView(msgspec.Struct, frozen=True):
    """A text as it is shown: the original, and each translation with its mark."""

    original: SayRow
    translations: tuple[TranslationRow, ...]
    marks: tuple[str, ...]
    """For each translation what must be shown with it."""


def name_thread(message: VerifiedMessage[Any], thread: str) -> str:
    """Return a thread's row key as ``message`` means it: the bare name when open, scoped when sealed."""
    if not message.addressees:
        return thread
    audience = "\n".join(sorted({message.author, *message.addressees}))
    return f"{thread}@{hashlib.sha256(audience.encode()).hexdigest()[:16]}"


def decide_say(message: VerifiedMessage[Say], rows: Rows) -> Decision:
    """Allow one officer to speak, on the thread's subject, in answer to something said there or nothing."""
    count = len(message.payload.officers)
    if count != 1:
        return denied("one-officer", f"thread.say: expected exactly 1 officer, got {count}")
    body = message.body
    if body is None:
        return ALLOWED
    if (body.about.type == "none") != (body.about.id == ""):
        return denied(
            "bad-subject",
            f"about: expected a name exactly when there is a subject, got {body.about.type!r} "
            f"{body.about.id!r}",
        )
    name = name_thread(message, body.thread)
    known = rows.find(ThreadRow, name)
    if known is None and (body.about.type == "alarm" or body.thread.startswith(ALARM_PREFIX)):
        # SECURITY: otherwise the first text could stand before the alarm's own, or in a thread of its name
        # that only some can read (tests/unit/test_deconflict_alarm.py,
        # test_nobody_opens_the_thread_of_an_alarm).
        return denied(
            "no-alarm",
            f"thread {body.thread!r}: expected an open thread that an alarm has opened, found none",
        )
    if known is not None and known.about != body.about:
        return denied(
            "other-subject",
            f"thread {body.thread!r}: expected about {_say_subject(known.about)!r}, got "
            f"{_say_subject(body.about)!r}",
        )
    if body.reply_to is not None:
        answered = rows.find(SayRow, body.reply_to)
        if answered is None or answered.thread != name:
            return denied(
                "unknown-reply",
                f"thread {body.thread!r}: expected a reply to a message in it, got {body.reply_to[:12]}",
            )
    return ALLOWED


def project_say(entry: Entry[Say], rows: Rows) -> None:
    """Add the text to its thread."""
    message = entry.message
    body = message.body
    if body is None:
        return
    name = name_thread(message, body.thread)
    known = rows.find(ThreadRow, name)
    rows.put(
        ThreadRow(
            thread=name,
            id=body.thread,
            to=tuple(sorted({message.author, *message.addressees})) if message.addressees else (),
            about=body.about,
            subject=_say_subject(body.about),
            first_index=known.first_index if known else entry.index,
            last_index=entry.index,
            messages=known.messages + 1 if known else 1,
        )
    )
    rows.put(
        SayRow(
            message=message.leaf,
            thread=name,
            author=message.author,
            officer=message.payload.officers[0],
            index=entry.index,
            at=message.payload.at,
            text=body.text,
            language=body.language,
            urgent=body.urgent,
            reply_to=body.reply_to,
        )
    )


def open_alarm_thread(entry: Entry[Any], alarm: str, text: str, rows: Rows) -> None:
    """Open the thread of an alarm, with the alarm's words as its first text, in the center's name."""
    about = About("alarm", alarm)
    rows.put(
        ThreadRow(
            thread=alarm,
            id=alarm,
            to=(),
            about=about,
            subject=_say_subject(about),
            first_index=entry.index,
            last_index=entry.index,
            messages=1,
        )
    )
    rows.put(
        SayRow(
            message=entry.message.leaf,
            thread=alarm,
            author=entry.message.author,
            officer="",
            index=entry.index,
            at=entry.message.payload.at,
            text=text,
            language="en",
            urgent=True,
            reply_to=None,
        )
    )


def decide_translate(message: VerifiedMessage[Translate], rows: Rows) -> Decision:
    """Allow anyone who can read the original to translate it into another language, to the same audience."""
    body = message.body
    if body is None:
        return ALLOWED
    original = rows.find(SayRow, body.message)
    thread = rows.find(ThreadRow, original.thread) if original else None
    if original is None or thread is None or name_thread(message, thread.id) != original.thread:
        # SECURITY: a translation to a wider audience than the original's would tell others what was sealed
        # (tests/unit/test_dialogue_hotline.py, test_open_translation_of_a_sealed_text_is_refused).
        return denied(
            "unknown-original",
            f"translation: expected a text said to the same audience, found none named {body.message[:12]}",
        )
    if body.language == original.language:
        return denied("same-language", f"translation: expected another language than {original.language!r}")
    if body.by == "officer" and len(message.payload.officers) != 1:
        count = len(message.payload.officers)
        return denied("one-officer", f"translation by an officer: expected exactly 1 officer, got {count}")
    return ALLOWED


def project_translate(entry: Entry[Translate], rows: Rows) -> None:
    """Put the translation beside its original."""
    message = entry.message
    body = message.body
    if body is not None:
        rows.put(
            TranslationRow(
                message=body.message,
                translation=message.leaf,
                author=message.author,
                officers=tuple(message.payload.officers),
                index=entry.index,
                at=message.payload.at,
                text=body.text,
                language=body.language,
                by=body.by,
            )
        )


def get_say(rows: Rows, leaf: str) -> SayView:
    """Return a text as it is shown, or raise `NotFound`."""
    original = rows.find(SayRow, leaf)
    if original is None:
        raise NotFound("not-found", f"text {leaf[:12]!r}: expected one in the record, found none")
    translations = sorted(rows.select(TranslationRow, message=leaf), key=lambda row: row.index)
    return SayView(original, tuple(translations), tuple(mark_translation(row) for row in translations))


def find_thread(rows: Rows, thread: str) -> list[SayView]:
    """Return what was said in a thread by its scoped name, in the record's order; empty where unknown."""
    said = sorted(rows.select(SayRow, thread=thread), key=lambda row: row.index)
    return [get_say(rows, row.message) for row in said]


def mark_translation(row: TranslationRow) -> str:
    """Return what must be shown with a translation."""
    who = (
        f"officer {row.officers[0]} of {row.author}" if row.by == "officer" else f"a machine of {row.author}"
    )
    return f"translation into {row.language} by {who}; the original is what was signed"


def _say_subject(about: About) -> str:
    return f"{about.type}:{about.id}"


THREAD_SAY: Final = Kind(
    "thread.say",
    Say,
    decide=decide_say,
    project=project_say,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
THREAD_TRANSLATE: Final = Kind(
    "thread.translate",
    Translate,
    decide=decide_translate,
    project=project_translate,
    may_be_sealed=True,
)
