"""`entente release labels`: files in, words and codes out; nothing guessed, nothing half written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from entente.cli.main import main
from entente.release.label import (
    TLP_SPIF,
    encode_label_json,
    encode_label_xml,
    make_category,
    make_label,
    parse_label_json,
    parse_label_xml,
)

POLICY = """<SPIF xmlns="http://www.xmlspif.org/spif" schemaVersion="2.1">
<defaultSecurityPolicyId name="ALLIES" id="1.2.3"/>
<securityPolicyId name="ALLIES" id="1.2.3"/>
<securityClassifications>
<securityClassification name="OPEN" lacv="1" hierarchy="1"/>
<securityClassification name="SECRET" lacv="2" hierarchy="2"/>
</securityClassifications>
<securityCategoryTagSets>
<securityCategoryTagSet name="Releasable To" id="1.2.3.1">
<securityCategoryTag name="Releasable To" tagType="permissive">
<tagCategory name="FRA" lacv="1"/><tagCategory name="RUS" lacv="2"/><tagCategory name="USA" lacv="3"/>
</securityCategoryTag></securityCategoryTagSet>
</securityCategoryTagSets>
</SPIF>"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name, classification, to in (
        ("one.xml", "SECRET", ["FRA", "RUS"]),
        ("two.json", "OPEN", ["RUS", "USA"]),
    ):
        label = make_label(
            policy_id="1.2.3",
            policy="ALLIES",
            classification=classification,
            categories=(make_category("Releasable To", "permissive", to),),
            created=datetime(2026, 12, 1, tzinfo=UTC),
        )
        encode = encode_label_xml if name.endswith(".xml") else encode_label_json
        (tmp_path / name).write_bytes(encode(label))
    bad = make_label(policy_id="1.2.3", policy="ALLIES", classification="SECRETS")
    (tmp_path / "bad.xml").write_bytes(encode_label_xml(bad))
    (tmp_path / "policy.xml").write_text(POLICY)
    (tmp_path / "ru.toml").write_text(
        'policy_id = "1.2.3"\nup_to = "SECRET"\n[[category]]\ntag_set = "Releasable To"\nvalues = ["RUS"]\n'
    )
    (tmp_path / "amber.xml").write_bytes(encode_label_xml(make_label(policy="TLP", classification="AMBER")))
    (tmp_path / "green.toml").write_text('policy = "TLP"\nup_to = "GREEN"\n')
    return tmp_path


def run(files: Path, words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    given = [str(files / word) if "." in word else word for word in words.split()]
    code = main(["release", "labels", *given, "--json"])
    value = json.loads(capsys.readouterr().out)
    assert main(["release", "labels", *given]) == code
    told = capsys.readouterr()
    return code, value, told.out + told.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    (
        ("policy policy.xml", 0, "classifications, lowest first: OPEN, SECRET"),
        ("policy TLP", 0, "CLEAR, GREEN, AMBER"),
        ("check one.xml --policy policy.xml", 0, "valid"),
        ("check bad.xml --policy policy.xml", 3, "NOT VALID"),
        ("check one.xml --policy TLP", 3, "NOT VALID"),
        ("marking one.xml --policy policy.xml", 0, "SECRET"),
        ("decide one.xml --policy policy.xml --clearance ru.toml", 0, "may see it"),
        ("decide one.xml --policy policy.xml --clearance green.toml", 3, "MAY NOT see it"),
        ("decide amber.xml --policy TLP --clearance green.toml", 3, "AMBER is not within the clearance"),
        ("translate one.xml --policy policy.xml --to TLP", 3, "no-equivalent-policy"),
        ("check gone.xml --policy policy.xml", 2, "gone.xml"),
        ("check ru.toml --policy policy.xml", 2, "label"),
        ("check one.xml --policy one.xml", 2, "expected SPIF"),
        ("decide one.xml --policy policy.xml --clearance one.xml", 2, "clearance"),
        (
            "join one.xml two.json --policy policy.xml --out whole.toml",
            2,
            "expected a name that ends in .xml",
        ),
        ("join one.xml bad.xml --policy policy.xml --out whole.xml", 3, "bad.xml"),
    ),
)
def test_codes_and_words(
    words: str, code: int, said: str, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    got, value, told = run(files, words, capsys)
    assert (got, value.get("exit", 0)) == (code, code)
    assert said in told
    assert not (files / "whole.xml").exists()
    assert not (files / "whole.toml").exists()


def test_labels_are_made_of_labels(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, value, _ = run(files, "join one.xml two.json --policy policy.xml --out whole.json", capsys)
    whole = parse_label_json((files / "whole.json").read_bytes())
    assert (code, whole.classification, whole.categories[0].values) == (0, "SECRET", ("RUS",))
    assert value["label"]["ocl"]["cls"] == "SECRET"
    code, _, _ = run(
        files, "address one.xml --policy policy.xml --clearance ru.toml --out theirs.xml", capsys
    )
    theirs = parse_label_xml((files / "theirs.xml").read_bytes())
    assert (code, theirs.categories[0].values) == (0, ("RUS",))
    one, policy, reader = (str(files / name) for name in ("one.xml", "policy.xml", "ru.toml"))
    assert main(["release", "labels", "address", one, "--policy", policy, "--clearance", reader]) == 0
    printed = parse_label_xml(capsys.readouterr().out.strip().encode())
    assert printed == theirs


def test_a_policy_of_a_file_is_the_shipped_one(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "tlp.xml").write_bytes(TLP_SPIF)
    shipped, read = run(files, "policy TLP", capsys)[1], run(files, "policy tlp.xml", capsys)[1]
    assert shipped == read


def test_a_file_of_any_size_is_not_read_whole(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (files / "huge.xml").open("wb") as file:
        file.write(b"<")
        file.truncate(1 << 31)
    assert main(["release", "labels", "check", str(files / "huge.xml"), "--policy", "TLP"]) == 2
    assert "expected <=" in capsys.readouterr().err
