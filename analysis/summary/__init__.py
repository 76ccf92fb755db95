"""Frames -> summary.json, and the words for its entries. It may import `analysis.frames` and `analysis.statistics`."""
