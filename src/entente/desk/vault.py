"""The vault: a desk's folder, and the keys in it.

    desk.toml                 settings, no secrets
    <party>.party.json        the party card: what the other founders need of us, all of it public
    keys/root-1.json ...      root keys, optionally locked with a passphrase: they sign only rosters and the
    charter keys/{desk,witness,seal}.json  keys in daily use
    tls/{ca,client}.pem       our private CA and client certificate; keys/{tls-ca,tls}.pem their keys
    pin.json                  what we joined (`joining`)
    token                     bearer token of the local interface
    desk.db                   our own book: outbox, exposure ledger, plans, alarms (`book`)
    mirror/ views/ evidence/ witness.json gazetteer.npz

Invariants: made once, never over an existing desk; the folder is 0700 and each secret 0600, checked at every
load; one process at a time serves a folder (`FolderLock`); root keys are not loaded unless asked for.

It does not talk to anybody.

    >>> vault = Vault.load(folder)
    >>> vault.desk_key.public.key_id
    'us/desk+1a2b3c4d'
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from entente.desk.config import DeskConfig, encode_config, parse_config
from entente.desk.keyfiles import KeyFile, is_locked, read_key, read_private, write_key
from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Denied, Malformed, NotFound, StoreError
from entente.kernel.ids import parse_party_id
from entente.kernel.keys import SEED_BYTES, SigningKey, encode_public_key, fingerprint
from entente.kernel.ports import Clock, Random
from entente.kernel.roots import MAX_ROOTS, Roots
from entente.kernel.roster import (
    MAX_CARD_BYTES,
    OfficerWire,
    PartyCard,
    RosterStatement,
    SealKeyWire,
    check_statement,
    parse_card,
)
from entente.kernel.sealed import SEAL_SEED_BYTES, SealKey
from entente.kernel.wire import encode_base64
from entente.record.cosignature import CosignatureSigner
from entente.record.note import encode_note_key
from entente.store.durable import fsync_dir, write_atomic
from entente.store.tls import issue_client, make_authority

CONFIG_FILE: Final = "desk.toml"
TOKEN_FILE: Final = "token"  # noqa: S105 - the file's name, not the token
TOKEN_BYTES: Final = 32
_PURPOSES: Final = ("desk", "witness", "seal")


@dataclass(frozen=True, slots=True)
class InitReport:
    """What was made, for the people who have to read it out to others."""

    folder: Path
    card: Path
    root_fingerprints: dict[str, str]
    desk_fingerprint: str


class FolderLock:
    """Only one process works in a desk's folder; the lock goes with the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._handle = -1

    def __enter__(self) -> Self:
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise Denied(
                "in-use", f"desk folder {self._path.parent.name!r}: expected no other process, one has it"
            ) from error
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._handle)


def init_desk(  # noqa: PLR0913 - each is a thing that only the party can say
    folder: Path,
    config: DeskConfig,
    *,
    officers: Sequence[OfficerWire],
    contacts: Sequence[str],
    clock: Clock,
    random: Random,
    root_keys: int = 1,
    root_threshold: int = 1,
    passphrase: str | None = None,
) -> InitReport:
    """Make a desk: its folder, keys, certificates and party card.

    Args:
        folder: Must not exist, or be empty.
        config: Settings; ``duty_officer`` must be among ``officers``.
        clock: The machine's own, also in an exercise: certificates are judged by it.
        passphrase: Locks the root keys' files; None leaves them open to whoever reads the disk.

    Raises:
        Denied: There is something in the folder already.
        Malformed: The roster would not be sound.
    """
    party = parse_party_id(config.party)
    # What would be refused at the next start must not be written now.
    parse_config(encode_config(config))
    if not 1 <= root_threshold <= root_keys <= MAX_ROOTS:
        raise Malformed(
            "bad-threshold",
            f"root keys: expected 1 <= threshold <= keys <= {MAX_ROOTS}, got {root_threshold} of {root_keys}",
        )
    if config.duty_officer not in {officer.id for officer in officers}:
        raise Malformed(
            "unknown-officer", f"duty officer: expected one of the officers, got {config.duty_officer!r}"
        )
    if folder.exists() and any(folder.iterdir()):
        raise Denied("exists", f"desk folder {str(folder)!r}: expected none or an empty one")
    roots = [SigningKey(f"{party}/root", random.draw(SEED_BYTES)) for _ in range(root_keys)]
    desk = SigningKey(f"{party}/desk", random.draw(SEED_BYTES))
    witness = SigningKey(f"{party}/witness", random.draw(SEED_BYTES))
    seal = SealKey(f"{party}/seal", random.draw(SEAL_SEED_BYTES))
    authority = make_authority(party, clock, random)
    client = issue_client(authority, party, clock, random)
    statement = RosterStatement(
        version=1,
        name=config.name,
        roots=Roots(keys=[encode_public_key(key.public) for key in roots], threshold=root_threshold),
        desk=encode_public_key(desk.public),
        witness=encode_note_key(CosignatureSigner(witness).key),
        witness_url=config.witness_url,
        seal=SealKeyWire(id=seal.key_id, xwing=encode_base64(seal.public_bytes)),
        officers=sorted(officers, key=lambda officer: officer.id),
        contacts=list(contacts),
        tls_ca=authority.certificate.decode(),
    )
    check_statement(party, statement)
    card = encode_canonical(PartyCard(party=party, statement=statement))
    parse_card(card)

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("keys", "tls", "mirror", "views", "evidence"):
        (folder / name).mkdir(mode=0o700)
    for number, key in enumerate(roots, 1):
        write_key(
            folder / "keys" / f"root-{number}.json",
            KeyFile(key.public.name, "root", key.seed),
            random=random,
            passphrase=passphrase,
        )
    for purpose, name, seed in (
        ("desk", desk.public.name, desk.seed),
        ("witness", witness.public.name, witness.seed),
        ("seal", seal.name, seal.seed),
    ):
        write_key(folder / "keys" / f"{purpose}.json", KeyFile(name, purpose, seed), random=random)
    write_atomic(folder / "keys" / "tls-ca.pem", authority.key, mode=0o600)
    write_atomic(folder / "keys" / "tls.pem", client.key, mode=0o600)
    write_atomic(folder / "tls" / "ca.pem", authority.certificate)
    write_atomic(folder / "tls" / "client.pem", client.certificate)
    write_atomic(folder / TOKEN_FILE, random.draw(TOKEN_BYTES).hex().encode(), mode=0o600)
    card_path = folder / f"{party}.party.json"
    write_atomic(card_path, card)
    # The settings come last: a folder without them is a desk that was never finished, and loads as none.
    write_atomic(folder / CONFIG_FILE, encode_config(config))
    fsync_dir(folder)
    return InitReport(
        folder,
        card_path,
        {key.public.key_id: fingerprint(key.public) for key in roots},
        fingerprint(desk.public),
    )


