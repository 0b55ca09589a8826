"""Bring the page's foreign code into the tree, from npm packages that are pinned here, and hold it to that.

    python -m tools.vendor_page            # fetch the packages anew, write their files and the manifest
    python -m tools.vendor_page --check    # no network: the tree is what the manifest says, and nothing more

Invariants:
  * A package is pinned by version and by npm's integrity of its archive (SHA-512): other bytes are refused,
    whatever the registry answers.
  * Only the files that are named here come in: no source maps, no development builds, no install scripts. A
    file is the package's own, byte for byte, but for the rewrites that are named here (and in the manifest).
  * The manifest lists each file with its SHA-256 and size, and where in which package it comes from. Fetching
    anew gives the same bytes.

It does not decide what may be vendored: docs/dependencies.md says what each package is for, and its licence.
To change a version: change it here with its integrity (`npm view NAME@VERSION dist.integrity`), run it, and
mend the imports: a folder bears its version in its name, so nothing old is ever served from a cache.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENDOR: Final = ROOT / "src" / "entente" / "web" / "page" / "vendor"
MANIFEST: Final = "manifest.json"
MAX_ARCHIVE_BYTES: Final = 64 * 1024 * 1024


class VendorError(Exception):
    """The registry's bytes, or the tree's, are not the expected ones."""


@dataclass(frozen=True, slots=True)
class Package:
    """An npm package in one version, and which of its files we ship.

    Args:
        files: path in the package -> name in our folder of it.
        rewrites: name in our folder -> (text, in its place); the text must be there exactly once.
    """

    name: str
    version: str
    integrity: str
    licence: str
    files: Mapping[str, str]
    rewrites: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where its files stand, below `vendor/`."""
        return f"{self.name.rpartition('/')[2]}-{self.version}"


TOPOJSON_MODULES: Final = ("feature", "identity", "reverse", "transform")

PACKAGES: Final = (
    Package(
        name="maplibre-gl",
        version="6.17.0",
        integrity="sha512-2chIZwpLGenoUQOcnm9Pk4SLbA8ppNFq8jlpXiq9vcYm3Y1wJ3fc82FL0GLwBaPYJCLzPv/mC46KEupVov75rQ==",
        licence="BSD-3-Clause",
        files={
            "dist/maplibre-gl.mjs": "maplibre-gl.mjs",
            # Found by the other one beside itself (import.meta.url): the two stay in one folder.
            "dist/maplibre-gl-worker.mjs": "maplibre-gl-worker.mjs",
            "dist/maplibre-gl.css": "maplibre-gl.css",
            "LICENSE.txt": "LICENSE.txt",
        },
    ),
    # Not htm's own bundle of preact: the preact in it makes elements, raw HTML included, of an object that
    # came as JSON and is shown where a text is meant. The one here shows nothing of it.
    Package(
        name="preact",
        version="11.2.0",
        integrity="sha512-/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        licence="MIT",
        files={
            "dist/preact.mjs": "preact.mjs",
            "hooks/dist/hooks.mjs": "hooks.mjs",
            "LICENSE": "LICENSE",
        },
        # A browser resolves no bare name without an import map, which would have to stand inline in the page.
        rewrites={"hooks.mjs": ('from"preact"', 'from"./preact.mjs"')},
    ),
    Package(
        name="htm",
        version="3.1.1",
        integrity="sha512-983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        licence="Apache-2.0",
        files={"dist/htm.mjs": "htm.mjs", "LICENSE": "LICENSE"},
    ),
    Package(
        name="topojson-client",
        version="3.1.0",
        integrity="sha512-605uxS6bcYxGXw9qi62XyrV6Q3xwbndjachmNxu8HWTtVPxZfEJN9fd/SZS1Q54Sn2y0TMyMxFj/cJINqGHrKw==",
        licence="ISC",
        files={f"src/{name}.js": f"{name}.js" for name in TOPOJSON_MODULES} | {"LICENSE": "LICENSE"},
    ),
    Package(
        name="@dagrejs/dagre",
        version="3.1.3",
        integrity="sha512-X4aUTwOReZvthaZWOVHqlJ52/ZdhZFEM4+Lh/uR4XooUSLE6p71bcy7MPGzYnNUcNh+nj+i/qJQpCMIdQnSmrg==",
        licence="MIT",
        files={
            "dist/dagre.esm.js": "dagre.esm.js",
            "dist/dagre.esm.js.LEGAL.txt": "dagre.esm.js.LEGAL.txt",
            "LICENSE": "LICENSE",
        },
    ),
)


def verify_archive(archive: bytes, integrity: str, *, subject: str) -> None:
    """Raise unless the archive is the pinned one."""
    if len(archive) > MAX_ARCHIVE_BYTES:
        raise VendorError(f"{subject}: expected at most {MAX_ARCHIVE_BYTES} bytes, got {len(archive)}")
    got = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode("ascii")
    if got != integrity:
        raise VendorError(f"{subject}: expected integrity {integrity}, got {got}")


