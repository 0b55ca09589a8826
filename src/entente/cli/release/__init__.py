"""`entente release`: give a partner what policy lets you give, and know what it gives away.

Invariant: each family of subcommands stands in its own module and is registered here; none is imported before
somebody runs `entente release`.

    $ entente release plan r-17 --to ru --purpose counter-terrorism --desk ./us --officer duty-1
"""

from __future__ import annotations

import importlib
from typing import Final

from entente.cli.run import make_app

MODULES: Final = ("shelf", "plan", "ledger", "recall", "onward", "rules", "veto", "labels", "trying")
"""Modules of this folder with ``register(app)``, in the order in which their commands are listed."""

release_app = make_app(
    "release",
    "Give partners what policy lets you give, as coarse as it must be, and know what it gives away.\n\n"
    "What a partner learns, what a budget means, what no gate can stop: docs/release.md.\n\n"
    "Example: entente release load catalogue sources.toml --desk ./us --officer duty-1\n"
    "Example: entente release load reports today.toml --desk ./us --officer duty-1\n"
    "Example: entente release plan r-17 --to ru --purpose counter-terrorism --desk ./us\n"
    "           --officer duty-1\n"
    "Example: entente release send 3 --desk ./us --officer duty-1\n"
    "Example: entente release explain 3 --desk ./us\n"
    "Example: entente release ledger --desk ./us\n"
    "Example: entente release recall --report r-17 --reason wrong --desk ./us --officer duty-1\n\n"
    "Exit codes of plan and send: 0 as asked, 3 refused (the words say by what), 5 not sent yet.",
)
APPS = {"release": release_app}

for _module in MODULES:
    importlib.import_module(f"entente.cli.release.{_module}").register(release_app)
