"""The tools that check the page are of the versions that ship, and their tree is the page's own."""

from __future__ import annotations

import json
from pathlib import Path

from tools.page_types import TOOLS, lay_out
from tools.vendor_page import PACKAGES, VENDOR


def test_types_are_of_the_versions_that_ship() -> None:
    needs = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    typed = [package for package in PACKAGES if package.name in needs]
    assert len(typed) >= 4
    assert {p.name: needs[p.name] for p in typed} == {p.name: p.version for p in typed}
    assert all(version[0].isdigit() for version in needs.values()), "exact versions only"


def test_the_lock_file_names_no_host_and_runs_nothing() -> None:
    lock = json.loads((TOOLS / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert len(packages) > 10
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert all("resolved" not in entry for entry in packages.values())
    settings = (TOOLS / ".npmrc").read_text(encoding="utf-8").splitlines()
    assert "ignore-scripts=true" in settings
    assert not [line for line in settings if "://" in line]


def test_every_folder_of_types_stands_for_a_vendored_one() -> None:
    folders = {path.name for path in (TOOLS / "types" / "vendor").iterdir()}
    assert folders == {path.name for path in VENDOR.iterdir() if path.is_dir()}


def test_the_tree_that_is_checked_is_the_page_but_for_its_vendor(tmp_path: Path) -> None:
    page, types, stage = (tmp_path / name for name in ("page", "types", "stage"))
    for folder in (page / "core", page / "vendor", types / "a-1"):
        folder.mkdir(parents=True)
    (page / "app.js").write_text("own", encoding="utf-8")
    (page / "vendor" / "a.mjs").write_text("foreign", encoding="utf-8")
    for _ in range(2):
        lay_out(page, types, stage)
        assert {path.name for path in stage.iterdir()} == {"app.js", "core", "vendor"}
        assert (stage / "app.js").read_text(encoding="utf-8") == "own"
        assert {path.name for path in (stage / "vendor").iterdir()} == {"a-1"}
    assert (page / "app.js").is_file()
