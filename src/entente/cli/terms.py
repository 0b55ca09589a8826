"""`entente terms`: write down what each party says, and ask what is possible.

Invariant: each family of subcommands stands in its own module and is registered here; none is imported before
somebody runs `entente terms`.

    $ entente terms check center.toml --documents texts
"""

from __future__ import annotations

import importlib
from typing import Final

from entente.cli.run import make_app

MODULES: Final = ("terms_file", "terms_ask", "terms_diff", "terms_picture", "terms_report")
"""Modules of this folder with ``register(app)``, in the order in which their commands are listed."""

terms_app = make_app(
    "terms",
    "Write down what each party requires, permits and forbids; ask what is possible and what blocks it.\n\n"
    "Example: entente terms new center.toml --party us='United States' --party ru=Russia\n"
    "Example: entente terms check center.toml --documents texts",
)
APPS = {"terms": terms_app}

for _module in MODULES:
    importlib.import_module(f"entente.cli.{_module}").register(terms_app)
