"""Results directories -> tidy frames. It may import `analysis.statistics` and `stacks.lifecycle`."""
