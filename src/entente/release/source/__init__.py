"""What a desk keeps to itself: reports, sources, observers, secrets, and how their files are read.

For: the officer who writes a catalogue of sources, and the gate that judges by it. Nothing of this package
ever leaves the desk.
"""
