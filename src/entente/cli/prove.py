"""`entente prove`: write one message's proof file from a desk's mirror, and the policy to check it under.

Invariants: read from the mirror alone, offline; the proof is verified before it is written; the entry's
exact bytes are inside, so that one file and the policy are all that a stranger needs.

    $ entente prove 17 --desk ./us --out call.proof
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entente.cli.link import DeskFolder
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.desk.proving import make_bundle
from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.joint.verification import read_entries
from entente.kernel.errors import NotFound
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.tiles import CHECKPOINT_PATH
from entente.store.durable import write_atomic
from entente.store.mirror import FolderTileSource

app = make_app(
    "prove",
    "Write one message's proof file and the policy that it is checked under.\n\n"
    "Example: entente prove 17 --desk ./us --out call.proof\n"
    "Then anywhere: entente verify call.proof --policy call.policy",
)
APPS = {"prove": app}


@app.default
def prove(
    index: Annotated[int, Parameter(name="INDEX", help="The message's place in the record.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="The proof file; the policy is written beside it as .policy.")],
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Prove that the message at INDEX is in the record."""
    if desk is None:
        raise NotFound("no-desk", "desk: expected a folder, got none")
    source = FolderTileSource(desk / "mirror")
    note = source.read(CHECKPOINT_PATH)
    size = parse_checkpoint_note(note).size
    if not 0 <= index < size:
        raise NotFound("no-entry", f"mirror: expected an index below {size}, got {index}")
    audit = RecordAudit(KINDS)
    entry = b""
    for at, data in enumerate(read_entries(source, size)):
        audit.feed(at, data)
        entry = data if at == index else entry
    made = make_bundle(audit.tree, audit.state.rows, entry, index, [note])
    policy_file = out.with_suffix(".policy")
    write_atomic(out, made.proof)
    write_atomic(policy_file, made.policy)
    if json:
        print_json({"ok": True, "index": index, "size": size, "proof": str(out), "policy": str(policy_file)})
    else:
        print(f"{out}: entry {index} of {size}, {len(made.proof)} bytes; check it with:")
        print(f"  entente verify {out} --policy {policy_file}")
    return ExitCode.OK
