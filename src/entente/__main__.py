"""Lets `python -m entente` be the command `entente`."""

from entente.cli.main import run

run()
