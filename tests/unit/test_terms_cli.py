"""`entente terms check|fmt|new|schema` as people and scripts see it."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import pytest

from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.cli.terms_file import DocumentFolder, load_terms
from entente.terms.file.layout import format_terms
from entente.terms.file.schema import make_schema
from tests.terms_samples import DOCUMENTS, SAMPLE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "centre.toml"
    path.write_text(SAMPLE, encoding="utf-8")
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, text in DOCUMENTS.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(*words: object) -> int:
    return main(["terms", *map(str, words)])


def test_check_says_what_the_file_holds(file: Path, texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", file, "--documents", texts) == ExitCode.OK
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[0] == "A joint centre: Can the two air forces plan strikes together?"
    assert lines[1].startswith("  2 documents, 3 parties, 1 agency, 1 group, 1 theatre, 5 measures, 1 rule, ")
    assert lines[2] == (
        "  quotations: 4 found in their documents, 0 not looked up (no text at hand), 1 paraphrased"
    )
    assert lines[3].startswith(f"  warning: {file}:88:1: clause 'grounding': expected readings by two")
    assert lines[4].startswith(f"  warning: {file}:169:1: obligation 'no-weapons': nobody guarantees it")
    assert lines[5:] == ["valid"]


def test_check_says_which_documents_are_not_at_hand(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", file) == ExitCode.OK
    said = capsys.readouterr().out
    assert "quotations: 0 found in their documents, 4 not looked up (no text at hand), 1 paraphrased" in said
    assert "  not at hand: Note on the joint centre (note, note.txt): 4\n" in said


def test_the_folder_beside_the_file_is_taken_when_none_is_named(
    file: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts.rename(file.parent / "documents")
    assert run("check", file, "--json") == ExitCode.OK
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["quotations"] == {"found": 4, "not_at_hand": 0, "paraphrased": 1}
    assert said["documents_not_at_hand"] == []
    assert said["counts"]["position"] == 6
    assert [warning["code"] for warning in said["warnings"]] == ["unused", "no-guarantor"]


def test_faults_print_one_a_line_with_file_line_column_and_what_was_meant(
    file: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SAMPLE.replace('requires = "joint-strikes"', 'requires = "joint-strike"').replace(
        "takes-part", "take-part"
    )
    file.write_text(text, encoding="utf-8")
    assert run("check", file, "--documents", texts) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    first, second = said.err.splitlines()
    assert first == (
        f"{file}:31:1: party 'un': expected one of the keys id, name, takes-part, got 'take-part'; "
        "did you mean 'takes-part'?"
    )
    assert second == (
        f"{file}:96:13: position 'ru-joint-strikes': requires: expected the name of a measure or party, "
        "got 'joint-strike'; did you mean 'joint-strikes'?"
    )


def test_faults_as_json_keep_place_and_suggestion_apart(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(SAMPLE.replace("takes-part", "take-part"), encoding="utf-8")
    assert run("check", file, "--json") == ExitCode.USAGE
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert said["exit"] == 2
    (fault,) = said["faults"]
    assert (fault["code"], fault["line"], fault["column"]) == ("unknown-key", 31, 1)
    assert fault["suggestion"] == "takes-part"
    assert "did you mean" not in fault["message"]


def test_words_that_a_document_does_not_have_are_an_error(
    file: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (texts / "note.txt").write_text("But the Pentagon rejected the deal.", encoding="utf-8")
    assert run("check", file, "--documents", texts) == ExitCode.USAGE
    assert "nearest passage is 'the Pentagon rejected the deal'" in capsys.readouterr().err


def test_what_is_not_there_or_no_folder_is_told(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", file.parent / "none.toml") == ExitCode.USAGE
    assert run("check", file, "--documents", file) == ExitCode.USAGE
    assert run("check", file.parent) == ExitCode.USAGE
    assert capsys.readouterr().err.count("[no-file]") == 3


def test_a_document_that_is_no_text_is_told(
    file: Path, texts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (texts / "note.txt").write_bytes(b"\xff\xfe")
    assert run("check", file, "--documents", texts) == ExitCode.USAGE
    assert "expected text in UTF-8" in capsys.readouterr().err


def test_no_document_outside_of_the_folder_is_read(tmp_path: Path, texts: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    folder = DocumentFolder(texts)
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "", ".", "..", "note.txt/../../secret.txt"):
        assert name not in folder
    assert dict(folder) == DOCUMENTS


def test_fmt_rewrites_only_what_changes_and_keeps_mode_and_link(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    assert run("fmt", link, "--check") == ExitCode.USAGE
    assert file.read_text(encoding="utf-8") == SAMPLE
    assert run("fmt", link) == ExitCode.OK
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == format_terms(SAMPLE)
    assert file.stat().st_mode & 0o777 == 0o640
    before = file.stat()
    assert run("fmt", file) == run("fmt", file, "--check") == ExitCode.OK
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "as it should be" in capsys.readouterr().out
    assert load_terms(file).positions
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_fmt_to_standard_output_leaves_the_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("fmt", file, "--stdout") == ExitCode.OK
    assert capsys.readouterr().out == format_terms(SAMPLE)
    assert file.read_text(encoding="utf-8") == SAMPLE


def test_fmt_of_what_is_no_toml_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("a = \n", encoding="utf-8")
    assert run("fmt", file) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(f"{file}:1:5: terms file: not TOML")
    assert file.read_text(encoding="utf-8") == "a = \n"


def test_fmt_that_fails_half_way_loses_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (100, hard)
    )  # The disk takes a hundred bytes more, then is full.
    try:
        assert run("fmt", file) == ExitCode.STORE
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_text(encoding="utf-8") == SAMPLE
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_new_writes_a_file_that_checks_and_is_laid_out_and_never_overwrites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.toml"
    assert run("new", path, "--party", "us=United States", "--party", "ru") == ExitCode.OK
    assert run("check", path) == run("fmt", path, "--check") == ExitCode.OK
    text = path.read_text(encoding="utf-8")
    assert 'name = "United States"' in text
    assert run("new", path) == ExitCode.USAGE
    assert path.read_text(encoding="utf-8") == text
    assert "[file-exists]" in capsys.readouterr().err
    assert run("new", tmp_path / "plain.toml") == ExitCode.OK
    assert run("check", tmp_path / "plain.toml") == ExitCode.OK


@pytest.mark.parametrize(
    "party", ("US", "", "u s=x", "u\u0455", 'x"\n[[party]]', "us=R\u0443ssia", "us=\x1b[2J")
)
def test_new_refuses_a_party_that_could_not_be_read_back(
    tmp_path: Path, party: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("new", tmp_path / "new.toml", "--party", party) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "[bad-party]" in said
    assert "\x1b" not in said
    assert list(tmp_path.iterdir()) == []


def test_schema_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("schema") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == make_schema()
