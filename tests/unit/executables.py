"""Makes small executable files, which stand in for interpreters and for uv."""

from __future__ import annotations

import stat
from pathlib import Path


def executable(path: Path, text: str = "#!/bin/sh\nexit 127\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
