"""The record: one append-only log that every party can check, mirror and cosign.

It is C2SP's transparency log unchanged (docs/formats/record.md names the versions), so that tools which were
not written here can check it: an RFC 6962 tree, signed notes, checkpoints, cosignatures, tiles, witnesses.

Invariants:
  * Everything here is pure: bytes and values in, bytes and values out. Files, sockets, clocks and the order
    of writes belong to `center` and `desk`.
  * Trust is in the type: only `verify_checkpoint` makes a `VerifiedCheckpoint`, only `verify_cosignatures` a
    `Cosignature`.
  * Whatever a parser accepts, its encoder turns back into the identical bytes.

It does not know what an entry says.

    >>> tree = Tree.from_leaf_hashes([leaf_hash(b"entry")])
    >>> raw = sign_checkpoint(Checkpoint("example.org/log", tree.size, tree.root()), signer)
    >>> verify_checkpoint(raw, signer.key).root == tree.root()
    True
"""

from __future__ import annotations

from entente.record.checkpoint import (
    Checkpoint,
    VerifiedCheckpoint,
    encode_checkpoint,
    parse_checkpoint,
    parse_checkpoint_note,
    parse_size,
    sign_checkpoint,
    verify_checkpoint,
)
from entente.record.cosignature import (
    CheckpointCosigner,
    Cosignature,
    CosignatureSigner,
    merge_cosignatures,
    parse_cosignature_lines,
    verify_cosignatures,
)
from entente.record.cosignature_mldsa import MLDSACosignatureSigner
from entente.record.fork import make_history_fork, make_same_size_fork, verify_fork
from entente.record.journal import (
    Frame,
    JournalHeader,
    Tail,
    encode_frame,
    encode_journal_header,
    iter_frames,
    parse_journal_header,
)
from entente.record.note import (
    NoteKey,
    NoteSigner,
    SignatureLine,
    SignatureType,
    SignedNote,
    TextSigner,
    VerifiedNote,
    encode_note,
    encode_note_key,
    encode_signature_line,
    parse_note,
    parse_note_key,
    parse_signature_line,
    sign_note,
    verify_note,
)
from entente.record.policy import (
    Policy,
    PolicyGroup,
    PolicyLog,
    PolicyWitness,
    QuorumDecision,
    WitnessedCheckpoint,
    decide_quorum,
    decide_under_policy,
    encode_policy,
    find_cosignatures,
    parse_policy,
    verify_policy_log,
    verify_under_policy,
)
from entente.record.proof import (
    InclusionProof,
    VerifiedInclusion,
    encode_proof,
    make_proof,
    parse_proof,
    verify_proof,
)
from entente.record.quorum import (
    Standing,
    StandingDecision,
    decide_standing,
    default_dishonest,
    make_quorum_policy,
    quorum_size,
)
from entente.record.recovery import RestoredJournal, check_frame, restore_journal
from entente.record.tile_reader import TileReader
from entente.record.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    Tile,
    TileSource,
    encode_entry_bundle,
    encode_hash_tile,
    encode_tile_path,
    list_tiles,
    parse_entry_bundle,
    parse_hash_tile,
    parse_tile_path,
    tiles_between,
)
from entente.record.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    MAX_SIZE,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from entente.record.verifier import AuditFault, AuditReport, audit_record
from entente.record.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpointRequest,
    WitnessDecision,
    WitnessState,
    encode_add_checkpoint,
    parse_add_checkpoint,
    process_add_checkpoint,
)
from entente.record.witness_client import (
    Conflict,
    Cosigned,
    Refused,
    Stale,
    WitnessAnswer,
    parse_witness_answer,
    verify_witness_answer,
)

__all__ = [
    "CHECKPOINT_PATH",
    "EMPTY_ROOT",
    "ENTRIES",
    "HASH_BYTES",
    "MAX_ENTRY_BYTES",
    "MAX_REQUEST_BYTES",
    "MAX_SIZE",
    "TILE_WIDTH",
    "AddCheckpointRequest",
    "AuditFault",
    "AuditReport",
    "Checkpoint",
    "CheckpointCosigner",
    "Conflict",
    "Cosignature",
    "CosignatureSigner",
    "Cosigned",
    "Frame",
    "InclusionProof",
    "JournalHeader",
    "MLDSACosignatureSigner",
    "NoteKey",
    "NoteSigner",
    "Policy",
    "PolicyGroup",
    "PolicyLog",
    "PolicyWitness",
    "QuorumDecision",
    "Refused",
    "RestoredJournal",
    "SignatureLine",
    "SignatureType",
    "SignedNote",
    "Stale",
    "Standing",
    "StandingDecision",
    "Tail",
    "TextSigner",
    "Tile",
    "TileReader",
    "TileSource",
    "Tree",
    "VerifiedCheckpoint",
    "VerifiedInclusion",
    "VerifiedNote",
    "WitnessAnswer",
    "WitnessDecision",
    "WitnessState",
    "WitnessedCheckpoint",
    "audit_record",
    "check_frame",
    "decide_quorum",
    "decide_standing",
    "decide_under_policy",
    "default_dishonest",
    "encode_add_checkpoint",
    "encode_checkpoint",
    "encode_entry_bundle",
    "encode_frame",
    "encode_hash_tile",
    "encode_journal_header",
    "encode_note",
    "encode_note_key",
    "encode_policy",
    "encode_proof",
    "encode_signature_line",
    "encode_tile_path",
    "find_cosignatures",
    "iter_frames",
    "leaf_hash",
    "list_tiles",
    "make_history_fork",
    "make_proof",
    "make_quorum_policy",
    "make_same_size_fork",
    "merge_cosignatures",
    "node_hash",
    "parse_add_checkpoint",
    "parse_checkpoint",
    "parse_checkpoint_note",
    "parse_cosignature_lines",
    "parse_entry_bundle",
    "parse_hash_tile",
    "parse_journal_header",
    "parse_note",
    "parse_note_key",
    "parse_policy",
    "parse_proof",
    "parse_signature_line",
    "parse_size",
    "parse_tile_path",
    "parse_witness_answer",
    "process_add_checkpoint",
    "quorum_size",
    "restore_journal",
    "sign_checkpoint",
    "sign_note",
    "tiles_between",
    "verify_checkpoint",
    "verify_consistency",
    "verify_cosignatures",
    "verify_fork",
    "verify_inclusion",
    "verify_note",
    "verify_policy_log",
    "verify_proof",
    "verify_under_policy",
    "verify_witness_answer",
]
