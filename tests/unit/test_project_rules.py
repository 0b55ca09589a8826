"""Rules about the tree itself that no linter holds: purity, sizes, names, and what each dependency is for."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.check_docs import find_anchors, find_broken_links, get_program

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "entente"
PURE_ROOMS: Final = (
    *("kernel", "space", "record", "terms"),
    *("deconflict", "blind", "release", "dialogue", "joint"),
)
ROOMS: Final = (*PURE_ROOMS, "store", "center", "desk", "screening", "formats", "web", "cli")

# A file of more than MAX_LINES needs a reason here: path below src/entente -> reason.
MAX_LINES: Final = 500
LONG_FILES: Final[dict[str, str]] = {}

IMPURE_CALLS: Final = frozenset({"open", "print", "input", "breakpoint", "exec", "eval", "__import__"})
IMPURE_METHODS: Final = frozenset({"read_text", "write_text", "read_bytes", "write_bytes"})
IMPURE_MODULES: Final = frozenset(
    {
        "asyncio", "concurrent", "ctypes", "fcntl", "getpass", "glob", "http", "httpx", "importlib", "io",
        "locale", "logging", "mmap", "multiprocessing", "os", "platform", "random", "secrets", "select",
        "selectors", "shutil", "signal", "socket", "sqlalchemy", "sqlite3", "ssl", "starlette", "structlog",
        "subprocess", "tempfile", "threading", "time", "urllib", "uuid", "uvicorn",
    }
)  # fmt: skip
FORBIDDEN_NAMES: Final = frozenset(
    {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
)

# What says where the tree was made, or that something was left for later, and not what entente is.
FORBIDDEN_TEXT: Final = (
    re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users)/[\w.]"),
    re.compile(r"file:/{2,3}(?:opt|srv|usr|mnt)/"),
    re.compile(r"\b(?:TO[D]O|FIX[M]E|X{3}|HA[C]K)\b"),
)
TEXT_ENDINGS: Final = frozenset({"", ".css", ".html", ".js", ".md", ".py", ".sh", ".sql", ".toml", ".yaml"})
MADE_FOLDERS: Final = frozenset({"build", "dist", "node_modules", "__pycache__"})


def get_pure_files() -> list[Path]:
    files = [file for room in PURE_ROOMS for file in sorted((PACKAGE / room).rglob("*.py"))]
    assert files, f"no pure room found under {PACKAGE}"
    return files


def get_package_files() -> list[Path]:
    files = sorted(PACKAGE.rglob("*.py"))
    assert files, f"no file found under {PACKAGE}"
    return files


def get_tree_files() -> list[Path]:
    """Every file of ours as text: hidden and made folders and the lock file are not."""
    files = [
        file
        for top in sorted(ROOT.iterdir())
        if (not top.name.startswith(".") or top.name == ".ci") and top.name not in MADE_FOLDERS
        for file in ([top] if top.is_file() else sorted(top.rglob("*")))
        if file.is_file() and file.suffix in TEXT_ENDINGS and not MADE_FOLDERS & set(file.parts)
    ]
    assert len(files) > 20, f"expected a whole tree under {ROOT}, got {len(files)} files"
    return files


def find_impurities(source: str) -> list[str]:
    """Return what a pure file may not hold, as ``line: what``."""
    faults = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_CALLS:
                faults.append(f"{node.lineno}: call of {name}")
            case ast.Attribute(attr=name) if name in IMPURE_METHODS:
                faults.append(f"{node.lineno}: file access by {name}")
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
                faults += [
                    f"{node.lineno}: import of {m}" for m in modules if m.split(".")[0] in IMPURE_MODULES
                ]
            case ast.ImportFrom(module=str(module), level=0):
                if module.split(".")[0] in IMPURE_MODULES:
                    faults.append(f"{node.lineno}: import of {module}")
                elif module == "pathlib" and any(not alias.name.startswith("Pure") for alias in node.names):
                    faults.append(f"{node.lineno}: import of a path that opens files")
            case ast.Global():
                faults.append(f"{node.lineno}: global statement")
    faults += [
        f"{number}: the ban on impure calls is switched off"
        for number, line in enumerate(source.splitlines(), start=1)
        if re.search(r"#\s*(?:noqa|ruff:).*TID251", line)
    ]
    return faults


@pytest.mark.parametrize(
    "source",
    (
        "import os",
        "import os.path as p",
        "from os import environ",
        "from pathlib import Path",
        "import time",
        "data = open('x').read()",
        "def f(p):\n    return p.read_bytes()",
        "def f():\n    import socket",
        "x = __import__('random')",
        "def f():\n    global g\n    g = 1",
        "import datetime  # noqa: TID251",
    ),
)
def test_an_impure_file_is_caught(source: str) -> None:
    assert find_impurities(source)


def test_a_pure_file_passes() -> None:
    source = "from pathlib import PurePosixPath\nfrom entente.kernel.time import parse_utc\nx = {'open': 1}\n"
    assert find_impurities(source) == []


def test_pure_rooms_touch_nothing_outside() -> None:
    faults = {
        str(file.relative_to(ROOT)): found
        for file in get_pure_files()
        if (found := find_impurities(file.read_text(encoding="utf-8")))
    }
    assert faults == {}


def test_no_file_is_long_without_a_reason() -> None:
    long = {
        str(file.relative_to(PACKAGE))
        for file in get_package_files()
        if len(file.read_text(encoding="utf-8").splitlines()) > MAX_LINES
    }
    assert long == set(LONG_FILES), "a long file needs a reason in LONG_FILES, a reason needs a long file"


def test_rooms_are_the_named_ones() -> None:
    rooms = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert rooms
    assert rooms <= set(ROOMS)


def test_no_folder_is_deeper_than_three() -> None:
    # Alembic's own layout, store/migrations/versions, is the one exception.
    deep = [
        str(file)
        for file in get_package_files()
        if len(file.relative_to(PACKAGE.parent).parts) > 4 and "migrations" not in file.parts
    ]
    assert deep == []


def test_no_dumping_ground() -> None:
    names = {part for file in get_package_files() for part in file.relative_to(PACKAGE).with_suffix("").parts}
    assert names & FORBIDDEN_NAMES == set()


def test_every_module_says_what_it_is_for() -> None:
    mute = [
        str(file.relative_to(ROOT))
        for file in get_package_files()
        if len(ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "") < 40
    ]
    assert mute == []


def test_the_tree_speaks_of_entente_only() -> None:
    faults = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in get_tree_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
        if any(pattern.search(line) for pattern in FORBIDDEN_TEXT)
    ]
    assert faults == []


# Dependencies


def get_project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def get_declared() -> tuple[list[Requirement], list[Requirement]]:
    """The requirements of running entente, its extras included, and of working on it."""
    project = get_project()
    run = [*project["project"]["dependencies"]]
    for extra in project["project"].get("optional-dependencies", {}).values():
        run += extra
    dev = [text for group in project["dependency-groups"].values() for text in group]
    assert run
    assert dev
    return [Requirement(text) for text in run], [Requirement(text) for text in dev]


def get_running_distributions() -> dict[str, importlib.metadata.Distribution]:
    """What is installed because entente needs it to run, directly or not."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = get_declared()[0]
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        extras = need.extras or {""}
        if name in found or (need.marker and not any(need.marker.evaluate({"extra": e}) for e in extras)):
            continue
        try:
            found[name] = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        for text in found[name].requires or []:
            further = Requirement(text)
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(Requirement(text.partition(";")[0]))
    assert len(found) > 20
    return found


