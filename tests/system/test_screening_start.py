"""What a process that screens a little loads, and what it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ASK = """
import sys
from entente.cli.main import run
sys.argv = ["entente", "screen", sys.argv[1], "--datum", "ellipsoid"]
try:
    run()
finally:
    print(sorted({"numba", "pandas", "llvmlite.binding"} & set(sys.modules)), file=sys.stderr)
"""


def make_feature(name: str, west: float) -> dict[str, object]:
    ring = [[west, 35.0], [west + 0.1, 35.0], [west + 0.1, 35.1], [west, 35.1], [west, 35.0]]
    return {
        "type": "Feature",
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "floor_m": 0,
            "ceiling_m": 100,
            "start": "2016-09-17T00:00:00Z",
            "end": "2016-09-17T01:00:00Z",
        },
    }


def test_a_few_volumes_are_screened_without_numba_and_pandas(tmp_path: Path) -> None:
    """Each takes longer to load than such a question does."""
    file = tmp_path / "few.geojson"
    features = [make_feature("a", 40.0), make_feature("b", 40.05), make_feature("c", 41.0)]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(file)], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 3, done.stderr
    assert "3 screened, 1 conflict" in done.stdout
    assert "a and b: " in done.stdout
    assert done.stderr.splitlines()[-1] == "[]"
