"""The parts of `python -m tests.benchmarks.watch`: what `make watch` costs, what it sees, and what it disturbs."""
