"""The commands of a uWSGI master that end its workers or the instance: by signal, by fifo, and by a hook.

The effects are uWSGI's own functions: core/master.c has their signals, core/fifo.c their letters, and core/hooks.c lets
`hook-master-start = unix_signal:NUMBER FUNCTION` put one of them behind another signal.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

from stacks.check.options import Options, is_set
from stacks.check.ways.way import INSTANCE, ONE_BY_ONE, RELOAD, STOP, WORKERS
from stacks.lifecycle.way_steps import ALL, END

_HOOK = re.compile(r"unix_signal:(\d+)\s+(\w+)")


@dataclass(frozen=True)
class Effect:
    """What a function of the master does."""

    what: str
    kind: str = RELOAD
    wants: str = ALL
    risk: int = INSTANCE


EFFECTS = {
    "uwsgi_chain_reload": Effect("the workers leave one after another", risk=ONE_BY_ONE),
    "uwsgi_reload_workers": Effect("all workers leave together", risk=WORKERS),
    "uwsgi_brutally_reload_workers": Effect("all workers are ended together, with their requests", risk=WORKERS),
    "grace_them_all": Effect("the instance executes itself again"),
    "reap_them_all": Effect("the instance ends its workers and executes itself again, and does not stop"),
    "gracefully_kill_them_all": Effect("the instance answers its open requests, and stops", STOP, END),
    "kill_them_all": Effect("the instance stops", STOP, END),
}
FIFO_COMMANDS = {
    "c": "uwsgi_chain_reload",
    "w": "uwsgi_reload_workers",
    "W": "uwsgi_brutally_reload_workers",
    "r": "grace_them_all",
    "R": "reap_them_all",
    "q": "gracefully_kill_them_all",
    "Q": "kill_them_all",
}
SENDERS = {
    "HUP": "many reload scripts send it",
    "INT": "Ctrl-C sends it",
    "TERM": "containers and systemd send it",
    "QUIT": "many unit files send it",
}
HOOKED = ("USR1", "USR2", "WINCH", "ALRM")  # signals that only a hook makes a command


def signal_effects(options: Options) -> dict[str, str]:
    """Return the function behind each signal of the master, by the name of the signal without SIG.

    die-on-term exchanges what TERM and QUIT do. The last hook for a signal counts.
    """
    term, quit_ = "reap_them_all", "kill_them_all"
    if is_set(options, "die-on-term"):
        term, quit_ = quit_, term
    effects = {"HUP": "grace_them_all", "INT": "kill_them_all", "TERM": term, "QUIT": quit_}
    for key, value in options:
        match = _HOOK.match(value) if key == "hook-master-start" else None
        if match is None or match[2] not in EFFECTS or int(match[1]) not in list(signal.Signals):
            continue
        name = signal.Signals(int(match[1])).name.removeprefix("SIG")
        if name in effects or name in HOOKED:
            effects[name] = match[2]
    return effects
