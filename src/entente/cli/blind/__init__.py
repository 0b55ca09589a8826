"""`entente blind`: find out whether plans conflict, and where, without showing them.

Invariant: each family of subcommands stands in its own module and is registered here; none is imported before
somebody runs `entente blind`.

    $ entente blind check skies --desk ./us --officer duty-1
"""

from __future__ import annotations

import importlib
from typing import Final

from entente.cli.run import make_app

MODULES: Final = ("rules", "plan", "check", "audit", "zoom")
"""Modules of this folder with ``register(app)``, in the order in which their commands are listed."""

blind_app = make_app(
    "blind",
    "Find out whether your plan and a partner's conflict, and where, without either showing its plan.\n\n"
    "What each side learns, and what no cryptography stops: docs/blind.md.\n\n"
    "Example: entente blind grid --partner ru --id skies --lateral 9260 --vertical 300 --time 60\n"
    "           --out skies.toml\n"
    "Example: entente blind propose skies.toml --desk ./us --officer duty-1\n"
    "Example: entente blind plan file day.csv --desk ./us --officer duty-1 --datum ellipsoid\n"
    "           --radius 500 --half-height 60\n"
    "Example: entente blind prepare skies --desk ./us --officer duty-1\n"
    "Example: entente blind check skies --desk ./us --officer duty-1\n\n"
    "Exit codes of check and run: 0 CLEAR, 7 CONFLICT, 8 INVALID (neither: treat it as not checked),\n"
    "5 not ended yet.",
)
APPS = {"blind": blind_app}

for _module in MODULES:
    importlib.import_module(f"entente.cli.blind.{_module}").register(blind_app)
