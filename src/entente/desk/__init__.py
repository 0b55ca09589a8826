"""The desk: one party's side. It holds the party's keys and data, and believes the center nothing.

For: joining a center, saying things in the party's name, following and checking the record, running the
party's witness, and telling the officers what they have to do now.

Invariants:
  * Whatever the center says is checked before it is shown: signature, inclusion, consistency, tiles,
    ciphertexts.
  * What is signed is durable here before it is sent; nothing is shown as sent that was not answered with a
    proof.
  * Nothing leaves but through `gate.release`, which enters it in the party's own exposure ledger first.
  * A lie is told in plain words, its evidence is saved, and the alarm stands until an officer dismisses it.

It does not decide what is true between the parties: the record does. It does not import the center.

    >>> init_desk(folder, config, officers=officers, contacts=["duty-1"], clock=SystemClock(),
    random=SystemRandom())
    >>> join(folder, "https://center.example.org", clock=SystemClock(), random=SystemRandom())
    >>> serve_desk(folder)

Folder: `vault`. Checks: `checks`. The way out: `gate`, `outbox`. The way in: `sync`. People: `inbox`,
`service`.
"""
