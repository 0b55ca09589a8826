"""cyberphone/json-canonicalization @19d51d7: the published pairs of RFC 8785."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entente.kernel.canonical import encode_canonical, encode_jcs, parse_canonical
from entente.kernel.errors import Malformed


def test_published_pairs_canonicalise(shared_vectors: Path) -> None:
    folder = shared_vectors / "record/rfc8785-cyberphone/testdata"
    sources = sorted((folder / "input").glob("*.json"))
    assert len(sources) == 6
    fractional = set()
    for source in sources:
        value = json.loads(source.read_bytes())
        wanted = bytes.fromhex((folder / "outhex" / source.with_suffix(".txt").name).read_text())
        assert wanted == (folder / "output" / source.name).read_bytes()
        assert encode_jcs(value) == wanted
        try:
            assert encode_canonical(parse_canonical(wanted)) == wanted
        except Malformed as refused:
            if refused.code == "fraction":
                fractional.add(source.name)
        if source.read_bytes() != wanted:
            with pytest.raises(Malformed):
                parse_canonical(source.read_bytes())
    assert fractional == {"values.json"}  # numbers like 4.50: no message of ours has them
