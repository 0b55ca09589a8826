"""The page's static files: read at start, one hash over all of them, compressed once, served as they are.

Invariants:
  * Only what was found under the page's folder at the start is served: a name from outside is looked up in
    that list and never joined to a path.
  * The hash over all files is in each file's address, so that a browser may keep it for ever, and never mixes
    two versions.
  * Each file's type is known by its ending; a file of an unknown ending stops the start.

With ``is_live`` (a developer's ``ENTENTE_PAGE_LIVE=1``) the folder is read anew at each request, nothing is
kept by the browser, and the same list of names holds.

It makes no network call and runs no script: what a file needs is found by its static imports.

    >>> files = PageFiles(PAGE)
    >>> files.get("app.js").type
    'text/javascript; charset=utf-8'
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from entente.kernel.errors import NotFound, StoreError

PAGE: Final = Path(__file__).resolve().parent / "page"
INDEX: Final = "index.html"
SIGN_IN: Final = "signin.html"
LIVE: Final = "live"
"""What stands for the hash while files are read anew at each request."""
_NAMED: Final = re.compile(r'''\b(href|src)="(?![a-z]+:|/|#)([^"]+)"''')
"""How our own HTML names a file: from the page's folder on; the hash is put in when it is served."""
_SCRIPT: Final = re.compile(r'''<script\b[^>]*\bsrc="(?![a-z]+:|/)([^"]+)"''')
_HASH_DIGITS: Final = 20
_LEAST_BYTES: Final = 600
"""Below that, compressing saves no packet."""
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".topojson": "application/json",
    ".map": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".tsv": "text/tab-separated-values; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".d.ts": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".pbf": "application/x-protobuf",
    ".bin": "application/octet-stream",
    "": "text/plain; charset=utf-8",
}
_PACKED: Final = frozenset({".png", ".webp", ".woff2"})
_IMPORT: Final = re.compile(
    r"""(?m)^\s*(?:import\s*(?:[\w*\s{},$]+?\s*from\s*)?|export\s*[\w*\s{},$]+?\s*from\s*)"""
    r"""["'](\.{1,2}/[^"']+)["']"""
)
_JS: Final = frozenset({".js", ".mjs"})


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file as it is served."""

    name: str
    data: bytes
    type: str
    etag: str

    @property
    def is_worth_packing(self) -> bool:
        """Whether compressing is likely to help."""
        return len(self.data) >= _LEAST_BYTES and Path(self.name).suffix not in _PACKED


class PageFiles:
    """The files of one page. Safe from several threads."""

    def __init__(self, folder: Path = PAGE, *, is_live: bool = False) -> None:
        """Read every file under ``folder``.

        Raises:
            StoreError: There is none, or one whose type is not known.
        """
        self._folder = folder
        self._is_live = is_live
        self._lock = threading.Lock()
        self._packed: dict[str, bytes] = {}
        self._files = self._read_all()
        every = hashlib.sha256()
        for name, file in sorted(self._files.items()):
            every.update(f"{name}\n{file.etag}\n".encode())
        self._hash = every.hexdigest()[:_HASH_DIGITS]

    @property
    def is_live(self) -> bool:
        """Whether files are read anew at each request."""
        return self._is_live

    @property
    def hash(self) -> str:
        """What stands in the files' addresses."""
        return LIVE if self._is_live else self._hash

    @property
    def names(self) -> list[str]:
        """Every file's name, sorted."""
        return sorted(self._files)

    def _read_all(self) -> dict[str, PageFile]:
        try:
            found = {
                path.relative_to(self._folder).as_posix(): path
                for path in sorted(self._folder.rglob("*"))
                if path.is_file() and not path.name.startswith(".")
            }
            files = {name: _make_file(name, path.read_bytes()) for name, path in found.items()}
        except OSError as error:
            raise StoreError("page", f"page: {(error.strerror or str(error)).lower()}") from error
        if INDEX not in files:
            raise StoreError(
                "page", f"page: expected {INDEX!r} among its files, found {len(files)} without it"
            )
        return files

    def get(self, name: str) -> PageFile:
        """Return a file, or raise `NotFound`."""
        if self._is_live:
            with self._lock:
                self._files = self._read_all()
                self._packed.clear()
        # SECURITY: a look-up among the names that were found, so that no name leads out of the folder
        # (tests/protocol/test_web_attacks.py, test_no_path_leads_out_of_the_page).
        file = self._files.get(name)
        if file is None:
            raise NotFound("no-file", f"page: expected one of its files, got {name[:80]!r}")
        return file

    def pack(self, file: PageFile) -> bytes:
        """Return a file's bytes compressed (RFC 1952), made once."""
        with self._lock:
            found = self._packed.get(file.etag)
        if found is None:
            # The same bytes each time: no name and no time go into the header.
            found = gzip.compress(file.data, compresslevel=1 if self._is_live else 9, mtime=0)
            with self._lock:
                self._packed[file.etag] = found
        return found

    def warm(self) -> None:
        """Compress every file ahead, the smallest first; a request meanwhile makes its own."""
        for file in sorted(self._files.values(), key=lambda one: len(one.data)):
            if file.is_worth_packing:
                self.pack(file)

    # HTML

    def make_html(self, name: str, *, entries: tuple[str, ...] = ()) -> bytes:
        """Return one of our HTML files with the hash in its addresses.

        Args:
            entries: Scripts whose imports the browser should fetch at once, beside those that the HTML names.
        """
        text = self.get(name).data.decode("utf-8")
        wanted = list(
            dict.fromkeys([*_SCRIPT.findall(text), *(one for one in entries if one in self._files)])
        )
        links = "".join(f'<link rel="modulepreload" href="{one}">\n' for one in self.list_imports(wanted))
        text = text.replace("</head>", f"{links}</head>", 1)
        return _NAMED.sub(rf'\1="/page/{self.hash}/\2"', text).encode()

    def list_imports(self, names: list[str]) -> list[str]:
        """Return scripts and all that they import, directly or not, nearest first; no dynamic imports."""
        found = dict.fromkeys(name for name in names if Path(name).suffix in _JS and name in self._files)
        waiting = list(found)
        while waiting:
            name = waiting.pop(0)
            for other in find_imports(name, self._files[name].data.decode("utf-8", "replace")):
                if other in self._files and other not in found:
                    found[other] = None
                    waiting.append(other)
        return list(found)


def find_imports(name: str, source: str) -> Iterator[str]:
    """Yield the files that a script's static imports name, as paths within the page."""
    for told in _IMPORT.findall(source):
        yield posixpath.normpath(posixpath.join(posixpath.dirname(name), told))


def _make_file(name: str, data: bytes) -> PageFile:
    ending = ".d.ts" if name.endswith(".d.ts") else Path(name).suffix
    if ending not in _TYPES:
        raise StoreError("page", f"page: expected a known ending, got {name!r}")
    return PageFile(name, data, _TYPES[ending], hashlib.sha256(data).hexdigest()[:32])
