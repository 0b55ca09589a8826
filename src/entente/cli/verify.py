"""`entente verify`: check a mirror folder or a single proof file, offline.

It says what was checked and what was not.

Invariants: no network; nothing is written; "sound" is never said of what was not checked; a record that
the parties' witnesses did not make firm fails unless the caller asked for less.

    $ entente verify ./us/mirror --expect-charter "1a2b 3c4d ..."
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from entente.cli.mirror_check import check_mirror
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.joint import KINDS
from entente.joint.verification import RecordReport
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.message import parse_message
from entente.kernel.time import encode_utc, from_unix_s
from entente.record.policy import parse_policy
from entente.record.proof import parse_proof, verify_proof
from entente.record.quorum import Standing

app = make_app(
    "verify",
    "Check a mirror folder, or one proof file, offline: prints what was checked and what was not.\n\n"
    "Example: entente verify ./us/mirror\n"
    "Example: entente verify message-17.proof --policy policy.txt\n\n"
    "Exit codes: 0 sound, 2 not a mirror or proof, 4 something does not check.",
)
APPS = {"verify": app}

Need = Literal["recorded", "firm", "settled"]


@app.default
def verify(
    path: Path,
    *,
    policy: Annotated[
        Path | None, Parameter(help="For a proof file: the policy whose keys are believed.")
    ] = None,
    entry: Annotated[
        Path | None, Parameter(help="For a proof file without its entry inside: the entry's exact bytes.")
    ] = None,
    expect_charter: Annotated[
        str, Parameter(help="The charter's fingerprint, as you compared it by voice.")
    ] = "",
    require: Annotated[Need, Parameter(help="How far the witnesses must have carried it.")] = "firm",
    json: Json = False,
) -> int:
    """Check PATH: a mirror folder or a proof file."""
    if path.is_dir():
        return _verify_mirror(path, expect_charter, Standing[require.upper()], as_json=json)
    if not path.exists():
        raise NotFound(
            "no-file", f"path {str(path)!r}: expected a mirror folder or a proof file, found nothing"
        )
    if policy is None:
        raise Malformed(
            "no-policy", "proof file: expected --policy FILE, whose keys are to be believed, got none"
        )
    return _verify_proof(path, policy, entry, as_json=json)


def _verify_mirror(folder: Path, expected: str, need: Standing, *, as_json: bool) -> int:
    report, _audit = check_mirror(folder)
    failures = [
        f"entry {one.index}: {one.reason}" if one.index >= 0 else one.reason for one in report.failures
    ]
    if report.standing is not None and report.standing < need:
        failures.append(
            f"standing: expected {need.name.lower()}, got {report.standing.name.lower()}: "
            + "; ".join(report.quorum)
        )
    if expected and expected.replace(" ", "") != report.fingerprint.replace(" ", ""):
        failures.append(f"charter: expected fingerprint {expected!r}, got {report.fingerprint!r}")
    unchecked = list(report.unchecked[1:] if expected else report.unchecked)
    code = ExitCode.VERIFICATION_FAILED if failures else ExitCode.OK
    if as_json:
        print_json(
            {
                "ok": not failures,
                "exit": int(code),
                "origin": report.origin,
                "charter": report.fingerprint,
                "exercise": report.exercise,
                "size": report.size,
                "root": report.root,
                "standing": report.standing.name.lower() if report.standing is not None else None,
                "cosigned": [asdict(one) for one in report.cosigned],
                "checked": asdict(report.counts) | {"tiles": report.tiles, "bundles": report.bundles},
                "failures": failures,
                "unchecked": unchecked,
            }
        )
        return code
    _print_mirror(report, failures, unchecked)
    return code


def _print_mirror(report: RecordReport, failures: list[str], unchecked: list[str]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    counts = report.counts
    standing = report.standing.name.lower() if report.standing is not None else "not judged"
    console.print(
        f"record    {report.origin}{'  (an exercise)' if report.exercise else ''}",
        markup=False,
        soft_wrap=True,
    )
    console.print(f"charter   {report.fingerprint}", markup=False, soft_wrap=True)
    console.print(
        f"size      {report.size} entries, root {report.root[:16]}, {standing}", markup=False, soft_wrap=True
    )
    console.print("\nChecked:")
    for line in (
        f"{counts.entries} entries replayed: form, keys, chains, rules; {counts.signatures} signatures",
        f"{counts.seen_pins} messages pin what their author had seen, all on this branch"
        if not failures
        else f"{counts.seen_pins} messages pin what their author had seen",
        f"{report.tiles} hash tiles and {report.bundles} entry bundles derived again; root and log signature",
        *(f"cosigned by {one.witness} at {encode_utc(from_unix_s(one.time_s))}" for one in report.cosigned),
    ):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print("\nNot checked:")
    for line in unchecked:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if failures:
        console.print(f"\nFAILED: {len(failures)} found", style="bold red")
        for line in failures[:20]:
            console.print(f"  {line}", markup=False, soft_wrap=True)
        if len(failures) > 20:
            console.print(f"  and {len(failures) - 20} more; --json shows all")
    else:
        console.print("\nSOUND", style="bold green")


def _verify_proof(path: Path, policy_path: Path, entry_path: Path | None, *, as_json: bool) -> int:
    data = path.read_bytes()
    policy = parse_policy(policy_path.read_bytes())
    extra = parse_proof(data).extra
    entry = entry_path.read_bytes() if entry_path else extra
    if not entry:
        raise Malformed(
            "no-entry", f"proof {path.name!r}: expected the entry inside it or --entry FILE, got neither"
        )
    verified = verify_proof(data, entry, policy)
    message = parse_message(parse_envelope(entry), KINDS.bodies)
    shown: dict[str, Any] = {
        "ok": True,
        "exit": 0,
        "origin": verified.witnessed.checkpoint.origin,
        "index": verified.index,
        "size": verified.witnessed.checkpoint.size,
        "leaf": message.leaf,
        "kind": message.payload.kind,
        "author": message.payload.author,
        "claimed_at": message.payload.at,
        "quorum": list(verified.witnessed.decision.reasons),
        "unchecked": [
            "that the author's key was in force and signed: needs the roster, so a mirror",
            "that the policy's keys are the right ones: they came with --policy",
        ],
    }
    if as_json:
        print_json(shown)
        return ExitCode.OK
    for name in ("origin", "index", "size", "leaf", "kind", "author", "claimed_at"):
        print(f"{name:<10} {shown[name]}")
    print("\nChecked:\n  this entry stands at this index of the record that the log signed")
    for reason in shown["quorum"]:
        print(f"  {reason}")
    print("\nNot checked:")
    for line in shown["unchecked"]:
        print(f"  {line}")
    print("\nSOUND")
    return ExitCode.OK