def read_members(archive: bytes, wanted: Mapping[str, str], *, subject: str) -> dict[str, bytes]:
    """Return the wanted files of an npm archive by our names for them; nothing is unpacked to a disk."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            if path in wanted and member.isfile():
                stream = tar.extractfile(member)
                if stream is not None:
                    found[wanted[path]] = stream.read()
    missing = set(wanted.values()) - set(found)
    if missing:
        raise VendorError(f"{subject}: expected {sorted(wanted)}, got none of {sorted(missing)}")
    return found


def rewrite(data: bytes, change: tuple[str, str], *, subject: str) -> bytes:
    """Return the file with one text in another's place."""
    old, new = (text.encode("utf-8") for text in change)
    if data.count(old) != 1:
        raise VendorError(f"{subject}: expected {change[0]!r} once, got it {data.count(old)} times")
    return data.replace(old, new)


def fetch_archive(name: str, version: str, integrity: str) -> bytes:
    """Return the archive of a package by npm's own client, verified."""
    subject = f"{name}@{version}"
    with tempfile.TemporaryDirectory() as folder:
        # `npm pack` downloads and runs nothing of the package.
        command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, subject]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        archives = sorted(Path(folder).glob("*.tgz"))
        if len(archives) != 1:
            raise VendorError(f"{subject}: expected one archive, got {len(archives)}")
        archive = archives[0].read_bytes()
    verify_archive(archive, integrity, subject=subject)
    return archive


def make_files(package: Package, archive: bytes) -> dict[str, bytes]:
    """Return what we ship of a package, by name in its folder."""
    subject = f"{package.name}@{package.version}"
    files = read_members(archive, package.files, subject=subject)
    for name, change in package.rewrites.items():
        files[name] = rewrite(files[name], change, subject=f"{subject}: {name}")
    return files


def describe_file(data: bytes) -> dict[str, Any]:
    """Return a file's entry in a manifest."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def describe_package(package: Package, files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a package's entry in the manifest."""
    origins = {ours: theirs for theirs, ours in package.files.items()}
    entry: dict[str, Any] = {
        "package": package.name,
        "version": package.version,
        "licence": package.licence,
        "integrity": package.integrity,
        "files": {
            f"{package.folder}/{name}": {"from": origins[name], **describe_file(data)}
            for name, data in sorted(files.items())
        },
    }
    if package.rewrites:
        entry["rewrites"] = {
            f"{package.folder}/{name}": {"replaced": old, "by": new}
            for name, (old, new) in sorted(package.rewrites.items())
        }
    return entry


def encode_manifest(manifest: Mapping[str, Any]) -> str:
    """Return a manifest as it stands in the tree."""
    return json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"


def list_files(manifest: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path and entry of each file that a manifest names."""
    for package in manifest["packages"]:
        yield from package["files"].items()


def find_faults(
    folder: Path, manifest: Mapping[str, Any], *, besides: tuple[str, ...] = (MANIFEST,)
) -> list[str]:
    """Return how a folder differs from its manifest: files missing, changed, or not named."""
    named = dict(list_files(manifest))
    there = {
        str(PurePosixPath(path.relative_to(folder))): path for path in folder.rglob("*") if path.is_file()
    }
    faults = [f"{path}: expected the file, got none" for path in sorted(set(named) - set(there))]
    faults += [
        f"{path}: expected no file that the manifest does not name, got one"
        for path in sorted(set(there) - set(named) - set(besides))
    ]
    for path in sorted(set(named) & set(there)):
        got = describe_file(there[path].read_bytes())
        expected = {key: named[path][key] for key in got}
        if got != expected:
            faults.append(f"{path}: expected {expected}, got {got}")
    return faults


def find_pin_faults(manifest: Mapping[str, Any]) -> list[str]:
    """Return how the manifest differs from the packages that are pinned here."""
    pinned = {
        package.folder: (package.name, package.version, package.integrity, sorted(package.files.values()))
        for package in PACKAGES
    }
    stated = {
        f"{entry['package'].rpartition('/')[2]}-{entry['version']}": (
            entry["package"],
            entry["version"],
            entry["integrity"],
            sorted(PurePosixPath(path).name for path in entry["files"]),
        )
        for entry in manifest["packages"]
    }
    return [
        f"{folder}: expected {pinned.get(folder)}, got {stated.get(folder)}"
        for folder in sorted(set(pinned) | set(stated))
        if pinned.get(folder) != stated.get(folder)
    ]


def refresh() -> None:
    """Fetch every package, then write its files; nothing is written when one of them is not as expected."""
    made = [
        (package, make_files(package, fetch_archive(package.name, package.version, package.integrity)))
        for package in PACKAGES
    ]
    wanted = {VENDOR / package.folder / name: data for package, files in made for name, data in files.items()}
    for path in sorted(VENDOR.rglob("*"), reverse=True):
        if path.is_file() and path not in wanted:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    for path, data in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    manifest = {"packages": [describe_package(package, files) for package, files in made]}
    (VENDOR / MANIFEST).write_text(encode_manifest(manifest), encoding="utf-8")
    print(f"vendor: {len(wanted)} files of {len(made)} packages, {sum(map(len, wanted.values()))} bytes")


def check() -> int:
    """Return how many faults there are; each is printed."""
    manifest = json.loads((VENDOR / MANIFEST).read_text(encoding="utf-8"))
    faults = find_faults(VENDOR, manifest) + find_pin_faults(manifest)
    for fault in faults:
        print(f"vendor: {fault}", file=sys.stderr)
    return len(faults)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            refresh()
        case ["--check"]:
            sys.exit(1 if check() else 0)
        case other:
            sys.exit(f"vendor: expected no argument or --check, got {other}")
