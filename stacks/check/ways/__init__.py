"""The ways in which workers of a checked configuration leave and come back: which there are, and what came of each."""
