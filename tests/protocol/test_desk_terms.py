"""Terms files at a desk: kept, read with their faults, asked as they stand and with changes; and attacks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entente.desk.service import VERBS, call
from entente.desk.terms_room.room import MAX_WAITING, RoomWatch
from entente.desk.terms_room.shelf import MAX_FILE_BYTES, MAX_FILES
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.terms.search.watch import Progress
from tests.protocol.desk_stage import Stage, make_stage, open_scratch

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "edm-2017" / "terms.toml"
ADDED = "offer.blind-check,offer.deconfliction-only"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_scratch(tmp_path_factory.mktemp("terms")) as folder:
        made = make_stage(folder)
        made.found()
        yield made


@pytest.fixture
def loaded(stage: Stage) -> Stage:
    say(stage, "terms-load", name="edm-2017", text=EXAMPLE.read_text())
    return stage


def say(stage: Stage, verb: str, **request: Any) -> Any:
    if not VERBS[verb].is_reading:
        request = {"officer": "duty-1"} | request
    return call(stage.desk, verb, json.dumps(request).encode())


def ask(stage: Stage, **request: Any) -> Any:
    return say(stage, "terms-ask", name="edm-2017", **request)


def test_a_file_is_kept_listed_read_and_dropped(loaded: Stage) -> None:
    (listed,) = say(loaded, "terms-files")["files"]
    assert (listed["officer"], listed["is_sound"], listed["faults"]) == ("duty-1", True, 0)
    told = say(loaded, "terms-file", name="edm-2017")
    assert told["text"] == EXAMPLE.read_text()
    assert [each["code"] for each in told["oddities"]].count("no-guarantor") == 3
    methods = next(each for each in told["terms"]["positions"] if each["id"] == "pentagon-methods")
    assert methods["about"] == [{"name": "methods-revealed", "grade": 1, "is_not": False}]
    lines = told["text"].splitlines()
    for source in methods["sources"]:
        assert source["words"] in lines[source["line"] - 1]
    say(loaded, "terms-drop", name="edm-2017")
    assert say(loaded, "terms-files")["files"] == []
    with pytest.raises(NotFound, match="no-terms"):
        ask(loaded)


def test_nothing_of_a_file_goes_into_the_outbox(loaded: Stage) -> None:
    before = say(loaded, "outbox")
    sent = len(loaded.center.entries) if hasattr(loaded.center, "entries") else None
    ask(loaded, programme="side-by-side", whatif=ADDED)
    loaded.desk.run_once()
    assert say(loaded, "outbox") == before
    assert (len(loaded.center.entries) if hasattr(loaded.center, "entries") else None) == sent


def test_a_file_on_disk_is_for_its_party_alone(loaded: Stage) -> None:
    path = loaded.desk.vault.folder / "terms" / "edm-2017.toml"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_who_changed_a_file_by_other_means_is_not_known(loaded: Stage) -> None:
    path = loaded.desk.vault.folder / "terms" / "edm-2017.toml"
    path.write_text(EXAMPLE.read_text() + "# by hand\n")
    (listed,) = say(loaded, "terms-files")["files"]
    assert (listed["officer"], listed["at"]) == ("", "")


def test_every_fault_is_told_with_its_place_and_a_faulty_file_is_not_asked(stage: Stage) -> None:
    text = EXAMPLE.read_text().replace('by = "kremlin"', 'by = "kremlim"')
    told = say(stage, "terms-load", name="bad", text=text)
    assert (told["is_sound"], told["faults"]) == (False, 4)
    file = say(stage, "terms-file", name="bad")
    assert file["terms"] is None
    for fault in file["fault_list"]:
        assert "kremlim" in file["text"].splitlines()[fault["line"] - 1]
        assert fault["suggestion"] == "kremlin"
    with pytest.raises(Malformed, match="kremlim"):
        say(stage, "terms-ask", name="bad")
    say(stage, "terms-drop", name="bad")


def test_the_example_is_offered_and_answers_as_the_command_line_does(loaded: Stage) -> None:
    assert say(loaded, "terms-example") == {"name": "edm-2017", "text": EXAMPLE.read_text()}
    told = ask(loaded, programme="joint-operation")
    assert told["verdict"] == "no"
    assert told["sentence"].startswith("No: the programme “A joint operation against the Islamic State”")
    found = told["answers"]["why-not"]["obstacles"]
    assert [each["members"] for each in found] == [
        ["pentagon-elsewhere"],
        ["pentagon-methods"],
        ["pentagon-rejects-deal"],
        ["us-deters-in-europe"],
    ]
    assert told["answers"]["why-not"]["search"]["is_all"]
    assert told["answers"]["price"]["packages"][0]["cost"] == 36
    assert told["graph"]["obstacles"][0]["number"] == 1
    assert told["real"] is None


def test_each_question_is_answered(loaded: Stage) -> None:
    for question in ("possible", "price", "additions", "now", "permits", "inactive"):
        assert ask(loaded, question=question)["sentence"]
    for question in ("readings", "unguaranteed", "shared"):
        assert list(ask(loaded, question=question)["answers"]) == [question]


def test_what_if_changes_the_answer_and_says_what_it_was(loaded: Stage) -> None:
    told = ask(loaded, programme="side-by-side", whatif=ADDED)
    assert told["verdict"] == "yes"
    assert told["real"]["verdict"] == "no"
    assert (told["real"]["cost_now"], told["real"]["cost"] > 0) == (0, True)
    assert told["real"]["gone"]
    assert told["real"]["new"] == []
    assert told["real"]["are_all"]
    # The other order is the same question; without changes the file answers as before.
    other = ask(loaded, programme="side-by-side", whatif="offer.deconfliction-only,offer.blind-check")
    assert other == told
    assert ask(loaded, programme="side-by-side")["verdict"] == "no"


def test_a_supposed_answer_never_says_that_positions_stand_so(loaded: Stage) -> None:
    for whatif in (ADDED, "without.pentagon-methods"):
        sentence = ask(loaded, programme="side-by-side", whatif=whatif)["sentence"]
        assert "nobody said it" in sentence
        assert "as the positions stand" not in sentence


def test_what_if_somebody_gives_way_joins_or_states(loaded: Stage) -> None:
    given_up = ask(loaded, programme="joint-operation", whatif="without.pentagon-methods")
    assert ["pentagon-methods"] in given_up["real"]["gone"]
    assert ask(loaded, programme="joint-operation", whatif="admit.new-partner")["verdict"] == "no"
    stated = ask(loaded, programme="document-of-2016", whatif="says.us.nusra")
    assert ["us/nusra"] in stated["real"]["gone"]
    for bad in (
        "without.nobody",
        "offer.nothing",
        "admit.nobody",
        "says.us.nobody",
        "soften.pentagon-methods.x",
    ):
        with pytest.raises(NotFound):
            ask(loaded, whatif=bad)
    for bad in ("without", "without.a.b", "take.a", "offer.", ","):
        with pytest.raises(Malformed):
            ask(loaded, whatif=bad)


def test_no_name_leads_out_of_the_folder(loaded: Stage) -> None:
    for name in ("../desk", "a/b", "..", ".toml", "A", "desk.toml", "x" * 41):
        for verb in ("terms-load", "terms-drop", "terms-file", "terms-ask"):
            request = {"name": name} | ({"text": "x"} if verb == "terms-load" else {})
            with pytest.raises(Malformed):
                say(loaded, verb, **request)


def test_only_an_officer_of_the_roster_puts_or_drops(loaded: Stage) -> None:
    for verb, request in (("terms-load", {"text": "x"}), ("terms-drop", {})):
        with pytest.raises(Malformed, match="expected one of"):
            say(loaded, verb, name="edm-2017", officer="nobody", **request)
    assert say(loaded, "terms-file", name="edm-2017")["terms"] is not None


def test_sizes_are_bounded(loaded: Stage) -> None:
    with pytest.raises(Malformed, match="expected <= "):
        say(loaded, "terms-load", name="large", text="#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(Malformed, match="expected <= "):
        say(loaded, "terms-load", name="large", text="#" * (1 << 20))
    for number in range(MAX_FILES - 1):
        say(loaded, "terms-load", name=f"file-{number}", text="x")
    with pytest.raises(Denied, match="drop one first"):
        say(loaded, "terms-load", name="one-more", text="x")
    say(loaded, "terms-load", name="file-0", text="y")
    for number in range(MAX_FILES - 1):
        say(loaded, "terms-drop", name=f"file-{number}")


def test_too_many_questions_at_once_are_refused(loaded: Stage) -> None:
    room = loaded.desk.terms
    held = [room._waiting.acquire(blocking=False) for _ in range(MAX_WAITING)]
    try:
        with pytest.raises(Denied, match="at once"):
            ask(loaded)
    finally:
        for _ in held:
            room._waiting.release()
    assert ask(loaded)["sentence"]


def test_a_search_ends_when_it_is_stopped_or_its_asker_asks_again(loaded: Stage) -> None:
    room = loaded.desk.terms
    with room._take_turn("tab-1", 60.0) as watch:
        assert watch.look(Progress("obstacles", found=2)) == ""
        told = say(loaded, "terms-progress", asker="tab-1")
        assert (told["is_asking"], told["found"]) == (True, 2)
        assert say(loaded, "terms-stop", asker="tab-2") == {"stopped": False}
        assert say(loaded, "terms-stop", asker="tab-1") == {"stopped": True}
        assert watch.look(Progress("obstacles")) == "interrupt"
    assert say(loaded, "terms-progress", asker="tab-1") == {"is_asking": False}
    with room._take_turn("tab-1", 60.0) as first:
        again = threading.Thread(target=lambda: ask(loaded, asker="tab-1", question="now", most=7))
        again.start()
        while not first.is_stopped:
            pass
    again.join()


def test_a_stopped_answer_says_so_and_is_not_remembered(
    loaded: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_at_once(self: RoomWatch, progress: Progress) -> str:
        self.stop()
        return "interrupt"

    with monkeypatch.context() as patch:
        patch.setattr(RoomWatch, "look", stop_at_once)
        told = ask(loaded, programme="joint-operation", most=9)
    assert not told["answers"]["why-not"]["search"]["is_complete"]
    assert told["answers"]["why-not"]["search"]["stopped_by"] == "interrupt"
    assert ask(loaded, programme="joint-operation", most=9)["answers"]["why-not"]["search"]["is_all"]


def test_an_answer_of_another_file_is_never_given(loaded: Stage) -> None:
    assert ask(loaded, programme="joint-operation")["verdict"] == "no"
    text = EXAMPLE.read_text()
    for name in ("pentagon-methods", "pentagon-elsewhere", "pentagon-rejects-deal", "us-deters-in-europe"):
        start = text.index(f'[[position]]\nid = "{name}"')
        text = text[:start] + text[text.index("\n\n", start) :]
    say(loaded, "terms-load", name="edm-2017", text=text)
    assert ask(loaded, programme="joint-operation")["verdict"] == "yes"


def test_text_of_strangers_comes_without_what_acts(stage: Stage) -> None:
    text = (
        EXAMPLE.read_text()
        .replace('name = "Pentagon"', 'name = "Pent<img src=x onerror=alert(1)>agon"')
        .replace(
            'says = "How the US military uses intelligence must not be revealed"',
            'says = "\\u202Eevil\\u0007"',
        )
    )
    say(stage, "terms-load", name="hostile", text=text)
    file = say(stage, "terms-file", name="hostile")
    if file["terms"] is None:  # the format may refuse it outright: also good
        assert file["fault_list"]
        return
    assert "\u202e" not in json.dumps(file["terms"], ensure_ascii=False)
    say(stage, "terms-drop", name="hostile")
