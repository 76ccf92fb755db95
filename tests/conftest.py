"""For all tests: signals as a terminal gives them, and what the processes of a test run make once and share.

`nohup make test &` would hand ignored signals down to everything that is tested.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from stacks.catalogue.file_lock import hold_lock
from tests.patience import LIMIT_S

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in analysis/__main__.py

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# A deadline for each example would fail on a machine that is busy with something else. Benchmarks watch the speed.
settings.register_profile("pack", deadline=None)
settings.load_profile("pack")


@pytest.fixture(autouse=True)
def usual_signals() -> Iterator[None]:
    """Undo what a test changes: code that cleans up ignores the signals until its process ends."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Return a function that lets `make(folder)` fill a folder of this name, once for all processes of the tests."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        folder, is_made = base / name, base / f"{name}.made"
        with hold_lock(base / f"{name}.lock", LIMIT_S):
            if not is_made.exists():
                folder.mkdir()
                make(folder)
                is_made.touch()
        return folder

    return folder_of
