"""Check that the docs are true: links resolve, marked snippets run, help texts are the program's own.

    python -m tools.check_docs

Invariants: links to other sites are never followed, so that the check needs no network; a heading's anchor
is spelt as GitHub spells it; the marked snippets of one page are one program, run in order, and a traceback
names the page's own line numbers. Nothing found to check is a fault.

A snippet is run when the line before its fence is the mark:

    <!-- run -->
    ```python
    from entente.kernel.time import parse_utc
    ```
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from tools import write_cli_docs

ROOT: Final = Path(__file__).resolve().parent.parent
SNIPPET_TIMEOUT_S: Final = 60

_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)\s*(\S*)")
_INLINE_CODE: Final = re.compile(r"`[^`]*`")
_INLINE_LINK: Final = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE_LINK: Final = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)")
_HEADING: Final = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
_FOREIGN: Final = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_RUN_MARK: Final = "<!-- run -->"


def find_pages(root: Path) -> list[Path]:
    """Return every page of the docs."""
    return sorted([*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("bench/**/*.md")])


def find_prose(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number (from 1) and the text of each line outside code fences."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2]:
                fence = ""
        elif mark:
            fence = mark[1]
        else:
            yield number, line


def find_anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub spells them."""
    anchors: set[str] = set()
    for _, line in find_prose(text):
        heading = _HEADING.match(line)
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "").lower()
            slug = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            turn = next(n for n in range(len(anchors) + 1) if (f"{slug}-{n}" if n else slug) not in anchors)
            anchors.add(f"{slug}-{turn}" if turn else slug)
        anchors.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return anchors


def find_broken_links(page: Path, root: Path) -> list[str]:
    """Return a sentence for each link of ``page`` that leads nowhere in the tree."""
    faults = []
    for number, line in find_prose(page.read_text(encoding="utf-8")):
        plain = _INLINE_CODE.sub("", line)
        for target in _INLINE_LINK.findall(plain) + _REFERENCE_LINK.findall(plain):
            if _FOREIGN.match(target):
                continue
            where = f"{page.relative_to(root)}:{number}"
            name, _, anchor = unquote(target).partition("#")
            goal = (page.parent / name).resolve() if name else page
            if not goal.is_relative_to(root):
                faults.append(f"{where}: link leaves the project: {target!r}")
            elif not goal.exists():
                faults.append(f"{where}: expected a file or folder, got {target!r}")
            elif (
                anchor
                and goal.suffix == ".md"
                and anchor not in find_anchors(goal.read_text(encoding="utf-8"))
            ):
                faults.append(f"{where}: expected a heading {anchor!r} in {goal.relative_to(root)}")
    return faults


def get_program(text: str) -> str:
    """Return a page's marked snippets, each line at its own number, every other line empty."""
    lines = text.splitlines()
    program = [""] * len(lines)
    fence = ""
    is_marked = is_run = False
    for index, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not mark[2]:
                fence = ""
            elif is_run:
                program[index] = line
        elif mark:
            fence, is_run = mark[1], is_marked and mark[2] == "python"
        is_marked = line.strip() == _RUN_MARK
    return "\n".join(program) + "\n"


def find_failing_snippets(page: Path, root: Path) -> list[str]:
    """Run the marked snippets of ``page`` in an empty folder; return what they complained of."""
    text = page.read_text(encoding="utf-8")
    program = get_program(text)
    marks = sum(line.strip() == _RUN_MARK for _, line in find_prose(text))
    if not program.strip():
        return (
            [f"{page.relative_to(root)}: a mark {_RUN_MARK!r} with no python fence under it"] if marks else []
        )
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-"],
            input=program,
            capture_output=True,
            cwd=folder,
            encoding="utf-8",
            timeout=SNIPPET_TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        return [f"{page.relative_to(root)}: a snippet failed (its lines are the page's)\n{done.stderr}"]
    return []


def main() -> int:
    """Check everything; return the exit code."""
    pages = find_pages(ROOT)
    if not pages:
        raise AssertionError(f"no pages found under {ROOT}")
    faults = [fault for page in pages for fault in find_broken_links(page, ROOT)]
    faults += [fault for page in pages for fault in find_failing_snippets(page, ROOT)]
    for fault in faults:
        print(fault, file=sys.stderr)
    behind = write_cli_docs.main(["--check"])
    print(f"docs: {len(pages)} pages, {len(faults)} faults")
    return 1 if faults or behind else 0


if __name__ == "__main__":
    sys.exit(main())
