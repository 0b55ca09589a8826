"""The center: one service that takes messages in, orders them, and answers with proofs.

For: founding a record with every party's signature, keeping it durable, projecting it, gathering the
witnesses' cosignatures, and keeping the ladder's clock.

Invariants:
  * Signed only from durable state; answered only when covered by a signed checkpoint.
  * After a start nothing is signed before every witness was asked for the last size that it cosigned.
  * A failed disk, journal or database ends the process, answering nobody.
  * What it decides, every desk decides again by the same code (`entente.joint`).

It is trusted for staying up, and for nothing else. It does not import the desk.

    >>> init_center(folder, plan, settings, clock, random)
    >>> serve_center(folder, on_ready=print)

Order: `sequencer`, `writer`. Founding: `draft`, `founding`. Witnesses: `witnesses`, `standings`. The door:
`http`, `openapi`, `answers`.
"""
