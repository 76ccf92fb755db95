"""The numbers of a capacity plan: measured, predicted and recommended.

It may import `analysis.summary`, `analysis.frames` and `analysis.statistics`.
"""
