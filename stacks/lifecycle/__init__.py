"""Turns the rows of a run into episodes and a verdict, and owns the file contract. It imports no other room.

It is pure: it reads no clock and no process. Only `records` and `losses` read files. `closed_output` serves the command
lines of `stacks` and of `analysis`, which have no other room in common.
"""
