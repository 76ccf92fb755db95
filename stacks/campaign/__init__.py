"""Plans of many runs, and the commands that carry them out: loadtest, matrix, bisect, claims, capacity, serve.

This room may import `stacks.run` and the rooms below it. `judge` alone also imports `stacks.check`, to find the binary.
"""