@dataclass(frozen=True, slots=True)
class Vault:
    """A desk's folder with its daily keys loaded. Root keys stay on disk until they are asked for."""

    folder: Path
    config: DeskConfig
    card: PartyCard
    desk_key: SigningKey = field(repr=False)
    witness_key: SigningKey = field(repr=False)
    seal_key: SealKey = field(repr=False)
    token: str = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> Vault:
        """Return the desk in ``folder``.

        Raises:
            NotFound: No desk was made there.
            StoreError: A secret that others can read, or a file that is not ours.
            Malformed: A file that is not of its form, or keys that are not the card's.
        """
        if not (folder / CONFIG_FILE).is_file():
            raise NotFound(
                "no-desk", f"desk folder {str(folder)!r}: expected {CONFIG_FILE!r} in it, found none"
            )
        if folder.stat().st_mode & 0o077:
            raise StoreError(
                "bad-mode", f"desk folder {str(folder)!r}: expected mode 0700: others can look into it"
            )
        config = parse_config((folder / CONFIG_FILE).read_bytes())
        card = parse_card((folder / f"{config.party}.party.json").read_bytes())
        seeds = {
            purpose: read_key(folder / "keys" / f"{purpose}.json", purpose=purpose) for purpose in _PURPOSES
        }
        token = read_private(folder / TOKEN_FILE, what="token", max_bytes=4 * TOKEN_BYTES).decode(
            "ascii", "replace"
        )
        read_private(folder / "keys" / "tls.pem", what="TLS key", max_bytes=MAX_CARD_BYTES)
        vault = cls(
            folder,
            config,
            card,
            SigningKey(seeds["desk"].name, seeds["desk"].seed),
            SigningKey(seeds["witness"].name, seeds["witness"].seed),
            SealKey(seeds["seal"].name, seeds["seal"].seed),
            token.strip(),
        )
        vault._check_names()
        return vault

    def _check_names(self) -> None:
        party = self.config.party
        names = {
            "card": (self.card.party, party),
            "desk key": (self.desk_key.public.name, f"{party}/desk"),
            "witness key": (self.witness_key.public.name, f"{party}/witness"),
            "seal key": (self.seal_key.name, f"{party}/seal"),
        }
        for what, (got, expected) in names.items():
            if got != expected:
                raise Malformed("bad-key-name", f"{what}: expected {expected!r}, got {got!r}")
        if len(self.token) != 2 * TOKEN_BYTES:
            raise Malformed(
                "bad-token", f"token: expected {2 * TOKEN_BYTES} hex digits, got {len(self.token)} characters"
            )

    @property
    def party(self) -> str:
        """Whose desk this is."""
        return self.config.party

    @property
    def ca_path(self) -> Path:
        """Our private CA's certificate."""
        return self.folder / "tls" / "ca.pem"

    @property
    def client_cert_paths(self) -> tuple[Path, Path]:
        """Client certificate and its key."""
        return self.folder / "tls" / "client.pem", self.folder / "keys" / "tls.pem"

    def root_files(self) -> list[Path]:
        """Return the root keys' files that are here; a party may keep some of them elsewhere."""
        return sorted((self.folder / "keys").glob("root-*.json"))

    def is_locked(self) -> bool:
        """Tell whether any root key here wants a passphrase."""
        return any(is_locked(path) for path in self.root_files())

    def load_roots(self, passphrase: str | None = None) -> list[SigningKey]:
        """Return the root keys that are here, each checked to be one of our card's."""
        known = {key.id for key in self.card.statement.roots.keys}
        keys = []
        for path in self.root_files():
            held = read_key(path, purpose="root", passphrase=passphrase)
            key = SigningKey(held.name, held.seed)
            if key.public.key_id not in known:
                raise Malformed(
                    "bad-key",
                    f"key file {path.name!r}: expected a root key of our card, got {key.public.key_id!r}",
                )
            keys.append(key)
        if not keys:
            raise NotFound("no-root", "root keys: expected at least one in keys/, found none")
        return keys
