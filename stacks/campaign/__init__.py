"""Plans of many runs and the commands that carry them out: loadtest, matrix, bisect, claims, capacity, serve.

It may import `stacks.run` and the rooms below it; `judge` alone asks `stacks.check` for the binary.
"""
