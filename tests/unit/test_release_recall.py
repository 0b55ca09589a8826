"""Recall: marks, deletes nothing, reaches every holder, is owed onwards."""

from __future__ import annotations

import pytest

from entente.release.item import GrantRow, is_recalled
from entente.release.recall import find_owed
from tests.release_record import SHA256, ReleaseRecord, digest
from tests.unit.test_deconflict_simulator import refused


def pass_on(release: ReleaseRecord) -> tuple[str, str, str]:
    """An item of us to ru, the yes, and the item of ru to un."""
    item = release.item()
    grant = release.grant(release.ask())
    return item, grant, release.item("ru", "un", originator="us", grant=grant)


def test_a_recall_marks_the_item_at_both_desks_and_keeps_it() -> None:
    release = ReleaseRecord()
    item = release.item()
    leaf = release.recall(item, reason="wrong", words="it was a school bus")
    for reader in ("us", "ru"):
        row = release.get_item(reader, item)
        assert (row.recalled, row.recall_reason, row.recall_words) == (leaf, "wrong", "it was a school bus")
        assert row.item.variant.text == "An aircraft was seen."
    assert release.record.receipt(leaf, "ru", view="us").state == "waiting"
    release.record.acknowledge("ru", leaf)
    assert release.record.receipt(leaf, "ru", view="us").state == "acknowledged"
    with refused("recalled"):
        release.recall(item)


def test_only_who_released_it_recalls_it_and_from_whom_it_went_to() -> None:
    release = ReleaseRecord()
    item = release.item()
    with refused("not-released"):
        release.recall(item, to=("un",))
    with refused("not-released"):
        release.recall(item, to=("ru", "un"))
    with refused("not-addressed"):
        release.recall(item, to=())
    with refused("not-released"):
        release.recall(item, author="ru", to=("us",))
    with refused("not-released"):
        release.recall(digest("nothing"))
    assert release.get_item("ru", item).recalled == ""


def test_who_passed_it_on_owes_a_recall() -> None:
    release = ReleaseRecord()
    item, _, passed = pass_on(release)
    assert not list(find_owed(release.record.rows("ru"), "ru"))
    release.recall(item)
    assert is_recalled(release.record.rows("ru"), SHA256, "ru")
    assert [row.message for row in find_owed(release.record.rows("ru"), "ru")] == [passed]
    release.recall(passed, author="ru", to=("un",))
    assert not list(find_owed(release.record.rows("ru"), "ru"))
    assert release.get_item("un", passed).recalled


def test_the_originator_reaches_a_holder_behind_one_that_stays_silent() -> None:
    release = ReleaseRecord()
    _, grant, passed = pass_on(release)
    with refused("not-released"):
        release.recall(grant, to=("un",))
    leaf = release.recall(grant, to=("ru", "un"))
    assert release.get_item("un", passed).recalled == leaf
    assert release.get_item("ru", passed).recalled == leaf
    row = release.record.rows("us").find(GrantRow, grant)
    assert row is not None
    assert row.recalled == leaf
    with refused("recalled"):
        release.recall(grant, to=("ru", "un"))


def test_a_no_is_not_recalled() -> None:
    release = ReleaseRecord()
    release.item()
    refusal = release.grant(release.ask(), granted=False)
    with refused("not-released"):
        release.recall(refusal, to=("ru", "un"))


@pytest.mark.parametrize("reader", (None, "il"))
def test_others_learn_nothing_of_it(reader: str | None) -> None:
    release = ReleaseRecord()
    item, grant, passed = pass_on(release)
    release.recall(item)
    release.recall(grant, to=("ru", "un"))
    rows = release.record.rows(reader)
    assert release.find_item(reader, item) is None
    assert release.find_item(reader, passed) is None
    assert rows.find(GrantRow, grant) is None
