"""Signals as a terminal gives them: `nohup make test &` would hand ignored ones down to everything that is tested."""

import signal

from hypothesis import settings

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

# A deadline for each example would fail on a machine that is busy with something else. Benchmarks watch the speed.
settings.register_profile("pack", deadline=None)
settings.load_profile("pack")
