"""The record on the page: its own checks held against Python's, lies, and what an officer sees of both.

Invariants: the page and the desk agree on every case, published vectors included; a lie is never shown as
checked, stands over every view until somebody looked at it, and is kept with its evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from entente.record.policy import parse_policy
from entente.record.proof import parse_proof, verify_proof
from tests.browser.record_cases import make_cases, make_ed25519_cases
from tests.browser.record_lies import make_lies

HERE = Path(__file__).parent
OpenPage = Callable[..., Any]


def read_script(name: str) -> str:
    """Return a function of ours for the browser, without its comments."""
    lines = (HERE / name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("//")).rstrip(";\n")


def find_base(page: Any) -> str:
    """Return where the page's modules lie."""
    address: str = page.evaluate("() => document.querySelector('script[type=module]').src")
    return address.rpartition("/")[0]


@pytest.fixture(scope="module")
def lies(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return make_lies(tmp_path_factory.mktemp("lies"))


def test_the_page_judges_as_the_desk_does(open_page: OpenPage) -> None:
    page, cases = open_page("/help"), make_cases()
    assert sum(case["good"] for case in cases) > 100
    assert sum(not case["good"] for case in cases) > 1000
    assert page.evaluate(read_script("record_judge.js"), [find_base(page), cases]) == []


def test_no_signature_passes_that_libsodium_refuses(open_page: OpenPage, shared_vectors: Path) -> None:
    cases = list(make_ed25519_cases(shared_vectors / "record/cctv/ed25519/ed25519vectors.json"))
    assert len(cases) == 914
    page = open_page("/help")
    assert page.evaluate(read_script("record_judge.js"), [find_base(page), cases]) == []


def test_a_lie_is_found_and_kept(open_page: OpenPage, lies: list[dict[str, Any]]) -> None:
    page = open_page("/help")
    found = page.evaluate(read_script("record_run.js"), [find_base(page), lies])
    for lie, what in zip(lies, found, strict=True):
        assert what["became"] == lie["expect"], what
        assert what["standing"] == lie.get("standing", what["standing"]), what
        assert what["cautions"] == lie.get("cautions", what["cautions"]), what
        if lie["expect"] != "checked":
            assert what["isKept"], what
            assert what["hasEvidence"], what


def test_an_entry_is_found_proven_and_taken_away(open_page: OpenPage) -> None:
    page = open_page("/record?kind=zone.declare")
    page.get_by_text("Checked by this page up to").wait_for()
    page.wait_for_selector(".table tbody tr[aria-rowindex]")
    kinds = page.eval_on_selector_all(
        ".table tbody tr[aria-rowindex] td:nth-child(2)", "(all) => all.map((one) => one.textContent.trim())"
    )
    assert set(kinds) == {"zone.declare"}
    page.keyboard.press("j")
    page.wait_for_function("() => new URLSearchParams(location.search).get('item') !== null")
    page.get_by_text("proven by this page").wait_for()
    with (
        page.expect_download(lambda file: file.suggested_filename.endswith(".policy")) as policy_file,
        page.expect_download(lambda file: file.suggested_filename.endswith(".proof")) as proof_file,
    ):
        page.get_by_role("button", name="Export proof file").click()
    proof = Path(proof_file.value.path()).read_bytes()
    policy = parse_policy(Path(policy_file.value.path()).read_bytes())
    assert verify_proof(proof, parse_proof(proof).extra, policy).index == parse_proof(proof).index
    twin = page.get_by_role("link", name="JSON").last.get_attribute("href")
    answer = page.evaluate("async (path) => (await fetch(path)).json()", twin)
    assert answer["index"] == parse_proof(proof).index


def test_search_and_totals_are_of_the_whole_record(open_page: OpenPage, served: Any) -> None:
    page = open_page("/record")
    page.wait_for_selector(".table tbody tr[aria-rowindex]")
    page.keyboard.press("/")
    page.keyboard.type("castello")
    page.keyboard.press("Enter")
    page.wait_for_function("() => new URLSearchParams(location.search).get('q') === 'castello'")
    page.wait_for_function(
        "() => !/^(\\d+) entries of \\1 /.test(document.querySelector('.record')?.innerText ?? '')"
    )
    total = served.call("us", "record?q=castello")["total"]
    assert 0 < total < served.call("us", "record")["size"]
    page.get_by_text(f"{total} entries of").wait_for()


def test_a_failed_check_stands_over_every_view(open_page: OpenPage, served: Any) -> None:
    def lie(page: Any) -> None:
        def answer(route: Any) -> None:
            plain = served.call("us", f"record-keys?{urlsplit(route.request.url).query}")
            head, _, rest = plain["note"].partition("\n")
            size, _, more = rest.partition("\n")
            plain["note"] = f"{head}\n{int(size) + 1}\n{more}"
            route.fulfill(body=json.dumps(plain), content_type="application/json")

        page.route("**/api/record-keys**", answer)

    page = open_page("/conflicts", before=lie)
    banner = page.locator(".banner-bad[role=alert]")
    banner.wait_for()
    assert banner.get_by_role("button").count() == 0  # it cannot be closed
    page.reload()
    banner.wait_for()
    banner.get_by_role("link").click()
    page.get_by_role("heading", name="A check of the record failed").wait_for()
    assert "bad-signature" in page.locator(".record-failure").inner_text()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save evidence").click()
    evidence = json.loads(Path(saved.value.path()).read_text())
    assert evidence["code"] == "bad-signature"
    assert evidence["evidence"]["answer"]
    assert page.get_by_text("proven by this page").count() == 0
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("heading", name="A check of the record failed").wait_for()  # the lie is still told
    page.unroute("**/api/record-keys**")
    page.get_by_role("button", name="Check again").click()
    page.get_by_text("Checked by this page up to").first.wait_for()
    assert banner.count() == 0
