"""The doctor: is this desk fit? Each check says what it looked at, what it found, and what to do.

Invariants: it changes nothing; what could not be looked at is said, not passed over; the worst finding is the
verdict.

    >>> examine(desk)[0]
    Checkup(name='keys', state='good', words='...')
"""

from __future__ import annotations

import shutil
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from entente.blind.pure_group import PureGroup
from entente.blind.rules import RulesRow
from entente.desk.answers import StatusAnswer, parse_answer
from entente.desk.assembly import Desk, restore_view
from entente.desk.evidence import AlarmBoard
from entente.desk.vault import Vault
from entente.kernel.errors import EntenteError
from entente.kernel.time import parse_utc
from entente.store.tls import parse_certificate

State = Literal["good", "warning", "bad"]
_LITTLE_BYTES: Final = 500 * 2**20
_NO_SPACE_BYTES: Final = 50 * 2**20
_SKEW_S: Final = 60
_EXPIRES_DAYS: Final = 30


class Checkup(msgspec.Struct, frozen=True):
    """One check."""

    name: str
    state: State
    words: str


def examine(desk: Desk) -> list[Checkup]:
    """Return every check of an open desk."""
    return [
        _keys(desk),
        _disk(desk),
        _certificate(desk),
        *_center(desk),
        _mirror(desk),
        _witness(desk),
        _outbox(desk),
        *_blind(desk),
        _alarms(desk.board),
    ]


def is_fit(checks: list[Checkup]) -> bool:
    """Tell whether nothing is bad."""
    return all(check.state != "bad" for check in checks)


def _keys(desk: Desk) -> Checkup:
    try:
        vault = Vault.load(desk.vault.folder)
    except EntenteError as error:
        return Checkup("keys", "bad", str(error))
    if not vault.root_files():
        return Checkup("keys", "good", "keys are ours alone; root keys are kept elsewhere")
    if not vault.is_locked():
        words = "keys are ours alone; root keys lie here without a passphrase: move them to another machine"
        return Checkup("keys", "warning", words)
    return Checkup("keys", "good", "keys are ours alone; root keys are locked with a passphrase")


def _blind(desk: Desk) -> list[Checkup]:
    """Say what blind checks compute with, where rules for any are agreed."""
    if next(iter(desk.rows.select(RulesRow, state="agreed", limit=1)), None) is None:
        return []
    try:
        name = desk.blind.parts.group.name
        if desk.blind.parts.master.is_made:
            desk.blind.parts.master.get()
    except EntenteError as error:
        return [Checkup("blind", "bad", f"blind checks cannot be computed: {error.message}")]
    if isinstance(desk.blind.parts.group, PureGroup):
        words = f"blind checks compute with {name}: install libsodium, or a plan of some size takes hours"
        return [Checkup("blind", "warning", words)]
    return [Checkup("blind", "good", f"blind checks compute with {name}")]


def _disk(desk: Desk) -> Checkup:
    free_bytes = shutil.disk_usage(desk.vault.folder).free
    words = f"{free_bytes / 2**30:,.1f} GiB free"
    if free_bytes < _NO_SPACE_BYTES:
        return Checkup("disk", "bad", f"{words}: make room, the desk stops when it cannot write")
    return Checkup("disk", "warning" if free_bytes < _LITTLE_BYTES else "good", words)


def _certificate(desk: Desk) -> Checkup:
    path, _ = desk.vault.client_cert_paths
    try:
        until = parse_certificate(path.read_text(encoding="ascii")).not_valid_after_utc
    except (OSError, EntenteError, ssl.SSLError) as error:
        return Checkup("certificate", "bad", f"client certificate: {error}")
    # Certificates are judged by the machine's clock, also in an exercise.
    days = (until - datetime.now(UTC)).days
    words = f"client certificate good for {days} days"
    return Checkup("certificate", "bad" if days < 0 else "warning" if days < _EXPIRES_DAYS else "good", words)


def _center(desk: Desk) -> Iterator[Checkup]:
    try:
        status, _, body = desk.transport.request("GET", "/status")
        if status != 200:
            yield Checkup("center", "warning", f"the center answers with status {status}")
            return
        answer = parse_answer(body, StatusAnswer, what="status")
    except EntenteError as error:
        yield Checkup(
            "center", "bad", f"no answer from the center: {error}; messages are kept and sent later"
        )
        return
    behind = answer.size - desk.view.size
    state: State = "good" if behind <= 0 else "warning"
    yield Checkup(
        "center", state, f"answers; its record has {answer.size} entries, we follow {desk.view.size}"
    )
    skew_s = (parse_utc(answer.now) - desk.clock.now_utc()).total_seconds()
    words = f"our clock and the center's differ by {abs(skew_s):,.0f} s"
    yield Checkup("clock", "good" if abs(skew_s) < _SKEW_S else "warning", words)


def _mirror(desk: Desk) -> Checkup:
    if desk.view.fork is not None:
        return Checkup("mirror", "bad", f"the record forked: {desk.view.fork.message}; see evidence/")
    try:
        view = restore_view(desk.mirror, desk.view.log_key)
    except EntenteError as error:
        return Checkup("mirror", "bad", str(error))
    return Checkup("mirror", "good", f"{view.size} entries, every hash checked against the signed root")


def _witness(desk: Desk) -> Checkup:
    size = desk.witness.size
    if size is None:
        return Checkup("witness", "warning", "has not cosigned anything yet: can the center reach its URL?")
    if size < desk.view.size:
        url = desk.vault.config.witness_url
        words = f"cosigned up to {size} of {desk.view.size} entries: can the center reach {url}?"
        return Checkup("witness", "warning", words)
    return Checkup("witness", "good", f"cosigned up to {size} entries")


def _outbox(desk: Desk) -> Checkup:
    waiting = desk.outbox.list_waiting()
    if not waiting:
        return Checkup("outbox", "good", "nothing waits to be sent")
    first = waiting[0]
    words = f"{len(waiting)} messages not answered yet, since {first.at}: {first.trouble or 'in progress'}"
    return Checkup("outbox", "warning", words)


def _alarms(board: AlarmBoard) -> Checkup:
    standing = board.standing()
    if not standing:
        return Checkup("alarms", "good", "none stands")
    return Checkup("alarms", "bad", "; ".join(f"{alarm.id}: {alarm.words}" for alarm in standing))
