"""Write the help text of every command into docs/cli.md, or say where the page is behind the program.

    python -m tools.write_cli_docs           # rewrite the part between the two marks
    python -m tools.write_cli_docs --check   # exit 1 if that would change the page

Invariants: only what stands between the marks is touched; the text is the program's own, at a fixed width
and without colour, so that two machines write the same page; a command with several names stands once.

It does not write the prose: what a command is for, its exit codes and examples are the page's author's.
"""

from __future__ import annotations

import argparse
import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cyclopts import App
from rich.console import Console

from entente.cli.main import COMMANDS, top_help

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "cli.md"
WIDTH: Final = 100
FIRST_MARK: Final = "<!-- help texts: written by tools/write_cli_docs.py -->"
LAST_MARK: Final = "<!-- end of help texts -->"


def find_commands(app: App, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words below ``path`` that lead to each command, itself first, aliases once."""
    yield path
    seen: set[int] = set()
    for name, command in app.resolved_commands().items():
        if name.startswith("-") or not command.show or id(command) in seen:
            continue
        seen.add(id(command))
        yield from find_commands(command, (*path, name))


def encode_help(app: App, path: tuple[str, ...]) -> str:
    """Return what ``<path> --help`` prints on a plain terminal of fixed width."""
    screen = io.StringIO()
    app.help_print(
        list(path), console=Console(file=screen, width=WIDTH, color_system=None, force_terminal=False)
    )
    return "\n".join(line.rstrip() for line in screen.getvalue().strip().splitlines())


def encode_page(page: str) -> str:
    """Return ``page`` with the part between the marks as the program would have it now."""
    before, first, rest = page.partition(FIRST_MARK)
    _, last, after = rest.partition(LAST_MARK)
    if not first or not last:
        raise ValueError(f"docs/cli.md: expected the lines {FIRST_MARK!r} and {LAST_MARK!r} in this order")
    parts = [f"### entente\n\n```text\n{top_help().strip()}\n```"]
    for name, (_, module, _) in COMMANDS.items():
        app = importlib.import_module(f"entente.cli.{module}").APPS[name]
        for path in find_commands(app, ()):
            title = " ".join(("entente", name, *path))
            parts.append(f"### {title}\n\n```text\n{encode_help(app, path)}\n```")
    return before + first + "\n\n" + "\n\n".join(parts) + "\n\n" + last + after


def main(arguments: list[str] | None = None) -> int:
    """Rewrite or check the page; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the help texts into docs/cli.md")
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 if the page is behind")
    options = parser.parse_args(arguments)
    if not PAGE.exists():
        print("cli docs: SKIPPED, there is no docs/cli.md")
        return 0
    old = PAGE.read_text(encoding="utf-8")
    new = encode_page(old)
    if old == new:
        return 0
    if options.check:
        print("docs/cli.md: behind the program, run python -m tools.write_cli_docs", file=sys.stderr)
        return 1
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
