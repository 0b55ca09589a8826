"""How long from an event at the center to the event at a partner's page: real processes, loopback.

A served world (a center and two desks, as `entente demo --stay` makes it) is listened to at two places: the
center's event stream and the partner's. The other desk says something, again and again.

    $ python -m bench.page_live FOLDER --rounds 40

Prints one JSON line: milliseconds, median and 95th percentile, from the center's own event to the partner's,
and from the officer's request to it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import threading
import time
import tomllib
from pathlib import Path
from typing import Any


class Listener(threading.Thread):
    """Remembers when each size was told by one event stream."""

    def __init__(self, address: str, path: str, headers: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.seen: dict[int, float] = {}
        self.came = threading.Condition()
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._connection.request("GET", path, headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200, self._answer.status

    def run(self) -> None:
        """Read lines for ever."""
        for raw in self._answer:
            if not raw.startswith(b"data:"):
                continue
            now = time.perf_counter()
            told: dict[str, Any] = json.loads(raw[5:]) or {}
            size = told.get("to", told.get("size", told.get("index", -2) + 1 if "index" in told else None))
            if isinstance(size, int):
                with self.came:
                    self.seen.setdefault(size, now)
                    self.came.notify_all()

    def find(self, size: int, timeout_s: float = 10.0) -> float:
        """Return when the first event came that covers a size."""
        with self.came:
            assert self.came.wait_for(lambda: any(one >= size for one in self.seen), timeout_s), size
            return min(at for one, at in self.seen.items() if one >= size)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    center = tomllib.loads((asked.folder / "center" / "center.toml").read_text())["listen"]
    desks, tokens = {}, {}
    for name in ("us", "ru"):
        desks[name] = tomllib.loads((asked.folder / name / "desk.toml").read_text())["api_listen"]
        tokens[name] = {"authorization": f"Bearer {(asked.folder / name / 'token').read_text().strip()}"}
    at_center = Listener(center, "/events", {})
    at_partner = Listener(desks["ru"], "/api/events", tokens["ru"])
    at_center.start()
    at_partner.start()
    line = http.client.HTTPConnection(desks["us"], timeout=60)
    status = ask(line, tokens["us"], "GET", "/api/status")
    officer = ask(line, tokens["us"], "GET", "/session/officers")[0]["officer"]
    size, from_center, from_request = status["record"]["size"], [], []
    for number in range(asked.rounds):
        time.sleep(0.4)
        began = time.perf_counter()
        body = {"officer": officer, "thread": "measured", "text": f"round {number}", "wait_s": 20}
        said = ask(line, tokens["us"], "POST", "/api/say", body)
        size = said["index"] + 1
        came = at_partner.find(size)
        from_center.append(1000 * (came - at_center.find(size)))
        from_request.append(1000 * (came - began))
    print(json.dumps({"rounds": asked.rounds, "center": tell(from_center), "request": tell(from_request)}))


def ask(
    line: http.client.HTTPConnection, token: dict[str, str], method: str, path: str, body: object = None
) -> Any:  # noqa: ANN401 - JSON
    """Ask a desk with its token."""
    line.request(method, path, json.dumps(body) if body else None, token)
    answer = line.getresponse()
    text = answer.read()
    assert answer.status == 200, text
    return json.loads(text)


def tell(found: list[float]) -> dict[str, float]:
    """Return median and 95th percentile."""
    return {
        "median_ms": round(statistics.median(found), 1),
        "p95_ms": round(statistics.quantiles(found, n=20)[-1], 1),
        "worst_ms": round(max(found), 1),
    }


if __name__ == "__main__":
    main()
