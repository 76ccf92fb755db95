"""Writes text files. An error names the file, which the error of a write does not do by itself."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let every OSError of the block name `path`, whatever file it is about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 into the file, which may be a pipe or a device. Raises OSError, which names `path`."""
    with naming(path):
        path.write_text(text, encoding="utf-8")


def replace_text(path: Path, text: str) -> None:
    """Replace `path` atomically by `text` in UTF-8, readable for everybody: a reader sees the old file or the new one.

    Raises OSError, which names `path`.
    """
    with naming(path):
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:  # mkstemp would tell the name after the file is there, and an interrupt may come in between
            with temporary.open("x", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
