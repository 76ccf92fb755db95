"""Signals as a terminal gives them: `nohup make test &` would hand ignored ones down to everything that is tested."""

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

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
