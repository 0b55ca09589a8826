"""The page's foreign code is the pinned packages' own: nothing added, changed or missing."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.vendor_page import (
    MANIFEST,
    PACKAGES,
    VENDOR,
    Package,
    VendorError,
    describe_package,
    encode_manifest,
    find_faults,
    find_pin_faults,
    make_files,
    verify_archive,
)

MADE = Package("@a/b", "1.0.0", "sha512-x", "MIT", {"dist/b.js": "b.js"}, {"b.js": ('from"p"', 'from"./p"')})


def pack(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


def read_manifest() -> dict[str, Any]:
    manifest = json.loads((VENDOR / MANIFEST).read_text(encoding="utf-8"))
    assert isinstance(manifest, dict)
    return manifest


def test_the_tree_is_what_the_manifest_says() -> None:
    text = (VENDOR / MANIFEST).read_text(encoding="utf-8")
    manifest = json.loads(text)
    assert sum(len(entry["files"]) for entry in manifest["packages"]) >= 17
    assert find_faults(VENDOR, manifest) == []
    assert find_pin_faults(manifest) == []
    assert encode_manifest(manifest) == text


def test_every_package_comes_with_its_licence() -> None:
    for package in PACKAGES:
        assert any(name.startswith("LICENSE") for name in package.files.values()), package.name


def test_no_source_map_and_no_bare_import_is_vendored() -> None:
    modules = [path for path in VENDOR.rglob("*") if path.suffix in {".js", ".mjs"}]
    assert len(modules) >= 10
    for path in modules:
        names = re.findall(r"""\bfrom\s*["']([^"']+)["']""", path.read_text(encoding="utf-8")[:4000])
        assert [name for name in names if not name.startswith("./")] == [], path.name
    assert not list(VENDOR.rglob("*.map"))
    assert not list(VENDOR.rglob("*-dev.*"))


def test_a_file_added_changed_or_taken_away_is_found(tmp_path: Path) -> None:
    files = make_files(MADE, pack({"dist/b.js": b'import {a} from"p"', "dist/b.js.map": b"{}"}))
    assert files == {"b.js": b'import {a} from"./p"'}
    manifest = {"packages": [describe_package(MADE, files)]}
    entry = tmp_path / "b-1.0.0" / "b.js"
    entry.parent.mkdir()
    entry.write_bytes(files["b.js"])
    assert find_faults(tmp_path, manifest) == []
    entry.write_bytes(files["b.js"].replace(b"a", b"z"))
    assert len(find_faults(tmp_path, manifest)) == 1
    entry.write_bytes(files["b.js"])
    (tmp_path / "more.js").write_bytes(b"")
    assert find_faults(tmp_path, manifest) == [
        "more.js: expected no file that the manifest does not name, got one"
    ]
    (tmp_path / "more.js").unlink()
    entry.unlink()
    assert find_faults(tmp_path, manifest) == ["b-1.0.0/b.js: expected the file, got none"]


def test_an_archive_that_is_not_the_pinned_one_is_refused() -> None:
    archive = pack({"dist/b.js": b"x"})
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")
    verify_archive(archive, integrity, subject="b@1")
    with pytest.raises(VendorError, match="b@1: expected integrity sha512-"):
        verify_archive(archive + b"\0", integrity, subject="b@1")


@pytest.mark.parametrize("body", (b"none", b'from"p" from"p"'))
def test_a_rewrite_that_does_not_fit_is_refused(body: bytes) -> None:
    with pytest.raises(VendorError, match=r"""expected 'from"p"' once, got it [02] times"""):
        make_files(MADE, pack({"dist/b.js": body}))


def test_a_package_without_a_wanted_file_is_refused() -> None:
    with pytest.raises(VendorError, match="none of"):
        make_files(MADE, pack({"dist/c.js": b""}))
