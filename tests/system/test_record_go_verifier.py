"""A second opinion: golang.org/x/mod/sumdb, built here, accepts our record and refuses each tampered one.

Needs Debian's golang-go and golang-golang-x-mod-dev; without them it is skipped and says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from entente.kernel.ids import PartyID
from entente.kernel.keys import SigningKey
from entente.kernel.wire import encode_base64
from entente.record import (
    CosignatureSigner,
    NoteSigner,
    VerifiedCheckpoint,
    audit_record,
    encode_entry_bundle,
    encode_note_key,
    encode_proof,
    make_history_fork,
    make_proof,
    make_quorum_policy,
    make_same_size_fork,
    merge_cosignatures,
)
from tests.unit.test_record_samples import (
    LOG,
    NOW_S,
    ORIGIN,
    WITNESSES,
    MemorySource,
    make_entry,
    make_seed,
    make_tree,
    publish,
    sign_tree,
    verified,
)

GOPATH = Path("/usr/share/gocode")
SOURCE = Path(__file__).parent / "go_verifier" / "main.go"
SIZE = 1000
TREE = make_tree(SIZE)
WHOLE = publish(SIZE)
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no outside verifier: expected the program 'go' (Debian package golang-go)")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/note").is_dir():
        pytest.skip(f"no outside verifier: expected golang.org/x/mod in {GOPATH} (golang-golang-x-mod-dev)")
    folder = tmp_path_factory.mktemp("go")
    binary = folder / "go_verifier"
    environment = os.environ | {
        "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache"),
        "GOTOOLCHAIN": "local", "CGO_ENABLED": "0",
    }  # fmt: skip
    built = subprocess.run(
        [go, "build", "-o", str(binary), str(SOURCE)],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr

    def run_verifier(
        command: str, *files: Path, needed: int = 0, witnesses: tuple[str, ...] = ("us", "ru", "un")
    ) -> subprocess.CompletedProcess[str]:
        keys = [part for name in witnesses for part in ("-witness", encode_note_key(WITNESSES[name].key))]
        return subprocess.run(
            [binary, command, "-log", encode_note_key(LOG.key), *keys, "-k", str(needed), *files],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    return run_verifier


def write(folder: Path, source: MemorySource) -> Path:
    for path, data in source.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


def write_file(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", (0, 1, 256, 257, SIZE, 66_000))
def test_our_record_is_accepted(run: Run, tmp_path: Path, size: int) -> None:
    result = run("mirror", write(tmp_path, publish(size)), needed=3)
    assert result.returncode == 0, result.stderr
    assert f"{size} entries" in result.stdout


def flip(data: bytes, place: int = 40) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def forge_entry(files: dict[str, bytes]) -> None:
    entries = [make_entry(index) for index in range(256, 512)]
    entries[9] = b'{"entry":"forged"}'
    files["tile/entries/001"] = encode_entry_bundle(entries)


def swap_entries(files: dict[str, bytes]) -> None:
    entries = [make_entry(index) for index in range(256)]
    entries[3], entries[4] = entries[4], entries[3]
    files["tile/entries/000"] = encode_entry_bundle(entries)


def drop_last_entry(files: dict[str, bytes]) -> None:
    files["tile/entries/003.p/232"] = encode_entry_bundle([make_entry(index) for index in range(768, 999)])


def forge_everything_but_the_checkpoint(files: dict[str, bytes]) -> None:
    files.update(publish(SIZE - 1).files | {"checkpoint": files["checkpoint"]})
    files["tile/entries/003.p/232"] = encode_entry_bundle([make_entry(at) for at in (*range(768, 999), 5)])


def alter(path: str, change: Callable[[bytes], bytes]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        files[path] = change(files[path])

    return apply


def sign_by_an_impostor(files: dict[str, bytes]) -> None:
    files["checkpoint"] = sign_tree(TREE, signer=NoteSigner(SigningKey(ORIGIN, make_seed("impostor"))))


def cosign_by_two(files: dict[str, bytes]) -> None:
    files["checkpoint"] = publish(SIZE, cosigned_by=("us", "ru")).files["checkpoint"]


def cosign_by_a_rogue(files: dict[str, bytes]) -> None:
    checkpoint = verified(TREE)
    rogue = CosignatureSigner(SigningKey("un/witness", make_seed("rogue")))
    lines = [signer.cosign(checkpoint.text, NOW_S) for signer in (WITNESSES["us"], WITNESSES["ru"], rogue)]
    files["checkpoint"] = merge_cosignatures(checkpoint.note, lines)


def move_a_cosignatures_time(files: dict[str, bytes]) -> None:
    checkpoint = verified(TREE)
    moved = WITNESSES["us"].cosign(checkpoint.text, NOW_S)
    moved = type(moved)(moved.name, moved.key_hash, (NOW_S - 60).to_bytes(8, "big") + moved.signature[8:])
    others = [WITNESSES[name].cosign(checkpoint.text, NOW_S) for name in ("ru", "un")]
    files["checkpoint"] = merge_cosignatures(checkpoint.note, [moved, *others])


TAMPERINGS: tuple[Callable[[dict[str, bytes]], None], ...] = (
    forge_entry,
    swap_entries,
    drop_last_entry,
    forge_everything_but_the_checkpoint,
    alter("tile/0/002", flip),
    alter("tile/1/000.p/3", flip),
    alter("tile/0/003.p/232", lambda data: data[:-32]),
    alter("checkpoint", lambda data: data.replace(b"\n1000\n", b"\n1001\n")),
    alter("checkpoint", lambda data: data.replace(b"\n1000\n", b"\n999\n")),
    sign_by_an_impostor,
    cosign_by_two,
    cosign_by_a_rogue,
    move_a_cosignatures_time,
)


@pytest.mark.parametrize("tamper", TAMPERINGS)
def test_tampered_record_is_refused_by_both(
    run: Run, tmp_path: Path, tamper: Callable[[dict[str, bytes]], None]
) -> None:
    files = dict(WHOLE.files)
    tamper(files)
    assert files != WHOLE.files
    result = run("mirror", write(tmp_path, MemorySource(files)), needed=3)
    assert result.returncode == 1, result.stdout
    assert result.stderr.startswith("refused:")
    witnesses = {PartyID(name): WITNESSES[name].key for name in ("us", "ru", "un")}
    assert not audit_record(MemorySource(files), make_quorum_policy(LOG.key, witnesses, host=None)).is_sound


def test_proof_files_are_accepted_and_forged_ones_refused(run: Run, tmp_path: Path) -> None:
    note = WHOLE.files["checkpoint"]
    for index in (0, 255, 256, 700):
        data = encode_proof(make_proof(TREE, index, note, extra=b"not trusted"))
        files = write_file(tmp_path, "p", data), write_file(tmp_path, "e", make_entry(index))
        result = run("inclusion", *files, needed=3)
        assert result.returncode == 0, result.stderr
    proof = write_file(tmp_path, "p", encode_proof(make_proof(TREE, 999, note)))
    entry = write_file(tmp_path, "e", make_entry(999))
    assert run("inclusion", proof, entry, needed=3).returncode == 0
    forged = write_file(tmp_path, "f", make_entry(5))
    assert run("inclusion", proof, forged, needed=3).returncode == 1
    moved = write_file(tmp_path, "m", proof.read_bytes().replace(b"index 999\n", b"index 998\n"))
    assert run("inclusion", moved, entry, needed=3).returncode == 1
    lone = encode_proof(make_proof(TREE, 999, publish(SIZE, cosigned_by=("us",)).files["checkpoint"]))
    assert run("inclusion", write_file(tmp_path, "l", lone), entry, needed=3).returncode == 1


def test_consistency_proofs_are_accepted_and_forged_ones_refused(run: Run, tmp_path: Path) -> None:
    new = write_file(tmp_path, "new", sign_tree(TREE))
    for size in (1, 256, 300, 999, 1000):
        old = write_file(tmp_path, "old", sign_tree(TREE, size))
        lines = "".join(f"{encode_base64(step)}\n" for step in TREE.consistency_proof(size, SIZE))
        proof = write_file(tmp_path, "proof", lines.encode())
        result = run("consistency", old, new, proof)
        assert result.returncode == 0, result.stderr
        forged = write_file(tmp_path, "forged", sign_tree(make_tree(size, branch=b"!")))
        assert run("consistency", forged, new, proof).returncode == 1


def test_fork_evidence_is_understood(run: Run, tmp_path: Path) -> None:
    forged = make_tree(SIZE, branch=b"!")

    def show(mine: VerifiedCheckpoint, other: VerifiedCheckpoint) -> int:
        if mine.size == other.size:
            evidence = make_same_size_fork(mine, other).evidence
        else:
            evidence = make_history_fork(TREE, mine, other).evidence
        return run("fork", *(write_file(tmp_path, name, evidence[name]) for name in sorted(
            evidence, key=("checkpoint-a", "checkpoint-b", "consistency").index
        ))).returncode  # fmt: skip

    for size in (1, 256, 999, 1000):
        assert show(verified(TREE), verified(forged, size)) == 3
    a, b = write_file(tmp_path, "a", sign_tree(TREE)), write_file(tmp_path, "b", sign_tree(TREE))
    assert run("fork", a, b).returncode == 1
    stranger = sign_tree(forged, signer=NoteSigner(SigningKey(ORIGIN, make_seed("impostor"))))
    assert run("fork", a, write_file(tmp_path, "s", stranger)).returncode == 1
