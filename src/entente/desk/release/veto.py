"""Vetoes written in Cedar: files ``release/vetoes/*.cedar`` of a desk's folder.

    @id("no-imagery-to-ru")
    @words("imagery from the north stays with us")
    forbid (principal == Party::"ru", action, resource)
    when { resource.method == "imagery" && resource.theatre == "north" };

Invariants: rules only forbid (a ``permit`` would look as if what it leaves out were refused: it is a fault);
every rule is checked against `SCHEMA` when it is read, and the schema is given with every question; nothing
but a plain Allow by our own single permit allows; a bad file, an error while a rule is evaluated, an unknown
result or a missing engine refuses everything, in words. A desk without such files needs no engine.

Files are read at each question: what an officer has written holds from the next one on.

It does not see what a report says (`entente.release.veto.Proposal`), and it does not decide alone.

    >>> FolderVeto(folder / "release" / "vetoes").judge([proposal])
    [Decision(is_allowed=True, code='', reasons=())]

Source: docs/formats/release-vetoes.md; https://docs.cedarpolicy.com (policies, schema, validation).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.release.veto import BROKEN, VETOED, Proposal

if TYPE_CHECKING:
    from cedarpy import AuthzResult, PolicySet, Schema

MOST_FILES: Final = 100
MOST_BYTES: Final = 1 << 20
"""Of all files together: they are read at each question."""
MOST_RULE: Final = 4_000
MOST_DEPTH: Final = 50
"""Of one rule: signs, leaving out spaces, comments and what stands in strings; brackets in brackets. The
engine recurses, and on a much longer or deeper rule it ends the process."""
ENDING: Final = ".cedar"
BESIDE: Final = frozenset({".md", ".txt"})
"""Endings of files that may lie beside the rules and are not read."""

SCHEMA: Final = """\
entity Party = { "pools": Set<String> };
entity Item = {
  "theatre": String,
  "source": String,
  "method": String,
  "sensitivity": String,
  "secrets": Set<String>,
  "label_policy": String,
  "classification": String,
  "categories": Set<String>
};
type Way = {
  "purpose": String,
  "officers": Set<String>,
  "at": datetime,
  "place_arcsec"?: Long,
  "span_s"?: Long,
  "height_m"?: Long,
  "delay_s": Long,
  "depth": Long,
  "has_text": Bool,
  "fields": Set<String>,
  "worst_percent": Long
};
action "release", "onward" appliesTo { principal: [Party], resource: [Item], context: Way };
"""
"""What rules may speak of. Sizes that are absent are not shown: a rule must ask ``context has`` first."""

_OURS: Final = "permit (principal, action, resource);\n"
"""The one permit: without it Cedar denies everything and a veto could not be told from it."""
_OUR_ID: Final = "policy0"
_SKIPPED: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|\s+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, by its file and ``@id``; ``words`` is its ``@words``, for people."""

    file: str
    id: str
    words: str

    def __str__(self) -> str:
        return f"veto {self.id!r} of {self.file}" + (f": {self.words}" if self.words else "")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What was read from a folder.

    Args:
        version: SHA-256 over schema, names and bytes; empty when there is no file.
        rules: By the name that Cedar gives them in ``policies``.
        faults: What is wrong, a sentence each. With any of them nothing is allowed.
        notes: What is worth a look and refuses nothing.
    """

    version: str = ""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    policies: PolicySet | None = field(default=None, repr=False)
    schema: Schema | None = field(default=None, repr=False)

    def judge(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Return an answer for each proposal (`Veto.judge`)."""
        if self.faults:
            return [denied(BROKEN, *self.faults)] * len(proposals)
        if not self.rules or not proposals:
            return [ALLOWED] * len(proposals)
        try:
            results = self._ask(proposals)
            if len(results) == len(proposals):
                return [self._read(result) for result in results]
            words = f"vetoes: expected {len(proposals)} answers of the engine, got {len(results)}"
        except Exception as error:  # noqa: BLE001 - the engine is not ours: whatever it raises, nothing is allowed
            words = f"vetoes: expected an answer of the engine, got {type(error).__name__}: {error}"
        return [denied(BROKEN, words)] * len(proposals)

    def _ask(self, proposals: Sequence[Proposal]) -> list[AuthzResult]:
        import cedarpy  # noqa: PLC0415 - of the extra 'rules'; a desk without rules works without it

        if self.policies is None or self.schema is None:
            raise AssertionError("vetoes: expected rules to be parsed")
        entities: dict[str, dict[str, Any]] = {}
        requests = [_encode_request(one, entities) for one in proposals]
        known = cedarpy.Entities.from_json_str(json.dumps(list(entities.values())), schema=self.schema)
        return cedarpy.is_authorized_batch(requests, self.policies, known, schema=self.schema)

    def _read(self, result: AuthzResult) -> Decision:
        """Return what a result of the engine means.

        SECURITY: a rule that errs is skipped by the engine, which then answers Allow and mentions the error
        (tests/unit/test_desk_veto.py, test_a_rule_that_errs_refuses). So an error refuses before the answer
        is looked at, and Allow counts only when our own permit, and nothing else, is its reason.
        """
        answer = result.decision.value
        errors, reasons = list(result.diagnostics.errors), list(result.diagnostics.reasons)
        if errors:
            return denied(
                BROKEN, *(f"vetoes: a rule could not be evaluated: {self._name(e)}" for e in errors)
            )
        if answer == "Allow" and reasons == [_OUR_ID]:
            return ALLOWED
        named = result.diagnostics.id_annotations_by_reason
        if answer == "Deny" and reasons and all(self._is_rule(name, named.get(name)) for name in reasons):
            return denied(VETOED, *sorted(str(self.rules[name]) for name in reasons))
        return denied(BROKEN, f"vetoes: expected Allow or a rule's Deny, got {answer} because of {reasons}")

    def _is_rule(self, name: str, its_id: str | None) -> bool:
        """Return whether the engine means by a name the rule that we mean by it."""
        return name in self.rules and self.rules[name].id == its_id

    def _name(self, error: str) -> str:
        """Return the engine's words with our rules' names in place of its own."""
        for name, rule in self.rules.items():
            error = error.replace(f"`{name}`", f"{rule.id!r} of {rule.file}")
        return error


