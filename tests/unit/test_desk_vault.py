"""The desk's folder: made once, readable by its owner alone, and refused when it is not what it was."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.desk.config import DeskConfig, encode_config, parse_config, split_listen
from entente.desk.keyfiles import KeyFile, is_locked, read_key, write_key
from entente.desk.vault import FolderLock, InitReport, Vault, init_desk
from entente.kernel.errors import Denied, EntenteError, Malformed, NotFound, StoreError
from entente.kernel.keys import fingerprint
from entente.kernel.roster import parse_card
from tests.protocol.desk_stage import OFFICERS, HandClock, SeededRandom, make_config, open_scratch


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with open_scratch(tmp_path) as made:
        yield made / "us"


def init(folder: Path, **options: Any) -> InitReport:
    plain: dict[str, Any] = {"officers": OFFICERS, "contacts": ["duty-1"], "clock": HandClock()}
    plain |= {"random": SeededRandom()}
    config = options.pop("config", make_config())
    return init_desk(folder, config, **(plain | options))


def test_desk_is_made_whole(folder: Path) -> None:
    report = init(folder, root_keys=3, root_threshold=2)
    vault = Vault.load(folder)
    assert vault.party == "us"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    secrets = [*(folder / "keys").iterdir(), folder / "token"]
    assert len(secrets) == 3 + 3 + 2 + 1
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert len(vault.load_roots()) == 3
    assert set(report.root_fingerprints.values()) == {fingerprint(key.public) for key in vault.load_roots()}
    card = parse_card(report.card.read_bytes())
    assert card.statement.roots.threshold == 2
    assert b"PRIVATE" not in report.card.read_bytes()
    seeds = [vault.desk_key.seed, vault.witness_key.seed, *(key.seed for key in vault.load_roots())]
    assert not any(seed.hex().encode() in report.card.read_bytes() for seed in seeds)


def test_an_existing_desk_is_never_overwritten(folder: Path) -> None:
    init(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(Denied) as caught:
        init(folder, random=SeededRandom("other"))
    assert caught.value.code == "exists"
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("options", "code"),
    (
        ({"contacts": ["nobody"]}, "unknown-officer"),
        ({"root_keys": 1, "root_threshold": 2}, "bad-threshold"),
        ({"root_keys": 0, "root_threshold": 0}, "bad-threshold"),
        ({"config": make_config(duty_officer="nobody")}, "unknown-officer"),
        ({"config": make_config(party="Us")}, "bad-id"),
        ({"config": make_config(party="center")}, "bad-party"),
        ({"config": make_config(name="\x1f")}, "bad-config"),
    ),
)
def test_unsound_desk_is_refused_and_nothing_is_written(
    folder: Path, options: dict[str, Any], code: str
) -> None:
    with pytest.raises(Malformed) as caught:
        init(folder, **options)
    assert caught.value.code == code
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ("keys/desk.json", "keys/witness.json", "keys/seal.json", "keys/tls.pem", "token")
)
def test_secret_that_others_can_read_is_refused(folder: Path, name: str) -> None:
    init(folder)
    (folder / name).chmod(0o640)
    with pytest.raises(StoreError) as caught:
        Vault.load(folder)
    assert caught.value.code == "bad-mode"
    assert "expected mode 0600, got 0640" in caught.value.message


def test_secret_behind_a_link_is_refused(folder: Path) -> None:
    init(folder)
    key = folder / "keys" / "desk.json"
    elsewhere = folder / "elsewhere.json"
    key.rename(elsewhere)
    key.symlink_to(elsewhere)
    with pytest.raises(StoreError):
        Vault.load(folder)


def test_folder_that_others_can_look_into_is_refused(folder: Path) -> None:
    init(folder)
    folder.chmod(0o755)
    with pytest.raises(StoreError) as caught:
        Vault.load(folder)
    assert caught.value.code == "bad-mode"


def test_no_desk_is_said(folder: Path) -> None:
    with pytest.raises(NotFound) as caught:
        Vault.load(folder)
    assert caught.value.code == "no-desk"


def test_keys_of_another_purpose_are_refused(folder: Path) -> None:
    init(folder)
    keys = folder / "keys"
    (keys / "desk.json").write_bytes((keys / "witness.json").read_bytes())
    with pytest.raises(Malformed) as caught:
        Vault.load(folder)
    assert caught.value.code == "wrong-purpose"


def test_root_key_that_is_not_the_cards_is_refused(folder: Path) -> None:
    init(folder)
    (folder / "keys" / "root-1.json").unlink()
    write_key(folder / "keys" / "root-1.json", KeyFile("us/root", "root", bytes(32)), random=SeededRandom())
    with pytest.raises(Malformed) as caught:
        Vault.load(folder).load_roots()
    assert caught.value.code == "bad-key"


def test_roots_may_be_kept_elsewhere(folder: Path) -> None:
    init(folder)
    (folder / "keys" / "root-1.json").unlink()
    with pytest.raises(NotFound) as caught:
        Vault.load(folder).load_roots()
    assert caught.value.code == "no-root"


def test_passphrase_locks_the_roots(folder: Path) -> None:
    init(folder, passphrase="correct horse")
    vault = Vault.load(folder)
    assert vault.is_locked()
    with pytest.raises(Denied) as caught:
        vault.load_roots("correct hose")
    assert caught.value.code == "bad-passphrase"
    (root,) = vault.load_roots("correct horse")
    assert root.seed not in vault.root_files()[0].read_bytes()


def test_cost_that_a_swapped_file_asks_for_is_bounded(folder: Path) -> None:
    folder.mkdir()
    path = folder / "key.json"
    write_key(path, KeyFile("us/root", "root", bytes(32)), random=SeededRandom(), passphrase="x")
    path.write_bytes(path.read_bytes().replace(b'"memory_bytes":16777216', b'"memory_bytes":99999999999'))
    with pytest.raises(Malformed):
        read_key(path, purpose="root", passphrase="x")
    assert not is_locked(path)


def test_one_process_at_a_time(folder: Path) -> None:
    init(folder)
    with FolderLock(folder), pytest.raises(Denied) as caught, FolderLock(folder):
        pass
    assert caught.value.code == "in-use"
    with FolderLock(folder):
        pass


@given(st.binary(max_size=300))
def test_any_bytes_for_a_card_or_settings_give_a_value_or_our_error(data: bytes) -> None:
    for parse in (parse_card, parse_config):
        with contextlib.suppress(EntenteError):
            parse(data)


@given(
    st.builds(
        make_config,
        name=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120),
        stale_s=st.integers(5, 86_400),
        center_url=st.sampled_from(("", "https://x.example", "http://127.0.0.1:1")),
    )
)
def test_settings_round_trip(config: DeskConfig) -> None:
    assert parse_config(encode_config(config)) == config


@pytest.mark.parametrize(
    "changes", (b'party = "Us"', b"unknown = 1", b"stale_s = 1", b'api_listen = "nowhere"')
)
def test_bad_settings_name_the_key(changes: bytes) -> None:
    key = changes.partition(b" ")[0]
    lines = [line for line in encode_config(make_config()).split(b"\n") if not line.startswith(key)]
    with pytest.raises(Malformed) as caught:
        parse_config(b"\n".join([*lines, changes]))
    assert key.decode() in f"{caught.value.path} {caught.value.message}"


def test_listen_addresses() -> None:
    assert split_listen("[::1]:80") == ("::1", 80)
    with pytest.raises(Malformed):
        split_listen("127.0.0.1:70000")
