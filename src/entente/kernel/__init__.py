"""What everything else stands on: errors, ids, time, canonical JSON, keys, envelopes, messages, rosters.

For: turning bytes from a party into a message whose form, signatures and author are known, and saying which
keys are in force at which index of the record.

Invariants:
  * Pure: no clock, randomness, files, sockets, environment or logging; the `ports` say what others must
    bring.
  * Whatever a ``parse_*`` accepts has one spelling: encoding it again gives the same bytes.
  * Trust is in the type: `SignedMessage`, then `ParsedMessage`, then `VerifiedMessage`.

It does not know what a message is about, nor in which order messages come: the rooms above do. Names are
imported from the modules, not from here.

    >>> signed = parse_envelope(data)
    >>> parsed = parse_message(signed, kinds.bodies)
    >>> parsed.payload.author
    'us'
"""
