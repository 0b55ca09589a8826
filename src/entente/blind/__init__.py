"""Blind checks: whether two parties' plans conflict, and where, without either showing its plan.

The room is pure and does no input or output: the grid and its covers, the mathematics of the oblivious
function over a `Group` that the caller brings, the steps of a run, the rules of its messages in the record,
budgets and audit. Desk and center carry what it says.
"""
