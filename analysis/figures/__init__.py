"""Frames in, a matplotlib figure out; no file is read. It may import `analysis.capacity` and the rooms below it."""
