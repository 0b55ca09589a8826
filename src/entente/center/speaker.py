"""The center's own messages: written, signed and recorded like everyone's, one at a time.

Invariants: two threads never write at once, so that the center never gives one number twice; what the rules
refuse is raised and not forced; when this returns, the message is in the record.

It decides nothing about what is due: `ladder_clock` and `matching` do.

    >>> speaker.tell("receipt.lapse", body)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from entente.center.batch import Published, Submission
from entente.center.sequencer import Sequencer
from entente.joint import KeyRing, verify_message
from entente.kernel.envelope import MESSAGE_TYPE, sign_envelope
from entente.kernel.keys import SigningKey
from entente.kernel.kinds import KindTable
from entente.kernel.message import CENTER, NO_MESSAGE, Payload, Seen, encode_body, encode_payload
from entente.kernel.ports import Clock
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc
from entente.kernel.wire import WireStruct

ANSWER_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class SpeakerPorts:
    """What the speaker needs of the rest of the center.

    Attributes:
        rows: What is committed; from any thread.
        find_published: The newest published state, or None.
        find_ring: The keys in force.
    """

    sequencer: Sequencer
    rows: Rows
    kinds: KindTable
    center: SigningKey
    origin: str
    clock: Clock
    find_published: Callable[[], Published | None]
    find_ring: Callable[[], KeyRing]


class Speaker:
    """See the module. From any thread."""

    def __init__(self, ports: SpeakerPorts) -> None:
        self._ports = ports
        self._lock = threading.Lock()

    def tell(self, kind: str, body: WireStruct, at_utc: datetime | None = None) -> None:
        """Have the center say it.

        Args:
            at_utc: The time of which it is true, when what it says was worked out for that; else now.

        Raises:
            TimeoutError: The writer has much before it; it may still be recorded.
            EntenteError: It is not so any more; nothing was recorded.
        """
        with self._lock:
            self._tell(kind, body, at_utc or self._ports.clock.now_utc())

    def _tell(self, kind: str, body: WireStruct, at_utc: datetime) -> None:
        ports = self._ports
        published = ports.find_published()
        if published is None:
            raise AssertionError("center's own message: expected a published record")
        head = ports.rows.find(AuthorRow, CENTER)
        payload = Payload(
            v=1,
            kind=kind,
            center=ports.origin,
            author=CENTER,
            officers=[],
            seq=head.seq + 1 if head else 0,
            prev=head.leaf if head else NO_MESSAGE,
            seen=Seen(published.size, published.checkpoint.root.hex()),
            at=encode_utc(at_utc),
            to=[],
            body=msgspec.Raw(encode_body(body)),
            sealed=None,
        )
        signed = sign_envelope(encode_payload(payload), MESSAGE_TYPE, [ports.center])
        message = verify_message(signed, ports.find_ring(), ports.kinds)
        ports.sequencer.submit(Submission(message)).result(ANSWER_S)
