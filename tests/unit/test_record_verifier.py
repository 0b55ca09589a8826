from __future__ import annotations

from collections.abc import Callable

import pytest

from entente.kernel.errors import Denied, VerificationFailed
from entente.kernel.ids import PartyID
from entente.record import (
    AuditReport,
    audit_record,
    encode_entry_bundle,
    make_quorum_policy,
    merge_cosignatures,
    verify_fork,
)
from tests.unit.test_record_samples import (
    LOG,
    NOW_S,
    WITNESSES,
    MemorySource,
    make_entry,
    make_tree,
    publish,
    verified,
)

POLICY = make_quorum_policy(
    LOG.key, {PartyID(name): WITNESSES[name].key for name in ("us", "ru", "un")}, host=None
)
SIZE = 66_000  # three levels of tiles
WHOLE = publish(SIZE)


def audit(source: MemorySource, **options: object) -> AuditReport:
    return audit_record(source, POLICY, present=sorted(source.files), **options)  # type: ignore[arg-type]


def altered(path: str, change: Callable[[bytes], bytes], whole: MemorySource) -> MemorySource:
    return MemorySource(whole.files | {path: change(whole.files[path])})


def flip(data: bytes) -> bytes:
    return data[:40] + bytes((data[40] ^ 1,)) + data[41:]


def test_sound_record_is_found_sound_and_counted() -> None:
    seen: list[int] = []
    steps: list[tuple[int, int]] = []
    report = audit(
        WHOLE,
        known=[verified(make_tree(0)), verified(make_tree(300)), verified(make_tree(SIZE))],
        check_entry=lambda index, entry: seen.append(index) if entry == make_entry(index) else None,
        progress=lambda done, size: steps.append((done, size)),
    )
    assert report.is_sound, report.faults
    report.require_sound()
    assert seen == list(range(SIZE))
    assert steps[-1] == (SIZE, SIZE)
    assert (report.entries, report.entries_checked, report.bundles, report.tiles) == (SIZE, SIZE, 258, 261)
    assert report.entry_bytes == sum(len(make_entry(index)) for index in range(SIZE))
    assert (report.known_checked, len(report.cosignatures), report.unchecked) == (3, 3, ())


@pytest.mark.parametrize("size", (0, 1, 255, 256, 257, 512))
def test_records_of_every_shape_are_sound(size: int) -> None:
    assert audit(publish(size)).is_sound


def test_what_was_not_checked_is_said() -> None:
    report = audit_record(publish(3), POLICY)
    assert report.unchecked == (
        "what the entries say: signatures and rules",
        "agreement with checkpoints that others hold: none was given",
    )


def test_every_altered_tile_is_found_and_named() -> None:
    whole = publish(600)
    for path in sorted(whole.files):
        if path.startswith(("tile/0", "tile/1")):
            report = audit(altered(path, flip if len(whole.files[path]) > 40 else bytes.swapcase, whole))
            assert [(fault.path, fault.code) for fault in report.faults] == [(path, "bad-tile")]
    report = audit(altered("tile/0/002.p/88", flip, whole))
    assert "at hash 1 (entry 513 on)" in report.faults[0].reason


def test_forged_entry_is_found_by_its_tile_and_by_the_root() -> None:
    entries = [make_entry(index) for index in range(256)]
    entries[9] = b"{}"
    report = audit(altered("tile/entries/000", lambda _: encode_entry_bundle(entries), publish(300)))
    assert [(fault.path, fault.code) for fault in report.faults] == [
        ("tile/0/000", "bad-tile"), ("tile/1/000.p/1", "bad-tile"), ("checkpoint", "bad-root"),
    ]  # fmt: skip
    with pytest.raises(VerificationFailed, match="3 faults, the first at tile/0/000"):
        report.require_sound()


def test_entry_forged_in_all_tiles_is_found_by_the_root() -> None:
    honest, forged = publish(300), publish(300)
    forged.files |= publish_forged(300)
    forged.files["checkpoint"] = honest.files["checkpoint"]
    report = audit(forged)
    assert [(fault.path, fault.code) for fault in report.faults] == [("checkpoint", "bad-root")]


def publish_forged(size: int) -> dict[str, bytes]:
    from entente.record import ENTRIES, encode_hash_tile, encode_tile_path, list_tiles

    tree = make_tree(size, branch=b"!")
    return {
        encode_tile_path(tile): (
            encode_entry_bundle([make_entry(at) + b"!" for at in range(tile.start, tile.start + tile.width)])
            if tile.level == ENTRIES
            else encode_hash_tile(tree, tile)
        )
        for tile in list_tiles(size)
    }


