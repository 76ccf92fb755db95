"""Picks the lines of a log that most likely say why a process ended."""

from __future__ import annotations

from pathlib import Path

SIGNS = (
    "Error",
    "error",
    "bind()",
    "strict",
    "unable",
    "Unable",
    "Fatal",
    "no python application",
    "probably",
    "!!!",
)


def last_words(log: Path) -> str:
    """Return the last three lines with one of SIGNS, else the last three lines, and the path of the whole log."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    suspicious = [line for line in lines if any(sign in line for sign in SIGNS) and "WARNING" not in line]
    return " | ".join((suspicious or lines or ["it said nothing"])[-3:]) + f" (whole log: {log})"
