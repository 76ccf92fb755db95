"""Derives from an effective configuration each way in which its workers leave and come back.

Those that an option switches on come first, then those that every stack has. The sources are uWSGI's: the signals of a
master (core/master.c), the commands of its fifo (core/fifo.c), and the limits of a worker (core/utils.c).
"""

from __future__ import annotations

from stacks.check.options import Options, is_set
from stacks.check.ways.way import DEATH, INSTANCE, ONE_BY_ONE, RECYCLE, RELOAD, STOP, WORKERS, Way
from stacks.lifecycle.way_steps import ALL, END, ONE
from stacks.run.trigger_runner import FIFO

MAX_REQUESTS = "max-requests"
# The limits that a copy gets, so that its workers reach them within seconds: (option, lowered value, further options).
# A worker lives at least a second then, so that it answers some requests and not only one.
LIFETIME_S, LEAST_LIFETIME_S, LEAST_MIB = "2", "1", "1"
LIMITS = {
    "max-worker-lifetime": (("max-worker-lifetime", LIFETIME_S),),
    "reload-on-rss": (("reload-on-rss", LEAST_MIB), ("min-worker-lifetime", LEAST_LIFETIME_S)),
    "evil-reload-on-rss": (("evil-reload-on-rss", LEAST_MIB),),
    "reload-on-as": (("reload-on-as", LEAST_MIB), ("min-worker-lifetime", LEAST_LIFETIME_S)),
    "evil-reload-on-as": (("evil-reload-on-as", LEAST_MIB),),
}
LIMIT_WORDS = {
    "max-worker-lifetime": f"a worker is as old as max-worker-lifetime allows ({LIFETIME_S} s in the copy)",
    "reload-on-rss": f"a worker has more memory than reload-on-rss allows ({LEAST_MIB} MB in the copy)",
    "evil-reload-on-rss": f"the master kills a worker above evil-reload-on-rss ({LEAST_MIB} MB in the copy)",
    "reload-on-as": f"a worker has more address space than reload-on-as allows ({LEAST_MIB} MB in the copy)",
    "evil-reload-on-as": f"the master kills a worker above evil-reload-on-as ({LEAST_MIB} MB in the copy)",
}
HARAKIRI_S = "2"  # in the copy: the master looks once a second
TOUCHES = {
    "touch-chain-reload": ("its file is touched: the workers leave one after another", ONE_BY_ONE),
    "touch-workers-reload": ("its file is touched: all workers leave together", WORKERS),
    "touch-reload": ("its file is touched: the instance executes itself again", INSTANCE),
}
FIFO_COMMANDS = {
    "c": ("chain reload through the master fifo: the workers leave one after another", ONE_BY_ONE),
    "w": ("reload of the workers through the master fifo: all leave together", WORKERS),
    "r": ("reload through the master fifo: the instance executes itself again", INSTANCE),
}
# Options whose way cannot be taken on a copy, and why.
NOT_TAKEN = {
    "cheaper": "the check keeps every worker busy, so cheaper has nothing to do",
    "idle": "the check keeps every worker busy, so no worker is ever idle",
    "py-autoreload": "it is made for development, and watches the files of your app",
    "py-auto-reload": "it is made for development, and watches the files of your app",
    "fs-reload": "the check touches none of your files; touch-reload takes the same way",
}


def derive(options: Options, slow_url: str = "") -> list[Way]:
    """Return the ways of the user's effective `options`, in the order in which they are told.

    `slow_url` is a page that takes longer than the lowered harakiri, or '' if the user names none.
    """
    switched_on = [*_recycles(options, slow_url), *_reloads(options)]
    return [*switched_on, *_deaths(), _hup(), *_stops(options)]


def _recycles(options: Options, slow_url: str) -> list[Way]:
    has = is_set(options, MAX_REQUESTS)
    what = "a worker has answered max-requests"
    ways = [
        Way(
            MAX_REQUESTS, RECYCLE, what if has else f"{what}, which your file does not set", MAX_REQUESTS if has else ""
        )
    ]
    ways += [
        Way(name, RECYCLE, LIMIT_WORDS[name], name, settings=settings)
        for name, settings in LIMITS.items()
        if is_set(options, name)
    ]
    if is_set(options, "harakiri"):
        why_not = (
            "" if slow_url else f"name a page that takes longer than {HARAKIRI_S} s with --slow-url (SLOW_URL=/path)"
        )
        what = f"a request takes longer than harakiri allows ({HARAKIRI_S} s in the copy)"
        ways.append(Way("harakiri", RECYCLE, what, "harakiri", settings=(("harakiri", HARAKIRI_S),), why_not=why_not))
    ways += [
        Way(name, RECYCLE, name, name, why_not=why_not) for name, why_not in NOT_TAKEN.items() if is_set(options, name)
    ]
    return ways


def _reloads(options: Options) -> list[Way]:
    touches = [
        Way(name, RELOAD, what, name, f"touch {name}", risk=risk)
        for name, (what, risk) in TOUCHES.items()
        if is_set(options, name)
    ]
    fifos = [
        Way(f"fifo-{command}", RELOAD, what, "master-fifo", f"{FIFO} {command}", risk=risk)
        for command, (what, risk) in FIFO_COMMANDS.items()
        if is_set(options, "master-fifo")
    ]
    return [*touches, *fifos]


def _deaths() -> list[Way]:
    signals = {"KILL": "is killed (SIGKILL), as by the kernel when memory is short", "SEGV": "crashes (SIGSEGV)"}
    signals["TERM"] = "gets SIGTERM itself"
    return [
        Way(f"worker-{name.lower()}", DEATH, f"one worker {what}", trigger=f"kill {name} worker", wants=ONE)
        for name, what in signals.items()
    ]


def _hup() -> Way:
    return Way("hup", RELOAD, "SIGHUP: the instance executes itself again", trigger="signal HUP", risk=INSTANCE)


def _stops(options: Options) -> list[Way]:
    """Return what INT, TERM and QUIT do: die-on-term exchanges the last two (core/master.c)."""
    is_stop = {"INT": True, "TERM": is_set(options, "die-on-term"), "QUIT": not is_set(options, "die-on-term")}
    for hook in (value for key, value in options if key == "hook-master-start"):
        if hook.startswith("unix_signal:15 "):
            is_stop["TERM"] = hook.endswith("kill_them_all")
    senders = {"INT": "Ctrl-C sends it", "TERM": "containers and systemd send it", "QUIT": "many unit files send it"}
    ways = []
    for name, is_end in is_stop.items():
        effect = "the instance stops" if is_end else "with your options it reloads, and does not stop"
        what = f"SIG{name} to the master ({senders[name]}): {effect}"
        kind, wants = (STOP, END) if is_end else (RELOAD, ALL)
        ways.append(Way(name.lower(), kind, what, trigger=f"signal {name}", wants=wants, risk=INSTANCE))
    return ways
