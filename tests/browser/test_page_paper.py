"""What leaves the page: paper that says how it is checked, files that run nothing, proofs that hold."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.browser.conftest import OpenPage, Served, Watch

FORMULAS: Final = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "  =1+1",
    "\u3000=1+1",
    "＝1+1",  # noqa: RUF001 - full width: some fold it
    "plain;=1+1",
    "plain;\u00a0@SUM(1)",
    'quote",=1+1',
)
DANGEROUS: Final = re.compile("^[\\s\u00a0\u3000]*[=+\\-@＝＋－＠\t\r\n]")  # noqa: RUF001 - the same


def save(page: Any, menu: Any, label: str) -> str:
    """Choose from a menu of files; return what was saved."""
    menu.locator("summary").click()
    with page.expect_download() as found:
        menu.get_by_role("button", name=label).click()
    return Path(found.value.path()).read_text(encoding="utf-8")


def read_csv(text: str, delimiter: str = ",") -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=delimiter))


def test_a_paper_is_whole_light_and_says_how_it_is_checked(open_page: OpenPage, served: Served) -> None:
    page = open_page("/record?kind=activity.notify,zone.declare,receipt.deliver", dark=True)
    page.get_by_text("Checked by this page up to").wait_for()
    listed = page.locator(".table tbody tr:not(.pad)")
    listed.first.wait_for()
    assert page.locator(".paper-head").count() == 0
    page.emulate_media(media="print", color_scheme="dark")
    head = page.locator(".paper-head")
    head.wait_for()
    words = head.inner_text()
    proof = served.look("us", "record-proof", index="0")
    size, root = proof["note"].split("\n")[1:3]
    assert base64.b64decode(root).hex() in words
    assert f"{size} entries, checked by the page" in words
    for part in (
        "EXERCISE",
        "United States",
        "Officer 1 (duty-1)",
        "kind: activity.notify",
        "entente verify",
    ):
        assert part in words, part
    assert re.search(r"Printed\s+\d+ Sep 2016 \d\d:\d\d:\d\dZ", words)
    total = served.look("us", "record", kind="activity.notify,zone.declare,receipt.deliver")["total"]
    assert listed.count() == total > 40  # more than the screen had
    looks = page.evaluate(
        "() => [document.body, ...document.querySelectorAll('.table td, .badge')].map((one) =>"
        " { const style = getComputedStyle(one); return [style.color, style.backgroundColor].join(); })"
    )
    assert set(looks) <= {
        f"rgb(0, 0, 0),{ground}" for ground in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)")
    } | {"rgb(51, 51, 51),rgba(0, 0, 0, 0)"}
    for name in (".rail", ".time-slot", ".top", "select", "input", ".menu", "button"):
        assert page.locator(f"{name}:visible").count() == 0, name
    page.emulate_media(media="screen")
    head.wait_for(state="detached")
    assert listed.count() < total
    # A printer tells the page by an event before it takes the picture.
    assert page.pdf()[:5] == b"%PDF-"
    page.wait_for_selector(".rail")


def test_a_paper_says_what_was_not_checked_and_of_which_moment(open_page: OpenPage, watch: Watch) -> None:
    watch.expect("ERR_FAILED")

    def cut(page: Any) -> None:
        page.route("**/api/record-keys**", lambda route: route.abort())

    page = open_page("/conflicts?t=2016-09-17T16:00:00Z&known=then", before=cut)
    page.wait_for_function(
        "() => /by the host|by their authors/.test(document.querySelector('.time-clock')?.textContent)"
    )
    page.emulate_media(media="print")
    words = page.locator(".paper-head").inner_text()
    assert "had not checked the record" in words
    assert not re.search(r"[0-9a-f]{64}", words)
    assert re.search(r"17 Sep 2016 16:00:00Z.*as it was known then: the first \d+ entries", words)


def test_no_file_begins_a_formula(open_page: OpenPage, served: Served) -> None:
    answer = served.look("us", "conflicts", ended="1")
    found = answer["conflicts"]
    rows = [json.loads(json.dumps(found[at % len(found)])) for at in range(len(FORMULAS))]
    for at, row in enumerate(rows):
        row["key"] = f"{row['key']}-{at}"
        row["sides"][0]["title"] = FORMULAS[at]
    body = json.dumps({**answer, "conflicts": rows, "total": len(rows)})

    def change(page: Any) -> None:
        page.route(
            "**/api/conflicts**", lambda route: route.fulfill(body=body, content_type="application/json")
        )

    page = open_page("/conflicts?show=all", before=change)
    menu = page.locator(".conflicts .menu")
    text = save(page, menu, "CSV")
    table = read_csv(text)
    assert len(table) == len(FORMULAS) + 1
    for part in (",", ";"):
        for line in read_csv(text, part):
            for cell in line:
                assert not DANGEROUS.match(cell), (part, cell)
    kept = json.loads(save(page, menu, "JSON"))
    assert {row["sides"][0]["title"] for row in kept["conflicts"]} == set(FORMULAS)


def test_lists_go_out_whole_and_a_proof_stands_elsewhere(
    open_page: OpenPage, served: Served, tmp_path: Path
) -> None:
    page = open_page("/record?lanes=1&order=old")
    page.get_by_text("Checked by this page up to").wait_for()
    total = served.look("us", "record")["total"]
    menu = page.locator(".record .menu")
    table = read_csv(save(page, menu, "CSV of all"))
    assert len(table) == total + 1
    assert table[1][0] == "0"
    kept = json.loads(save(page, menu, "JSON of all"))
    assert [one["index"] for one in kept["entries"]] == list(range(total))
    assert {one["leaf"] for one in kept["entries"]} == {line[-1] for line in table[1:]}
    lanes = read_csv(save(page, page.locator(".time-bar .menu"), "Lanes (CSV)"))
    answer = served.look("us", "lanes", most="20000")
    bars = sum(len(one["bars"]) for one in answer["lanes"])
    assert 0 < sum(line[0] == "activity" for line in lanes) <= bars
    # A proof, in another program's hands.
    page.goto(f"{page.url.partition('?')[0]}?item=20")
    page.get_by_text("proven by this page").wait_for()
    with (
        page.expect_download(lambda file: file.suggested_filename.endswith(".policy")) as policy,
        page.expect_download(lambda file: file.suggested_filename.endswith(".proof")) as proof,
    ):
        page.get_by_role("button", name="Export proof file").click()
    paths = {}
    for name, file in (("policy", policy), ("proof", proof)):
        paths[name] = tmp_path / f"entry-20.{name}"
        paths[name].write_bytes(Path(file.value.path()).read_bytes())
    asked = [sys.executable, "-m", "entente", "verify", str(paths["proof"]), "--policy", str(paths["policy"])]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "SOUND" in told.stdout
    damaged = paths["proof"].read_bytes()
    paths["proof"].write_bytes(damaged.replace(b"\n", b"\nAAAA", 3))
    assert subprocess.run(asked, capture_output=True, check=False).returncode != 0
