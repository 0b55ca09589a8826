r"""Policy files: whose logs and whose witnesses are believed, and how many of them (C2SP tlog-policy).

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

Pinned at C2SP commit 5ba5ee83: the specification is a draft without a tag.

Invariants:
  * Names mean something inside the file only; keys are compared by their bytes, and no two logs and no two
    witnesses share one, nor does a log serve as its own witness.
  * Each name is in at most one group, so that a witness counts once.
  * There is exactly one quorum line. ``quorum none`` asks for no witness: it has to be written out.
  * `encode_policy` writes one spelling. It is not always the one that was read: people write these files,
    with comments and white space (docs/adr/0002-record-format.md).

It does not fetch anything from a URL, and does not know entente's parties (`quorum` does).

    >>> policy = parse_policy(b"log example.org/log+...\nquorum none\n")
    >>> verify_under_policy(note, policy).checkpoint.size
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from entente.kernel.errors import Malformed, VerificationFailed
from entente.record.checkpoint import VerifiedCheckpoint, parse_checkpoint_note, verify_checkpoint
from entente.record.cosignature import Cosignature, verify_cosignatures
from entente.record.note import NoteKey, SignatureType, encode_note_key, parse_note_key

MAX_POLICY_BYTES: Final = 262_144
"""Room for 128 post-quantum keys."""
MAX_DEFINITIONS: Final = 128
"""Of each kind; the specification asks for at least 32."""
NO_QUORUM: Final = "none"

_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SEAL: Final = object()
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints are believed. Its key's name is the origin."""

    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness, and what it is called in this file."""

    name: str
    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """A group, which has witnessed when ``threshold`` of its members have."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy; definitions in an order in which each refers only to earlier ones."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str

    def __post_init__(self) -> None:
        for what, items in (("logs", self.logs), ("witnesses", self.witnesses), ("groups", self.groups)):
            if len(items) > MAX_DEFINITIONS:
                raise ValueError(f"policy: expected <= {MAX_DEFINITIONS} {what}, got {len(items)}")
        _check_keys(self.logs, self.witnesses)
        defined: set[str] = set()
        grouped: set[str] = set()
        for witness in self.witnesses:
            _define(witness.name, defined)
        for group in self.groups:
            if not 1 <= group.threshold <= len(group.members):
                raise ValueError(
                    f"group {group.name!r}: expected 1 <= k <= {len(group.members)}, got {group.threshold}"
                )
            for member in group.members:
                if member not in defined:
                    raise ValueError(f"group {group.name!r}: expected members defined before, got {member!r}")
                if member in grouped:
                    raise ValueError(f"group {group.name!r}: expected {member!r} in one group, got a second")
                grouped.add(member)
            _define(group.name, defined)
        if self.quorum != NO_QUORUM and self.quorum not in defined:
            raise ValueError(f"quorum: expected a name defined before, got {self.quorum!r}")


def _check_keys(logs: tuple[PolicyLog, ...], witnesses: tuple[PolicyWitness, ...]) -> None:
    seen: dict[bytes, str] = {}
    for log in logs:
        if log.key.kind is not SignatureType.ED25519:
            raise ValueError(f"log {log.key.name!r}: expected a key of type 1 (Ed25519), got {log.key.kind}")
    for witness in witnesses:
        if witness.key.kind is SignatureType.ED25519:
            raise ValueError(f"witness {witness.name!r}: expected a key of type 4 or 6, got 1")
    for what, key in (
        *(("log", log.key) for log in logs),
        *(("witness", witness.key) for witness in witnesses),
    ):
        if key.public in seen:
            raise ValueError(
                f"{what} {key.name!r}: expected a key of its own, got that of {seen[key.public]}"
            )
        seen[key.public] = f"{what} {key.name!r}"


def _define(name: str, defined: set[str]) -> None:
    if not name or name == NO_QUORUM or name in defined or any(mark in " \t\n" for mark in name):
        raise ValueError(f"name: expected a new one without white space and not 'none', got {name!r}")
    defined.add(name)


def parse_policy(data: bytes) -> Policy:
    """Return the policy, or raise `Malformed` with the line."""
    if len(data) > MAX_POLICY_BYTES:
        raise Malformed("too-large", f"policy: expected <= {MAX_POLICY_BYTES} bytes, got {len(data)}")
    if _FORBIDDEN.search(data) or not data.endswith(b"\n"):
        raise Malformed("bad-policy", "policy: expected lines that end in a newline, no control characters")
    logs: list[PolicyLog] = []
    witnesses: list[PolicyWitness] = []
    groups: list[PolicyGroup] = []
    quorum: str | None = None
    # Octets beyond ASCII are opaque in names: two spellings of one letter are two names.
    for at, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n")[:-1], 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        path = f"line {at}"
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                logs.append(PolicyLog(parse_note_key(vkey), "".join(url)))
            case ["witness", name, vkey, *url] if len(url) <= 1:
                witnesses.append(PolicyWitness(name, parse_note_key(vkey), "".join(url)))
            case ["group", name, threshold, *members] if members:
                groups.append(
                    PolicyGroup(name, _parse_threshold(threshold, len(members), path), tuple(members))
                )
            case ["quorum", name] if quorum is None:
                quorum = name
            case _:
                raise Malformed(
                    "bad-policy",
                    f"policy: expected 'log', 'witness', 'group' or one 'quorum' line, got {line[:80]!r}",
                    path=path,
                )
        try:
            # INVARIANT: a line refers to earlier lines only: what is known so far must stand by itself.
            Policy(tuple(logs), tuple(witnesses), tuple(groups), NO_QUORUM if quorum is None else quorum)
        except ValueError as error:
            raise Malformed("bad-policy", f"policy: {error}", path=path) from error
    if quorum is None:
        raise Malformed("bad-policy", "policy: expected one quorum line, got none")
    return Policy(tuple(logs), tuple(witnesses), tuple(groups), quorum)


