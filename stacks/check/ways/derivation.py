"""Derives from an effective configuration each way in which its workers leave and come back.

Those that an option switches on come first, then those that every stack has. The sources are uWSGI's: the signals of a
master (core/master.c), the commands of its fifo (core/fifo.c), and the limits of a worker (core/utils.c).
"""

from __future__ import annotations

from stacks.catalogue.ini import leading_number
from stacks.check.options import Options, is_set, last_value
from stacks.check.ways.master_commands import EFFECTS, FIFO_COMMANDS, HOOKED, SENDERS, signal_effects
from stacks.check.ways.way import DEATH, INSTANCE, ONE_BY_ONE, RECYCLE, RELOAD, WORKERS, Way
from stacks.lifecycle.way_steps import FEWER, ONE
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
CHEAPER, IDLE, IDLE_S = "cheaper", "idle", "1"
EVERY_WORKER = "every worker"  # stands for their number, which a copy may limit
# With the algorithm `manual` (core/master_utils.c) the master adds and ends workers only when its fifo says so.
CHEAPER_SETTINGS = ((CHEAPER, "1"), ("cheaper-initial", EVERY_WORKER), ("cheaper-algo", "manual"))
HARAKIRI_S = "2"  # in the copy: the master looks once a second
TOUCHES = {
    "touch-chain-reload": ("its file is touched: the workers leave one after another", ONE_BY_ONE),
    "touch-workers-reload": ("its file is touched: all workers leave together", WORKERS),
    "touch-reload": ("its file is touched: the instance executes itself again", INSTANCE),
}
# Options whose way cannot be taken on a copy, and why.
NOT_TAKEN = {
    "py-autoreload": "it is made for development, and watches the files of your app",
    "py-auto-reload": "it is made for development, and watches the files of your app",
    "fs-reload": "the check touches none of your files; touch-reload takes the same way",
}


def derive(options: Options, slow_url: str = "") -> list[Way]:
    """Return the ways of the user's effective `options`, in the order in which they are told.

    `slow_url` is a page that takes longer than the lowered harakiri, or '' if the user names none.
    """
    return [*_recycles(options, slow_url), *_demands(options), *_reloads(options), *_deaths(), *_signals(options)]


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


def _demands(options: Options) -> list[Way]:
    """Return the ways in which workers leave while the load needs fewer of them, and come back when it needs more."""
    ways = []
    if is_set(options, CHEAPER):
        workers = leading_number(last_value(options, "processes", "workers", default="1"))
        why_not = "" if workers > 1 else "cheaper needs at least 2 processes"
        what = (
            "the master ends a worker that the load does not need, and starts one when it does (by its fifo, + and -)"
        )
        ways.append(
            Way(
                CHEAPER,
                RECYCLE,
                what,
                CHEAPER,
                f"{FIFO} -",
                FEWER,
                back=f"{FIFO} +",
                settings=CHEAPER_SETTINGS,
                why_not=why_not,
            )
        )
    if is_set(options, IDLE):
        what = f"no request comes for longer than idle ({IDLE_S} s in the copy), and then one comes"
        why_not = "with die-on-idle the instance ends, and another program must start it" * is_set(
            options, "die-on-idle"
        )
        ways.append(Way(IDLE, RECYCLE, what, IDLE, settings=((IDLE, IDLE_S),), why_not=why_not))
    return ways


def _reloads(options: Options) -> list[Way]:
    touches = [
        Way(name, RELOAD, what, name, f"touch {name}", risk=risk)
        for name, (what, risk) in TOUCHES.items()
        if is_set(options, name)
    ]
    if not is_set(options, "master-fifo"):
        return touches
    fifos = [
        _command(f"fifo-{letter}", f"{letter} to the master fifo", f"{FIFO} {letter}", function, "master-fifo")
        for letter, function in FIFO_COMMANDS.items()
    ]
    return [*touches, *fifos]


def _deaths() -> list[Way]:
    signals = {"KILL": "is killed (SIGKILL), as by the kernel when memory is short", "SEGV": "crashes (SIGSEGV)"}
    signals["TERM"] = "gets SIGTERM itself"
    return [
        Way(f"worker-{name.lower()}", DEATH, f"one worker {what}", trigger=f"kill {name} worker", wants=ONE)
        for name, what in signals.items()
    ]


def _signals(options: Options) -> list[Way]:
    """Return what each signal does that the master has a function for."""
    ways = []
    for name, function in signal_effects(options).items():
        sender = SENDERS.get(name, "your hook-master-start gives it this effect")
        option = "hook-master-start" if name in HOOKED else ""
        ways.append(_command(name.lower(), f"SIG{name} to the master ({sender})", f"signal {name}", function, option))
    return ways


def _command(name: str, event: str, trigger: str, function: str, option: str) -> Way:
    effect = EFFECTS[function]
    return Way(name, effect.kind, f"{event}: {effect.what}", option, trigger, effect.wants, effect.risk)