def test_missing_file_is_found() -> None:
    whole = publish(600)
    for path in sorted(whole.files):
        files = {name: data for name, data in whole.files.items() if name != path}
        report = audit_record(MemorySource(files), POLICY)
        assert [(fault.path, fault.code) for fault in report.faults] == [(path, "no-tile")]
        if "entries" in path or path == "checkpoint":
            assert any("cannot be read" in each or "no verified" in each for each in report.unchecked)


def test_older_partial_tiles_are_compared_too() -> None:
    whole = publish(600)
    for size in (3, 300, 520):
        older = publish(size).files
        whole.files |= {
            path: data for path, data in older.items() if ".p/" in path and path not in whole.files
        }
    report = audit(whole)
    assert report.is_sound
    assert report.older_tiles == 7
    for path in ("tile/0/000.p/3", "tile/0/001.p/44", "tile/entries/002.p/8"):
        report = audit(altered(path, lambda data: data[:-1] + bytes((data[-1] ^ 1,)), whole))
        assert [fault.path for fault in report.faults] == [path]


def test_files_that_nothing_covers_are_counted() -> None:
    whole = publish(300)
    whole.files |= {"tile/0/009": b"", "tile/0/001.p/45": b"", "notes.txt": b"", "tile/3/000.p/1": b""}
    report = audit(whole)
    assert report.is_sound
    assert report.unchecked[0] == "4 files that the checkpoint of size 300 does not cover"


def test_record_without_its_quorum_is_not_sound_but_is_checked() -> None:
    report = audit(publish(300, cosigned_by=("us", "ru")))
    assert [fault.code for fault in report.faults] == ["quorum-not-met"]
    assert (report.entries, report.quorum is not None and report.quorum.is_met) == (300, False)


def test_bad_cosignature_is_found() -> None:
    whole = publish(300, cosigned_by=())
    other = verified(make_tree(299))
    whole.files["checkpoint"] = merge_cosignatures(
        whole.files["checkpoint"], [WITNESSES["us"].cosign(other.text, NOW_S)]
    )
    report = audit(whole)
    assert [fault.code for fault in report.faults] == ["bad-signature"]
    assert report.entries == 300


def test_checkpoint_of_a_stranger_leaves_everything_unchecked() -> None:
    report = audit(altered("checkpoint", lambda data: data.replace(b"\n300\n", b"\n301\n"), publish(300)))
    assert (report.checkpoint, report.entries, [fault.code for fault in report.faults]) == (
        None,
        0,
        ["bad-signature"],
    )
    assert report.unchecked[0].startswith("entries and tiles: there is no verified checkpoint")


def test_rules_that_refuse_an_entry_are_faults() -> None:
    def refuse_seven(index: int, _entry: bytes) -> None:
        if index == 7:
            raise Denied("not-allowed", "entry: expected a known author, got 'nobody'")

    report = audit(publish(20), check_entry=refuse_seven)
    assert [(fault.path, fault.code) for fault in report.faults] == [("entry 7", "not-allowed")]
    assert report.entries_checked == 20


def test_known_checkpoint_of_another_history_is_a_fork() -> None:
    for size in (5, 300):
        report = audit(publish(300), known=[verified(make_tree(size, branch=b"!"))])
        assert [fault.code for fault in report.faults] == ["log-forked"]
        assert verify_fork(report.forks[0].evidence, LOG.key).code == "log-forked"
    report = audit(publish(300), known=[verified(make_tree(301))])
    assert report.unchecked == (
        "a known checkpoint of 'center.example/record' of size 301: not covered",
        "what the entries say: signatures and rules",
    )


def test_known_checkpoints_are_not_held_against_tiles_that_are_not_sound() -> None:
    report = audit(altered("tile/0/001.p/44", flip, publish(300)), known=[verified(make_tree(9))])
    assert [fault.code for fault in report.faults] == ["bad-tile"]
    assert report.known_checked == 0
    assert report.unchecked[0] == "1 known checkpoints: the tiles are not sound"


def test_three_hundred_faults_are_counted_and_a_hundred_kept() -> None:
    def refuse(index: int, _entry: bytes) -> None:
        raise Denied("not-allowed", f"entry {index}: expected nothing")

    report = audit(publish(300), check_entry=refuse)
    assert (report.fault_count, len(report.faults)) == (300, 100)
