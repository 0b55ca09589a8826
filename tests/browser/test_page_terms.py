"""Terms on the page: asked, read to the sentence a position rests on, and asked what if, with its mark."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import OpenPage, Served

MARK = "WHAT IF: nobody said this"


def test_an_example_is_loaded_asked_and_read_to_its_sentence(open_page: OpenPage) -> None:
    page = open_page("/terms")
    page.get_by_role("button", name="Load the example of 2017").click()
    page.wait_for_selector(".terms-answer")
    assert "is not possible as the positions stand; 4 obstacles" in page.locator(".terms-answer").inner_text()
    assert page.locator(".terms-supposed").count() == 0
    # By keys alone: a box of the picture is a button.
    box = page.locator(".terms-box[aria-label*='Pentagon forbids: How US forces']")
    box.focus()
    page.keyboard.press("Enter")
    reader = page.locator("article.terms-reader")
    reader.wait_for()
    words = reader.inner_text()
    assert "reveal how the US military uses intelligence" in words
    assert "paragraph 4" in words
    assert "say=position.pentagon-methods" in page.url
    # What if it were given up: marked, in the address, and the real answer beside it.
    reader.get_by_role("button", name="this were given up").click()
    page.wait_for_selector(".terms-verdict-supposed")
    assert "whatif=without.pentagon-methods" in page.url
    assert MARK in page.locator(".terms-supposed").inner_text()
    supposed = page.locator(".terms-verdict-supposed").inner_text()
    assert "as the positions stand" not in supposed
    assert "3 obstacles" in supposed
    assert "4 obstacles" in page.locator(".terms-verdict-real").inner_text()
    # A picture that is saved has the mark in it.
    assert MARK in (page.locator("svg.terms-graph").text_content() or "")
    page.get_by_role("button", name="Back to what was said").click()
    page.wait_for_selector(".terms-supposed", state="detached")
    assert "whatif" not in page.url


def test_a_search_that_takes_long_says_so_is_stopped_and_marked(open_page: OpenPage, served: Served) -> None:
    example = served.look("us", "terms-example")
    served.call("us", "terms-load", {"name": "long", "text": example["text"]})
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page = open_page("/terms?file=long", before=lambda page: page.route("**/api/terms-ask?*", hold))
    page.get_by_text("Searching.").wait_for()
    with page.expect_request("**/api/terms-stop") as stop:
        page.get_by_role("button", name="Stop, and show what was found").click()
    assert stop.value.post_data_json["asker"] in held[0].request.url
    # What the desk had found when it was stopped, as it says so.
    told = served.look("us", "terms-ask", name="long")
    told["answers"]["why-not"]["search"] |= {"is_all": False, "is_complete": False, "stopped_by": "interrupt"}
    held[0].fulfill(json=told)
    page.unroute("**/api/terms-ask?*")
    page.get_by_text("Stopped before its end").wait_for()
    page.get_by_role("button", name="Search up to 20 s").click()
    page.get_by_text("Stopped before its end").wait_for(state="detached")
    assert "seconds=20" in page.url
    served.call("us", "terms-drop", {"name": "long"})


def test_a_file_with_faults_says_where_and_is_asked_nothing(open_page: OpenPage) -> None:
    page = open_page("/terms?form=table", width=390, height=844, dark=True)
    page.get_by_role("button", name="Load a file").click()
    page.get_by_label("Name on this desk").fill("Broken File.toml")
    page.get_by_label("Text of the file").fill('version = 1\ntitle = "<b>x</b>"\nquestion = 3\n')
    page.get_by_role("button", name="Keep as “broken-file”").click()
    page.wait_for_selector(".terms-faults")
    assert "Line 3" in page.locator(".terms-faults").inner_text()
    assert page.locator(".terms-answer").count() == 0


def test_an_agreement_shows_its_clocks_and_what_would_be_signed(open_page: OpenPage, served: Served) -> None:
    page = open_page("/terms?tab=agreements&agreement=ceasefire")
    page.wait_for_selector(".terms-agreement .terms-clock-bar")
    words = page.locator(".terms-agreement").inner_text()
    assert "in force" in words
    assert "signed" in words
    page.get_by_text("The text that is signed").click()
    page.wait_for_selector(".terms-hash")
    said = served.call("us", "agreements")
    assert page.locator(".terms-hash").inner_text() == said[0]["sha256"]
    # Leaving wants a reason, and nothing is done by opening the dialog.
    page.get_by_role("button", name="Give notice to leave").click()
    assert page.get_by_role("dialog").get_by_role("button", name="Give notice to leave").is_disabled()
    page.keyboard.press("Escape")
    assert served.call("us", "agreements")[0]["phase"] == "in-force"