class FolderVeto:
    """The vetoes of a folder, as they are at the moment of the question (`Veto`).

    Args:
        parties: Gives the names of those in the roster: a rule about another one is noted, since a misspelt
            name forbids nothing.
    """

    def __init__(self, folder: Path, parties: Callable[[], Iterable[str]] = tuple) -> None:
        self._folder = folder
        self._parties = parties
        self._seen: tuple[object, RuleSet] = (None, RuleSet())

    @property
    def version(self) -> str:
        """What tells these rules from any others; empty when there are none."""
        return self.get_rules().version

    def judge(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Return an answer for each proposal, by the files as they are now (`Veto.judge`)."""
        return self.get_rules().judge(proposals)

    def get_rules(self) -> RuleSet:
        """Return the rules as the files are now; parsed again only if they changed."""
        try:
            files = read_folder(self._folder)
        except OSError as error:
            # A folder that is there and cannot be read may hold a veto.
            words = f"vetoes: cannot read {error.filename or self._folder.name!r}: {error.strerror or error}"
            return RuleSet(version="unreadable", faults=(words,))
        key = (files, frozenset(self._parties()) if files else frozenset())
        known, rules = self._seen
        if known != key:
            rules = parse_rules(dict(files), key[1])
            self._seen = (key, rules)
        return rules


def read_folder(folder: Path) -> tuple[tuple[str, bytes], ...]:
    """Return names and bytes of what lies in the folder, by name; nothing if there is none.

    A name alone, with no bytes, stands for what `parse_rules` refuses anyway: another ending, a subfolder.

    Raises:
        OSError: It, or a file in it, cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        return ()
    found: list[tuple[str, bytes]] = []
    left = MOST_BYTES
    for path in paths[: MOST_FILES + 1]:
        if path.suffix in BESIDE:
            continue
        data = b""
        if path.suffix == ENDING and left >= 0:
            with path.open("rb") as file:
                data = file.read(left + 1)
            left -= len(data)
        found.append((path.name, data))
    return tuple(found)


def parse_rules(files: Mapping[str, bytes], parties: Iterable[str] = ()) -> RuleSet:
    """Return the rules of files, by name; what is wrong with them stands in ``faults``.

    Args:
        parties: Names of the roster; none: names in rules are not looked at.
    """
    if not files:
        return RuleSet()
    version = hashlib.sha256(SCHEMA.encode())
    for name, data in files.items():
        version.update(f"\n{name}\n{len(data)}\n".encode() + data)
    digest = version.hexdigest()
    try:
        import cedarpy  # noqa: PLC0415 - see RuleSet._ask
    except ImportError:
        words = f"vetoes: expected the extra 'rules' for {', '.join(files)}: pip install 'entente[rules]'"
        return RuleSet(version=digest, faults=(words,))
    faults = _list_file_faults(files)
    if faults:
        return RuleSet(digest, faults=tuple(faults))
    try:
        return _parse_files(files, parties, digest, cedarpy.Schema.from_str(SCHEMA))
    except Exception as error:  # noqa: BLE001 - the engine is not ours: what it cannot read allows nothing
        words = f"vetoes: expected files that the engine reads, got {type(error).__name__}: {error}"
        return RuleSet(digest, faults=(words,))


def _parse_files(files: Mapping[str, bytes], parties: Iterable[str], digest: str, schema: Schema) -> RuleSet:
    import cedarpy  # noqa: PLC0415 - see RuleSet._ask

    faults: list[str] = []
    texts: list[str] = []
    rules: dict[str, Rule] = {}
    notes: list[str] = []
    for name, data in files.items():
        # Cedar numbers the rules of a text in their order: our permit is the first of the whole.
        found, wrong = _read_file(name, data, 1 + len(rules), schema)
        faults += wrong
        rules |= {number: rule for number, (rule, _) in found.items()}
        notes += [note for rule, body in found.values() for note in _list_notes(rule, body, parties)]
        texts.append(data.decode("utf-8", "replace"))
    faults += _list_twice(rules.values())
    if faults:
        return RuleSet(digest, rules, tuple(faults), tuple(notes))
    policies = cedarpy.PolicySet.from_str(_OURS + "\n".join(texts))
    if len(policies) != 1 + len(rules):
        raise AssertionError(f"vetoes: expected {1 + len(rules)} policies together, got {len(policies)}")
    return RuleSet(digest, rules, (), tuple(notes), policies, schema)


def _list_file_faults(files: Mapping[str, bytes]) -> list[str]:
    faults = []
    if len(files) > MOST_FILES:
        faults.append(f"vetoes: expected <= {MOST_FILES} files, got more")
    if sum(len(data) for data in files.values()) > MOST_BYTES:
        faults.append(f"vetoes: expected <= {MOST_BYTES:,} bytes in all files, got more")
    # A rule in a file that is not read would forbid nothing, and nobody would notice.
    others = [name for name in files if not name.endswith(ENDING)]
    more = f" and {len(others) - 1} others" if len(others) > 1 else ""
    if others:
        beside = ", ".join(sorted(BESIDE))
        faults.append(f"{others[0]}{more}: expected a name that ends in {ENDING} (or {beside}: not read)")
    return faults


def _read_file(
    name: str, data: bytes, first: int, schema: Schema
) -> tuple[dict[str, tuple[Rule, Any]], list[str]]:
    """Return a file's rules with their JSON, by their names in the whole, and what is wrong with it."""
    import cedarpy  # noqa: PLC0415 - see RuleSet._ask

    try:
        text = data.decode("utf-8")
        sized = _find_oversize(text)
        if sized:
            return {}, [f"{name}: {sized}"]
        parsed = json.loads(cedarpy.policies_to_json_str(text))
    except UnicodeDecodeError as error:
        return {}, [f"{name}: expected UTF-8, got another byte at {error.start}"]
    except (ValueError, RecursionError) as error:
        return {}, [f"{name}: expected Cedar policies: {str(error).strip()}"]
    faults = []
    if parsed["templates"] or parsed["templateLinks"]:
        faults.append(f"{name}: expected rules without slots (?principal, ?resource), got a template")
    found: dict[str, tuple[Rule, Any]] = {}
    listed = parsed["staticPolicies"]
    if not listed and not faults:
        faults.append(f"{name}: expected at least one rule, got none")
    for place in range(len(listed)):
        body = listed[f"policy{place}"]
        marks = body.get("annotations", {})
        rule = Rule(name, marks.get("id") or "", marks.get("words") or "")
        if not rule.id:
            faults.append(f'{name}, rule {place + 1}: expected @id("...") before it, got none')
        if body["effect"] != "forbid":
            faults.append(
                f"{name}, rule {rule.id or place + 1}: expected forbid, got {body['effect']}: rules here "
                "only forbid; for 'only if', write forbid ... unless"
            )
        found[f"policy{first + place}"] = rule, body
    checked = cedarpy.validate_policies(text, schema)
    for wrong in checked.errors:
        which = checked.id_annotations_by_policy_id.get(wrong.policy_id, "")
        faults.append(f"{name}, rule {which or wrong.policy_id}: {wrong.error}")
    if not checked.validation_passed and not checked.errors:
        faults.append(f"{name}: expected rules that fit the schema, got a refusal without words")
    return found, faults


def _find_oversize(text: str) -> str:
    """Return what of a text is too much for the engine, or nothing.

    SECURITY: asked before the engine reads it: the stack of the process is the desk's
    (tests/unit/test_desk_veto.py, test_a_rule_too_deep_for_the_engine_never_reaches_it).
    """
    bare = _SKIPPED.sub(lambda found: '""' if found[0].startswith('"') else "", text)
    longest = max(len(rule) for rule in bare.split(";"))
    if longest > MOST_RULE:
        return f"expected rules of <= {MOST_RULE:,} signs without spaces and strings, got {longest:,}"
    depth = deepest = 0
    for sign in bare:
        depth += (sign in "([{") - (sign in ")]}")
        deepest = max(deepest, depth)
    if deepest > MOST_DEPTH:
        return f"expected <= {MOST_DEPTH} brackets in each other, got {deepest}"
    return ""


def _list_twice(rules: Iterable[Rule]) -> list[str]:
    first: dict[str, Rule] = {}
    faults = []
    for rule in rules:
        other = first.setdefault(rule.id, rule)
        if rule.id and other is not rule:
            faults.append(f"{rule.file}: expected each @id once, got {rule.id!r}, as in {other.file}")
    return faults


def _list_notes(rule: Rule, body: object, parties: Iterable[str]) -> list[str]:
    known = set(parties)
    if not known:
        return []
    named = dict.fromkeys(_find_parties(body))
    return [
        f"{rule.file}, rule {rule.id}: {party!r} is no party of the roster; a rule about it forbids nothing"
        for party in named
        if party not in known
    ]


def _find_parties(body: object) -> Iterator[str]:
    """Yield the names of parties that a rule's JSON holds."""
    if isinstance(body, dict):
        if set(body) == {"type", "id"} and body["type"] == "Party":
            yield str(body["id"])
        for value in body.values():
            yield from _find_parties(value)
    elif isinstance(body, list):
        for value in body:
            yield from _find_parties(value)


def _encode_request(proposal: Proposal, entities: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a proposal as a Cedar request; what it is about is put among the entities, each once."""
    party = {"type": "Party", "id": proposal.recipient}
    about = {
        "theatre": proposal.theatre,
        "source": proposal.source,
        "method": proposal.method,
        "sensitivity": proposal.sensitivity,
        "secrets": list(proposal.secrets),
        "label_policy": proposal.label_policy,
        "classification": proposal.classification,
        "categories": list(proposal.categories),
    }
    # Proposals about one item share it; about one recipient, the recipient.
    item = {"type": "Item", "id": hashlib.sha256(json.dumps(about).encode()).hexdigest()}
    entities[f"Item {item['id']}"] = {"uid": item, "attrs": about, "parents": []}
    pools = {"pools": list(proposal.pools)}
    known = entities.setdefault(f"Party {proposal.recipient}", {"uid": party, "attrs": pools, "parents": []})
    if known["attrs"] != pools:
        raise ValueError(f"proposals: expected one set of pools of {proposal.recipient!r}, got two")
    context = {
        "purpose": proposal.purpose,
        "officers": list(proposal.officers),
        "at": {"__extn": {"fn": "datetime", "arg": f"{proposal.at_utc:%Y-%m-%dT%H:%M:%SZ}"}},
        "place_arcsec": proposal.place_arcsec,
        "span_s": proposal.span_s,
        "height_m": proposal.height_m,
        "delay_s": proposal.delay_s,
        "depth": proposal.depth,
        "has_text": proposal.has_text,
        "fields": list(proposal.fields),
        "worst_percent": proposal.worst_percent,
    }
    return {
        "principal": party,
        "action": {"type": "Action", "id": proposal.action},
        "resource": item,
        "context": {name: value for name, value in context.items() if value is not None},
    }
