"""The parts of `make bench`: each file has WHAT, one sentence, and `measure(quick)`, which returns its numbers."""
