"""Picks the lines of a log that most likely say why a process ended."""

from __future__ import annotations

from pathlib import Path

TELLING = (
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
    """The lines of a log that most likely say why a process ended, and where the others are."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if any(sign in line for sign in TELLING) and "WARNING" not in line]
    return " | ".join((telling or lines or ["it said nothing"])[-3:]) + f" (whole log: {log})"
