"""The hotline: who says what in which thread, and translations that never stand for the original."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.dialogue import About, Say, SayRow, ThreadRow, Translate, find_thread, get_say
from entente.kernel.errors import NotFound
from tests.unit.test_deconflict_simulator import RecordSimulator, refused

SORTIE = About("activity", "sortie-7")


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_say(text: str = "hold your position", **more: Any) -> Say:
    body = Say(thread="sortie-7", about=SORTIE, text=text, language="en", urgent=False, reply_to=None)
    return msgspec.structs.replace(body, **more)


def say(record: RecordSimulator, party: str, text: str = "hold your position", **more: Any) -> str:
    to = more.pop("to", ())
    officers = more.pop("officers", ("duty-1",))
    return record.send(party, "thread.say", make_say(text, **more), to=to, officers=officers)


def test_a_thread_keeps_the_order_of_the_record(record: RecordSimulator) -> None:
    first = say(record, "us", "hold your position")
    say(record, "ru", "понял", language="ru", reply_to=first)
    texts = [(view.original.author, view.original.text) for view in find_thread(record.host, "sortie-7")]
    assert texts == [("us", "hold your position"), ("ru", "понял")]
    row = record.host.find(ThreadRow, "sortie-7")
    assert row is not None
    assert (row.messages, row.first_index, row.last_index, row.subject) == (2, 0, 1, "activity:sortie-7")


def test_every_text_asks_for_receipts(record: RecordSimulator) -> None:
    leaf = say(record, "us")
    assert record.receipt(leaf, "ru").state == "waiting"
    record.acknowledge("ru", leaf)
    assert record.receipt(leaf, "ru").state == "acknowledged"


@pytest.mark.parametrize("officers", (("duty-1", "duty-2"), ()))
def test_one_officer_speaks(record: RecordSimulator, officers: tuple[str, ...]) -> None:
    with refused("one-officer" if officers else "officers-missing", f"got {len(officers)}"):
        say(record, "us", officers=officers)


def test_a_thread_does_not_change_its_subject(record: RecordSimulator) -> None:
    say(record, "us")
    with refused("other-subject", "'activity:sortie-7'", "'zone:castello'"):
        say(record, "ru", about=About("zone", "castello"))


@pytest.mark.parametrize("about", (About("none", "sortie-7"), About("activity", "")))
def test_a_subject_has_a_name_and_no_subject_has_none(record: RecordSimulator, about: About) -> None:
    with refused("bad-subject", repr(about.type)):
        say(record, "us", about=about)


def test_a_reply_to_another_thread_is_refused(record: RecordSimulator) -> None:
    first = say(record, "us")
    with refused("unknown-reply", first[:12]):
        say(record, "ru", thread="other", about=About("none", ""), reply_to=first)
    with refused("unknown-reply", "000000000000"):
        say(record, "ru", reply_to="0" * 64)


def test_a_sealed_thread_is_its_audiences_own(record: RecordSimulator) -> None:
    say(record, "us", "to ru alone", to=["ru"])
    say(record, "ru", "to us alone", to=["us"])
    say(record, "us", "to un alone", to=["un"])
    say(record, "us", "to everyone")
    texts = {
        reader: sorted(row.text for row in record.rows(reader).select(SayRow))
        for reader in (None, "ru", "un", "us")
    }
    assert texts == {
        None: ["to everyone"],
        "ru": ["to everyone", "to ru alone", "to us alone"],
        "un": ["to everyone", "to un alone"],
        "us": ["to everyone", "to ru alone", "to un alone", "to us alone"],
    }
    between = [row for row in record.rows("ru").select(ThreadRow) if row.to == ("ru", "us")]
    assert [view.original.text for view in find_thread(record.rows("ru"), between[0].thread)] == [
        "to ru alone",
        "to us alone",
    ]


def test_a_translation_stands_beside_its_original_with_its_mark(record: RecordSimulator) -> None:
    leaf = say(record, "ru", "ждите", language="ru")
    record.send("us", "thread.translate", Translate(leaf, "en", "wait", "machine"), officers=())
    record.send("ru", "thread.translate", Translate(leaf, "en", "stand by", "officer"))
    view = get_say(record.host, leaf)
    assert (view.original.text, view.original.language) == ("ждите", "ru")
    assert [row.text for row in view.translations] == ["wait", "stand by"]
    assert view.marks == (
        "translation into en by a machine of us; the original is what was signed",
        "translation into en by officer duty-1 of ru; the original is what was signed",
    )


def test_a_translation_is_no_text_of_the_thread(record: RecordSimulator) -> None:
    leaf = say(record, "ru", "ждите", language="ru")
    translation = record.send("us", "thread.translate", Translate(leaf, "en", "wait", "machine"))
    assert len(find_thread(record.host, "sortie-7")) == 1
    with pytest.raises(NotFound, match=translation[:12]):
        get_say(record.host, translation)
    with refused("unknown-original", translation[:12]):
        record.send("us", "thread.translate", Translate(translation, "fr", "attendez", "machine"))


def test_an_officers_translation_names_the_officer(record: RecordSimulator) -> None:
    leaf = say(record, "ru", "ждите", language="ru")
    with refused("one-officer", "got 0"):
        record.send("us", "thread.translate", Translate(leaf, "en", "wait", "officer"), officers=())


def test_translating_into_the_same_language_is_refused(record: RecordSimulator) -> None:
    leaf = say(record, "ru", "ждите", language="ru")
    with refused("same-language", "'ru'"):
        record.send("us", "thread.translate", Translate(leaf, "ru", "идите", "officer"))


def test_open_translation_of_a_sealed_text_is_refused(record: RecordSimulator) -> None:
    leaf = say(record, "ru", "ждите", language="ru", to=["us"])
    body = Translate(leaf, "en", "wait", "officer")
    with refused("unknown-original", leaf[:12]):
        record.send("us", "thread.translate", body)
    with refused("unknown-original", leaf[:12]):
        record.send("us", "thread.translate", body, to=["ru", "un"])
    record.send("us", "thread.translate", body, to=["ru"])
    assert len(get_say(record.rows("ru"), leaf).translations) == 1


@pytest.mark.parametrize("text", ("", "x" * 2001))
def test_a_text_out_of_bounds_is_no_text(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(msgspec.to_builtins(make_say(text)), Say)


@pytest.mark.parametrize("name", ("-a", "A", "a\n", "a" * 41))
def test_a_subject_out_of_form_is_none(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "zone", "id": name}, About)