def get_licence(distribution: importlib.metadata.Distribution) -> str:
    """Return every statement of a licence in the metadata, or beside it; a whole text by its first lines."""
    fields = distribution.metadata.json
    classifiers = [text for text in fields.get("classifier", []) if text.startswith("License ::")]
    stated = [str(fields.get(name, "")).partition("\n")[0] for name in ("license_expression", "license")]
    if not any(stated) and not classifiers:
        files = [path for path in distribution.files or () if path.parent.name == "licenses"]
        stated += [" ".join(path.read_text(encoding="utf-8").split()[:6]) for path in files]
    return "; ".join(text for text in [*stated, *classifiers] if text)


def test_every_dependency_says_what_it_is_for() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    for heading, needs in zip(("To run", "To work on it"), get_declared(), strict=True):
        table = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        rows = {canonicalize_name(name) for name in re.findall(r"(?m)^\| `([^`]+)` \|", table)}
        assert rows == {canonicalize_name(need.name) for need in needs}, heading


def test_what_runs_is_free_of_gpl() -> None:
    # LGPL and MPL ask nothing of those who only link; GPL and AGPL would bind every user of entente.
    found = {name: get_licence(distribution) for name, distribution in get_running_distributions().items()}
    unknown = [name for name, licence in found.items() if not licence]
    binding = [
        name for name, licence in found.items() if re.search(r"\bA?GPL|Affero|\bGeneral Public", licence)
    ]
    assert unknown == []
    assert binding == []


