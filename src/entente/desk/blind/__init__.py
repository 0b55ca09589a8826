"""Blind checks at a desk: what it keeps, carries, answers and tells of them. Their steps: `entente.blind`."""
