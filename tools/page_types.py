"""Check the page's JavaScript against the types in its comments, strictly; nothing is compiled.

    python -m tools.page_types              # install the checker, if it is not there yet, and check
    python -m tools.page_types --install    # install alone: axe-core comes with it, for tests/browser

The checker, and the types of what is vendored, come from npm, pinned with their hashes in
tools/page/package-lock.json; no script of a package is run, and nothing of it ships. What is checked is laid
out anew in tools/page/stage: the page's own folders as links, and in the place of page/vendor the folder
tools/page/types/vendor, which points to the packages' own types.

Where there is no npm, or it cannot fetch, this says so and passes: the page itself needs neither.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOOLS: Final = ROOT / "tools" / "page"
PAGE: Final = ROOT / "src" / "entente" / "web" / "page"
INSTALLED: Final = TOOLS / "node_modules"
STAMP: Final = INSTALLED / ".entente-lock"


def install() -> str | None:
    """Install what the lock file names, unless it is there; return why not, if not."""
    wanted = hashlib.sha256((TOOLS / "package-lock.json").read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text(encoding="ascii") == wanted:
        return None
    npm = shutil.which("npm")
    if npm is None:
        return "there is no npm here"
    done = subprocess.run(
        [npm, "ci", "--no-progress"], cwd=TOOLS, check=False, capture_output=True, text=True
    )
    if done.returncode:
        return f"npm ci ended with {done.returncode}: {done.stderr.strip()[-500:]}"
    STAMP.write_text(wanted, encoding="ascii")
    return None


def lay_out(page: Path, types: Path, stage: Path) -> None:
    """Make the tree that is checked: links to what is the page's own, and types for what is vendored."""
    if stage.exists():
        shutil.rmtree(stage)
    stage.mkdir()
    for entry in sorted(page.iterdir()):
        if entry.name != "vendor":
            (stage / entry.name).symlink_to(os.path.relpath(entry, stage))
    (stage / "vendor").symlink_to(os.path.relpath(types, stage))


def main(arguments: list[str]) -> int:
    """Return the checker's own answer; 0 when it cannot be had."""
    if arguments not in ([], ["--install"]):
        print(f"page-types: expected no argument or --install, got {arguments}", file=sys.stderr)
        return 2
    reason = install()
    if reason is not None:
        print(f"page-types: SKIPPED the types of the page's JavaScript: {reason}", file=sys.stderr)
        return 0
    if arguments:
        return 0
    lay_out(PAGE, TOOLS / "types" / "vendor", TOOLS / "stage")
    command = [str(INSTALLED / ".bin" / "tsc"), "--project", "tsconfig.json", "--pretty", "false"]
    return subprocess.run(command, cwd=TOOLS, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