def test_the_lock_file_is_of_this_project_and_of_the_public_index() -> None:
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    lock = tomllib.loads(text)
    itself = next(package for package in lock["package"] if package["name"] == "entente")["metadata"]
    locked_run = {
        canonicalize_name(need["name"]): need.get("specifier", "") for need in itself["requires-dist"]
    }
    locked_dev = {
        canonicalize_name(need["name"]): need.get("specifier", "")
        for group in itself["requires-dev"].values()
        for need in group
    }
    run, dev = get_declared()
    assert locked_run == {canonicalize_name(need.name): str(need.specifier) for need in run}, (
        "run `make lock`"
    )
    assert locked_dev == {canonicalize_name(need.name): str(need.specifier) for need in dev}, (
        "run `make lock`"
    )
    hosts = set(re.findall(r"https?://([^/\"]+)", text))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_architecture_decisions_have_the_agreed_parts() -> None:
    files = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert files
    numbers = [file.name[:4] for file in files]
    assert len(numbers) == len(set(numbers)), f"two decisions of one number: {numbers}"
    for file in files:
        assert re.fullmatch(r"[0-9]{4}-[a-z0-9]+(?:-[a-z0-9]+)*\.md", file.name), file.name
        headings = re.findall(r"(?m)^## (\w+)", file.read_text(encoding="utf-8"))
        assert headings[:4] == ["Context", "Options", "Decision", "Cost"], file.name


# The docs checker and the guard of the quick tests, which nothing else would miss


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "other.md").write_text("# One `two`, three!\n# One two three\n", encoding="utf-8")
    page.write_text(
        "[a](other.md) [b](other.md#one-two-three-1) [c](https://example.org/x) `[d](none.md)`\n"
        "```text\n[e](none.md)\n```\n"
        "[f](none.md)\n[g](other.md#four)\n[h](../up.md)\n\n[i]: none.md\n",
        encoding="utf-8",
    )
    faults = find_broken_links(page, tmp_path)
    assert [fault.split(":")[1] for fault in faults] == ["5", "6", "7", "9"]


def test_anchors_are_spelt_as_readers_follow_them() -> None:
    assert find_anchors("# A b\n## A B\n### `x_y` (z), [w](v.md)\n") == {"a-b", "a-b-1", "x_y-z-w"}


def test_only_marked_snippets_are_run_at_their_own_lines() -> None:
    page = "```python\nno = 1\n```\n<!-- run -->\n```python\nyes = 1\n```\n\n<!-- run -->\n```text\nno\n```\n"
    assert get_program(page).splitlines() == ["", "", "", "", "", "yes = 1", "", "", "", "", "", ""]


def test_a_quick_test_may_not_open_a_socket_start_a_process_or_sleep() -> None:
    with (
        socket.socket() as plug,
        pytest.raises(RuntimeError, match=r"expected no socket\.connect"),
    ):
        plug.connect(("127.0.0.1", 9))
    with pytest.raises(RuntimeError, match=r"expected no subprocess\.Popen"):
        subprocess.run([sys.executable, "-V"], check=True)
    with pytest.raises(RuntimeError, match="expected no sleep, got 0"):
        time.sleep(0)


def test_the_threat_model_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)", page)
    assert len(named) >= 25
    for test, path in named:
        assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}: no {test}"
