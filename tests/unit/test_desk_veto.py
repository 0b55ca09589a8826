"""Vetoes in Cedar: they only ever refuse, and whatever goes wrong refuses too."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.desk.release import veto as desk_veto
from entente.desk.release.veto import MOST_FILES, SCHEMA, FolderVeto, RuleSet, parse_rules
from entente.kernel.kinds import ALLOWED, Decision
from entente.release.veto import BROKEN, ONWARD, RELEASE, VETOED, NoVeto, Proposal

NORTH = b"""
@id("no-imagery-to-ru")
@words("imagery from the north stays with us")
forbid (principal == Party::"ru", action, resource)
when { resource.method == "imagery" && resource.theatre == "north" };

@id("coarse-for-nato")
forbid (principal, action == Action::"release", resource)
when { principal.pools.contains("nato") && context has place_arcsec && context.place_arcsec < 3600 };
"""
LATE = b"""
@id("an-hour-late")
forbid (principal, action, resource) unless { context.delay_s >= 3600 };
"""


def propose(**changes: Any) -> Proposal:
    given: dict[str, Any] = {
        "action": RELEASE,
        "recipient": "ru",
        "pools": (),
        "theatre": "north",
        "source": "eye-3",
        "method": "imagery",
        "sensitivity": "high",
        "secrets": ("where-eye-3",),
        "purpose": "counter-terrorism",
        "label_policy": "NATO",
        "classification": "SECRET",
        "categories": ("Releasable To=RUS",),
        "officers": (),
        "at_utc": datetime(2026, 12, 1, 6, 0, 0, 5, tzinfo=UTC),
        "delay_s": 3600,
    }
    return Proposal(**given | changes)


def judge(files: dict[str, bytes], *proposals: Proposal) -> list[Decision]:
    return parse_rules(files).judge(proposals or [propose()])


def test_a_rule_forbids_what_it_names_and_nothing_else() -> None:
    rules = parse_rules({"late.cedar": LATE, "north.cedar": NORTH})
    assert (rules.faults, rules.notes) == ((), ())
    nato = propose(recipient="gb", pools=("nato", "un"), method="radio")
    answers = rules.judge(
        [
            propose(),
            propose(recipient="fr"),
            propose(recipient="de", pools=("nato",), method="radio", place_arcsec=1800),
            propose(recipient="us", pools=("nato",), place_arcsec=3600),
            propose(recipient="il", pools=("nato",), place_arcsec=1800, action=ONWARD),
            nato,
            propose(delay_s=0),
        ]
    )
    assert [answer.is_allowed for answer in answers] == [False, True, False, True, True, True, False]
    words = "veto 'no-imagery-to-ru' of north.cedar: imagery from the north stays with us"
    assert answers[0] == Decision(is_allowed=False, code=VETOED, reasons=(words,))
    assert answers[2].reasons == ("veto 'coarse-for-nato' of north.cedar",)
    assert answers[6].reasons == (
        "veto 'an-hour-late' of late.cedar",
        "veto 'no-imagery-to-ru' of north.cedar: imagery from the north stays with us",
    )


def test_every_attribute_of_the_schema_can_be_asked_for() -> None:
    conditions = (
        'principal.pools.contains("nato") && resource.theatre == "north" && resource.source == "eye-3"',
        'resource.method == "imagery" && resource.sensitivity == "high"',
        'resource.secrets.contains("where-eye-3") && resource.label_policy == "NATO"',
        'resource.classification == "SECRET" && resource.categories.contains("Releasable To=RUS")',
        'context.purpose == "counter-terrorism" && context.officers.containsAll(["a", "b"])',
        'context.at >= datetime("2026-12-01T06:00:00Z") && context.at < datetime("2026-12-01T06:00:01Z")',
        "context has place_arcsec && context.place_arcsec == 300",
        "context has span_s && context.span_s == 600 && context has height_m && context.height_m == 100",
        'context.delay_s == 900 && context.depth == 2 && context.has_text && context.fields.contains("hull")',
        "context.worst_percent == 34",
    )
    rule = f'@id("all") forbid (principal, action, resource) when {{ {" && ".join(conditions)} }};'
    full = propose(
        pools=("nato",),
        officers=("a", "b"),
        place_arcsec=300,
        span_s=600,
        height_m=100,
        delay_s=900,
        depth=2,
        has_text=True,
        fields=("hull",),
        worst_percent=34,
    )
    rules = parse_rules({"all.cedar": rule.encode()})
    assert rules.faults == ()
    assert [answer.code for answer in rules.judge([full])] == [VETOED]


TRAP = """@id("rel-to")
forbid (principal, action, resource) unless { resource.rel_to.contains("ru") };"""


def test_a_missing_attribute_would_have_allowed_and_refuses_here() -> None:
    """The trap: the engine skips a rule that errs, and then allows."""
    request = {"principal": 'Party::"ru"', "action": 'Action::"release"', "resource": 'Item::"1"'}
    known = [{"uid": {"type": "Item", "id": "1"}, "attrs": {}, "parents": []}]
    bare = cedarpy.is_authorized(request, f"permit(principal, action, resource);\n{TRAP}", known)
    assert bare.decision == cedarpy.Decision.Allow
    assert bare.diagnostics.errors

    [answer] = judge({"trap.cedar": TRAP.encode()})
    assert answer.code == BROKEN
    assert "trap.cedar, rule rel-to" in answer.reasons[0]
    assert "attribute `rel_to` on entity type `Item` not found" in answer.reasons[0]


@pytest.mark.parametrize(
    "condition",
    (
        "context.delay_s * 9223372036854775807 > 0",  # runs over
        'decimal("1.23456").lessThan(decimal("2.0"))',  # five places
        'datetime("yesterday") < context.at',
    ),
)
def test_a_rule_that_errs_refuses(condition: str) -> None:
    text = f'@id("a") forbid (principal, action, resource) when {{ {condition} }};'
    answers = judge({"a.cedar": text.encode()}, propose(), propose(recipient="us"))
    assert [answer.code for answer in answers] == [BROKEN, BROKEN]


def test_an_error_names_the_rule() -> None:
    text = (
        b'@id("big") forbid (principal, action, resource) when { context.depth + 9223372036854775807 > 0 };'
    )
    rules = parse_rules({"a.cedar": LATE, "b.cedar": text})
    assert rules.faults == ()
    fine, wrong = rules.judge([propose(depth=0, delay_s=3600), propose(depth=1)])
    assert (fine.code, wrong.code) == (VETOED, BROKEN)
    assert "'big' of b.cedar" in wrong.reasons[0]
    assert "integer overflow" in wrong.reasons[0]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    (
        ("a.cedar", b"permit (principal, action, resource);", 'expected @id("...")'),
        ("a.cedar", b'@id("x") permit (principal, action, resource);', "rule x: expected forbid, got permit"),
        ("a.cedar", b'@id("x") forbid (principal, action, resource)', "expected Cedar policies"),
        ("a.cedar", b'@id("x") forbid (principal == ?principal, action, resource);', "got a template"),
        ("a.cedar", b'@id("x") forbid (principal, action == Action::"s", resource);', "unrecognized action"),
        ("a.cedar", b'@id("x") forbid (principal == Parti::"ru", action, resource);', "unrecognized entity"),
        (
            "a.cedar",
            b'@id("x") forbid (principal, action, resource) when { context.place_arcsec < 5 };',
            "unable to guarantee safety of access to optional attribute `place_arcsec`",
        ),
        (
            "a.cedar",
            b'@id("x") forbid (principal, action, resource) when { resource.method == 5 };',
            "not compatible",
        ),
        ("a.cedar", b"// nothing\n", "expected at least one rule"),
        ("a.cedar", b"", "expected at least one rule"),
        ("a.cedar", b'@id("x\xff") forbid (principal, action, resource);', "expected UTF-8"),
        ("a.cedar", b'@id("x") forbid (principal, action, resource);' * 2, "expected each @id once, got 'x'"),
        ("a.cedar.off", NORTH, "expected a name that ends in .cedar"),
        ("a.ceder", NORTH, "expected a name that ends in .cedar"),
        ("a.cedar", b" " * (1 << 20) + NORTH, "bytes in all files"),
    ),
)  # fmt: skip
def test_a_bad_file_refuses_everything(name: str, data: bytes, words: str) -> None:
    for files in ({name: data}, {"0.cedar": NORTH, name: data}):
        rules = parse_rules(files)
        assert any(words in fault for fault in rules.faults), rules.faults
        assert all(name in fault or "vetoes:" in fault for fault in rules.faults)
        answers = rules.judge([propose(recipient="us", method="radio"), propose()])
        assert [(answer.code, answer.reasons) for answer in answers] == [(BROKEN, rules.faults)] * 2


@pytest.mark.parametrize(
    ("body", "words"),
    (
        ("(" * 2_000 + "true" + ")" * 2_000, "<= 4,000 signs|<= 50 brackets"),
        ("!(" * 60 + "true" + ")" * 60, "expected <= 50 brackets"),
        ("true" + " && true" * 30_000, "expected rules of <= 4,000 signs"),
        ("context has a" + ".a" * 10_000, "expected rules of <= 4,000 signs"),
        ("1" + "+1" * 1_900 + " > 0", "expected Cedar policies|files that the engine reads"),
    ),
)
def test_a_rule_too_deep_for_the_engine_never_reaches_it(body: str, words: str) -> None:
    """Without the limits some of these end the process; the last one is too deep for Python alone."""
    text = f'@id("x") forbid (principal, action, resource) when {{ {body} }};'
    [answer] = judge({"a.cedar": text.encode()})
    assert answer.code == BROKEN
    assert any(each in answer.reasons[0] for each in words.split("|")), answer.reasons


def test_a_long_list_of_names_fits() -> None:
    names = ", ".join(f'"source-{n};({n}"' for n in range(1_000))
    condition = f"[{names}].contains(resource.source)"
    text = f'@id("x") forbid (principal, action, resource) when {{ {condition} }}; // ((('
    rules = parse_rules({"a.cedar": text.encode()})
    assert rules.faults == ()
    assert [one.code for one in rules.judge([propose(), propose(source="source-7;(7")])] == ["", VETOED]


def test_a_permit_permits_nothing_more() -> None:
    """Even one that the reader would let through: our own permit has to be the only reason."""
    text = LATE.decode() + '@id("more") permit (principal, action, resource);'
    schema = cedarpy.Schema.from_str(SCHEMA)
    policies = cedarpy.PolicySet.from_str(f"permit (principal, action, resource);\n{text}")
    known = parse_rules({"late.cedar": LATE})
    smuggled = RuleSet("1", known.rules, (), (), policies, schema)
    early, late = smuggled.judge([propose(delay_s=0), propose()])
    assert early.code == VETOED
    assert late.code == BROKEN


@pytest.mark.parametrize(
    "result",
    (
        {"decision": "NoDecision", "diagnostics": {"errors": [], "reason": []}},
        {"decision": "NoDecision", "diagnostics": {"errors": ["failed to build request"], "reason": []}},
        {"decision": "Allow", "diagnostics": {"errors": ["x"], "reason": ["policy0"]}},
        {"decision": "Allow", "diagnostics": {"errors": [], "reason": []}},
        {"decision": "Allow", "diagnostics": {"errors": [], "reason": ["policy0", "policy1"]}},
        {"decision": "Allow", "diagnostics": {"errors": [], "reason": ["policy1"]}},
        {"decision": "Deny", "diagnostics": {"errors": [], "reason": []}},
        {
            "decision": "Deny",
            "diagnostics": {
                "errors": [],
                "reason": ["policy1"],
                "id_annotations_by_reason": {"policy1": "another"},
            },
        },
        {"decision": "Perhaps", "diagnostics": {"errors": [], "reason": ["policy0"]}},
        {},
    ),
)
def test_an_unknown_answer_refuses(result: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rules = parse_rules({"late.cedar": LATE})
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *_, **__: [cedarpy.AuthzResult(result)])
    [answer] = rules.judge([propose()])
    assert answer.code == BROKEN


def test_fewer_answers_than_questions_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = parse_rules({"late.cedar": LATE})
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *_, **__: [])
    assert [answer.code for answer in rules.judge([propose(), propose()])] == [BROKEN, BROKEN]


def test_what_does_not_fit_the_schema_refuses() -> None:
    """A proposal that was filled wrongly (a number where text belongs) is not judged by other rules."""
    rules = parse_rules({"north.cedar": NORTH})
    for wrong in ({"method": 5}, {"place_arcsec": "300"}, {"delay_s": None}, {"depth": 1 << 63}):
        [answer] = rules.judge([propose(recipient="us", **wrong)])
        assert answer.code == BROKEN, wrong
    [one, two] = rules.judge([propose(), propose(pools=("nato",))])
    assert (one.code, two.code) == (BROKEN, BROKEN)


def test_the_schema_is_given_with_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    ask = cedarpy.is_authorized_batch

    def watch(*given: Any, **named: Any) -> Any:
        seen.append(named.get("schema"))
        return ask(*given, **named)

    monkeypatch.setattr(cedarpy, "is_authorized_batch", watch)
    judge({"late.cedar": LATE})
    assert len(seen) == 1
    assert isinstance(seen[0], cedarpy.Schema)


def test_without_the_engine_rules_refuse_and_no_rules_allow(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)
    veto = FolderVeto(tmp_path / "vetoes")
    assert (veto.judge([propose()]), veto.version) == ([ALLOWED], "")
    (tmp_path / "vetoes").mkdir()
    (tmp_path / "vetoes" / "readme.md").write_text("why we have none")
    assert (veto.judge([propose()]), veto.version) == ([ALLOWED], "")
    (tmp_path / "vetoes" / "late.cedar").write_bytes(LATE)
    [answer] = veto.judge([propose()])
    assert answer.code == BROKEN
    assert "pip install 'entente[rules]'" in answer.reasons[0]


def test_a_folder_is_read_at_each_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[int] = []
    parse = desk_veto.parse_rules

    def count(*given: Any) -> RuleSet:
        parsed.append(1)
        return parse(*given)

    monkeypatch.setattr(desk_veto, "parse_rules", count)
    veto = FolderVeto(tmp_path, lambda: ["us", "ru"])
    assert veto.judge([propose()]) == [ALLOWED]
    (tmp_path / "late.cedar").write_bytes(LATE)
    assert [one.code for one in veto.judge([propose(delay_s=0), propose()])] == [VETOED, ""]
    before, times = veto.version, len(parsed)
    assert veto.judge([propose()]) == [ALLOWED]
    assert (len(parsed), len(before)) == (times, 64)
    (tmp_path / "late.cedar").write_bytes(LATE.replace(b"3600", b"7200"))
    assert [one.code for one in veto.judge([propose()])] == [VETOED]
    assert veto.version != before
    (tmp_path / "late.cedar").unlink()
    assert veto.judge([propose()]) == [ALLOWED]


def test_what_cannot_be_read_refuses(tmp_path: Path) -> None:
    (tmp_path / "late.cedar").symlink_to(tmp_path / "gone.cedar")
    veto = FolderVeto(tmp_path)
    [answer] = veto.judge([propose()])
    assert answer.code == BROKEN
    (tmp_path / "late.cedar").unlink()
    (tmp_path / "late.cedar").mkdir()
    assert [one.code for one in veto.judge([propose()])] == [BROKEN]
    (tmp_path / "late.cedar").rmdir()
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.cedar").write_bytes(LATE.replace(b"an-hour", b"r%d" % number))
    assert "expected <= 100 files" in veto.judge([propose()])[0].reasons[0]
    assert FolderVeto(tmp_path / "0.cedar").judge([propose()])[0].code == BROKEN


def test_a_rule_about_nobody_is_noted() -> None:
    named = b'[Party::"rus", Party::"us"].contains(principal)'
    text = NORTH + b'@id("two") forbid (principal, action, resource) when { ' + named + b" };"
    rules = parse_rules({"a.cedar": text}, ["us", "ru"])
    assert rules.faults == ()
    assert rules.notes == (
        "a.cedar, rule two: 'rus' is no party of the roster; a rule about it forbids nothing",
    )


def test_no_veto_allows() -> None:
    assert NoVeto().judge([propose(), propose()]) == [ALLOWED, ALLOWED]


def test_many_rules_keep_their_names() -> None:
    """The engine numbers rules; ours are told by these numbers, over several files."""
    files = {
        f"{file}.cedar": "\n".join(
            f'@id("{file}-{n}") forbid (principal == Party::"p{file}-{n}", action, resource);'
            for n in range(13)
        ).encode()
        for file in range(3)
    }
    rules = parse_rules(files)
    for file, n in ((0, 0), (0, 12), (1, 2), (2, 10), (2, 12)):
        [answer] = rules.judge([propose(recipient=f"p{file}-{n}")])
        assert answer.reasons == (f"veto '{file}-{n}' of {file}.cedar",)


NAMES = st.text(st.characters(codec="utf-8"), max_size=8)


@given(recipient=NAMES, method=NAMES, theatre=NAMES, pool=NAMES)
@settings(max_examples=40)
def test_any_names_are_judged_as_they_are(recipient: str, method: str, theatre: str, pool: str) -> None:
    """Names with quotes, escapes or nothing in them: no error, and the answer of the same rule in Python."""
    rules = parse_rules({"north.cedar": NORTH})
    proposal = propose(recipient=recipient, method=method, theatre=theatre, pools=(pool,), place_arcsec=60)
    forbidden = (recipient, method, theatre) == ("ru", "imagery", "north") or pool == "nato"
    [answer] = rules.judge([proposal])
    assert answer.code == (VETOED if forbidden else ""), json.dumps(answer.reasons)


def test_the_page_shows_the_schema_and_rules_that_fit_it() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/formats/release-vetoes.md").read_text("utf-8")
    assert "\n".join(f"   {line}" for line in SCHEMA.splitlines()) in page
    example = page.split("```cedar\n")[1].split("```")[0]
    rules = parse_rules({"example.cedar": example.encode()})
    assert rules.faults == ()
    assert [rule.id for rule in rules.rules.values()] == [
        "no-imagery-to-ru",
        "coarse-for-the-coalition",
        "an-hour-late",
    ]