def _parse_threshold(text: str, members: int, path: str) -> int:
    if text in ("any", "all"):
        return 1 if text == "any" else members
    if not _NUMBER.match(text):
        raise Malformed(
            "bad-policy", f"group: expected 'any', 'all' or a number, got {text[:40]!r}", path=path
        )
    return int(text)


def encode_policy(policy: Policy) -> bytes:
    """Return the policy in one spelling: logs, witnesses, groups, quorum, without comments."""
    lines = [" ".join(filter(None, ("log", encode_note_key(log.key), log.url))) for log in policy.logs]
    lines += [
        " ".join(filter(None, ("witness", each.name, encode_note_key(each.key), each.url)))
        for each in policy.witnesses
    ]
    for group in policy.groups:
        threshold = "all" if group.threshold == len(group.members) else str(group.threshold)
        lines.append(" ".join(("group", group.name, threshold, *group.members)))
    lines.append(f"quorum {policy.quorum}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class QuorumDecision:
    """Whether enough witnesses cosigned, and why."""

    is_met: bool
    reasons: tuple[str, ...]


def decide_quorum(policy: Policy, witnessed: Collection[str]) -> QuorumDecision:
    """Return whether the witnesses of these names (in the policy) make its quorum."""
    if policy.quorum == NO_QUORUM:
        return QuorumDecision(is_met=True, reasons=("the policy asks for no witness",))
    present = {witness.name for witness in policy.witnesses} & set(witnessed)
    reasons = []
    for group in policy.groups:
        have = sum(member in present for member in group.members)
        reasons.append(f"group {group.name!r}: {have} of {len(group.members)}, {group.threshold} needed")
        if have >= group.threshold:
            present.add(group.name)
    is_met = policy.quorum in present
    reasons.append(f"quorum {policy.quorum!r}: {'met' if is_met else 'not met'}")
    return QuorumDecision(is_met, tuple(reasons))


@dataclass(frozen=True, slots=True)
class WitnessedCheckpoint:
    """A checkpoint that satisfied a policy. Only `verify_under_policy` makes one."""

    checkpoint: VerifiedCheckpoint
    cosignatures: tuple[Cosignature, ...]
    decision: QuorumDecision
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("WitnessedCheckpoint: expected to be made by verify_under_policy")


def verify_policy_log(raw: bytes, policy: Policy) -> VerifiedCheckpoint:
    """Return the checkpoint if one of the policy's logs signed it; witnesses are not looked at."""
    claimed = parse_checkpoint_note(raw)
    absent: VerificationFailed | None = None
    for log in policy.logs:
        if log.key.name == claimed.origin:
            try:
                return verify_checkpoint(raw, log.key)
            except VerificationFailed as error:
                # Of two keys of one origin (a log that changes its key) one may be absent, none may be bad.
                if error.code != "no-known-signature":
                    raise
                absent = error
    raise absent or VerificationFailed(
        "unknown-log", f"checkpoint: expected a log of the policy, got origin {claimed.origin!r}"
    )


def find_cosignatures(checkpoint: VerifiedCheckpoint, policy: Policy) -> tuple[Cosignature, ...]:
    """Return the cosignatures of the policy's witnesses in the checkpoint's own note, verified."""
    return verify_cosignatures(checkpoint.note, checkpoint, [witness.key for witness in policy.witnesses])


def decide_under_policy(policy: Policy, cosignatures: Collection[Cosignature]) -> QuorumDecision:
    """Return whether these verified cosignatures, all of one checkpoint, make the quorum."""
    if len({each.text for each in cosignatures}) > 1:
        raise ValueError("cosignatures: expected all of one checkpoint")
    keys = {each.key for each in cosignatures}
    return decide_quorum(policy, [witness.name for witness in policy.witnesses if witness.key in keys])


def verify_under_policy(raw: bytes, policy: Policy) -> WitnessedCheckpoint:
    """Return the checkpoint if a log of the policy signed it and a quorum of its witnesses cosigned it.

    Raises:
        Malformed: Not a checkpoint note.
        VerificationFailed: ``unknown-log``, ``no-known-signature``, ``bad-signature``, ``quorum-not-met``.
    """
    checkpoint = verify_policy_log(raw, policy)
    cosignatures = find_cosignatures(checkpoint, policy)
    decision = decide_under_policy(policy, cosignatures)
    if not decision.is_met:
        raise VerificationFailed(
            "quorum-not-met", f"checkpoint of size {checkpoint.size}: {'; '.join(decision.reasons)}"
        )
    return WitnessedCheckpoint(checkpoint, cosignatures, decision, _SEAL)
