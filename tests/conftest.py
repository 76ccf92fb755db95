"""Signals as a terminal gives them: `nohup make test &` would hand ignored ones down to everything that is tested."""

import signal

for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)
