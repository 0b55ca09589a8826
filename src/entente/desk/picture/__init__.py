"""The picture: what the page's map, side view, lanes and lists draw from, of now and of every past moment.

What it is for: one answer of one moment, as geometry that can be drawn and words that can be read; the
conflicts of a draft before anybody is told of it; and the record's past, as it was known to this desk then.

Invariants: it only looks; what is drawn is never smaller than what is true where the difference could hide a
conflict; nothing vanishes without being counted; the past is described by the very code that describes now.

It draws nothing itself and decides nothing: the page draws, `entente.deconflict` decides.

    >>> call(desk, "picture", b'{"at_size":17}')["counts"]
"""
