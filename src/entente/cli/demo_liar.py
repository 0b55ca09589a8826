"""A desk that lies, for the demo: it answers blind questions with another key than the one it committed to.

It is the real desk's process with one step replaced, as a party could do that changes its own program: so
that what the honest side shows of it is what it would show of such a party.

    $ python -m entente.cli.demo_liar desk serve ru
"""

from __future__ import annotations

import hashlib
from typing import Any

from entente.blind.oprf import PrfKey, derive_epoch_key
from entente.desk.blind.answering import BlindAnswering


class LyingAnswers(BlindAnswering):
    """Answers with a key of its own choice: nothing that is asked for would be found."""

    def _get_key(self, row: Any, domain: bytes) -> PrfKey:  # noqa: ANN401 - as of the honest one
        other = hashlib.sha256(b"another key" + domain).digest()
        return derive_epoch_key(self._parts.group, other, partner=row.asker, epoch=row.ask.epoch)


def main() -> int:
    """Run the command that follows with a lying desk in it."""
    from entente.cli.main import main as run
    from entente.desk.blind import carrier as blind_carrier

    # This is the lie.
    vars(blind_carrier)["BlindAnswering"] = LyingAnswers
    return run()


if __name__ == "__main__":
    raise SystemExit(main())
