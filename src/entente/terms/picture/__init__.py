"""The picture of who blocks what: rows of positions, columns of obstacles, a mark where they meet.

`graph` says what is in it, in text and JSON too; `canvas` gives everything its place; `svg` writes it down.
The command line draws the same places as PNG.

Invariants: no two boxes overlap; all text fits its box by the widths of the font that is meant; what stands
in the picture stands in its text twin.

    encode_svg(place_graph(build_graph(terms, find_obstacles(terms))))
"""
