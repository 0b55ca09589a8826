"""qiflib, the second opinion on leakage: it has no types, and an escape that newer Pythons warn of."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    Channel: Any = importlib.import_module("qiflib.core.channel").Channel
    GVulnerability: Any = importlib.import_module("qiflib.core.gvulnerability").GVulnerability
    Hyper: Any = importlib.import_module("qiflib.core.hyper").Hyper
    Secrets: Any = importlib.import_module("qiflib.core.secrets").Secrets
