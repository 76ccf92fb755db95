"""Draws frames and dataclasses as matplotlib Figures and reads no file. It may import `analysis.capacity` and below."""
