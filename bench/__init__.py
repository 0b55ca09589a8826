"""bench: what entente can do on this machine, measured, with the figures that it must reach.

    python -m bench.record --small
    python -m bench.center --small

Each writes ``bench/results/<name>.json`` and prints a table. No figure is typed in: all are measured in the
run.
"""
