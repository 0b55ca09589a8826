"""Ladder, shape, and the new object that one recipient gets.

For: the gate. A report at a level has one shape; a variant is built from the shape, the tear line and the
label, and from nothing else.
"""
