"""The command line: thin. It reads arguments, asks a desk, a center or the verifier, and prints.

Invariants: every command has ``--help`` with an example and ``--json``; errors say what was expected, what
came and what to do; exit codes are those of `entente.cli.output.ExitCode`, in every command; `entente
--help` imports no command.

    $ entente verify ./desk-us/mirror
"""
