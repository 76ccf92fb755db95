"""Says in words what a stuck worker waits for, and on which thread: its Python threads -> the evidence of a verdict.

It says only what the rows show. A Python interpreter that knows who owns the GIL names the owner. It does not know
who owns any other lock, so for those the words name the place of the wait and the threads that the worker lacks.
"""

from __future__ import annotations

from stacks.lifecycle.thread_looks import (
    AT_EXIT,
    AT_FORK,
    STANDARD_LIBRARY,
    Frame,
    Thread,
    ThreadLook,
    counted,
    signature,
)

# Functions in which Python waits at its exit for threads that are no daemons, and for the threads of its pools.
_SHUTDOWN = {"_shutdown": "threading._shutdown", "_python_exit": "the exit of concurrent.futures"}
# Up to Python 3.11 the owner that a look shows is the thread that last ran (`tstate_current`), not the owner of the
# lock; 3.12 has a lock for each interpreter (`gil.locked` and `gil.last_holder`, py-spy's src/stack_trace.rs).
_OWNER_KNOWN = (3, 12)
# The function of a thread that does the work which `Future.result` waits for: a pool's worker, and asyncio's loop.
_SERVERS = ("_worker", "run_forever", "run_until_complete", "_run_once")
MOST_NATIVE = 3  # names of native threads in one line
LACKED = "a thread of the master that this worker does not have"
LACKED_MANY = "threads of the master that this worker does not have"
SERVES = "a thread of the master that serves it is not in this worker"
SERVE_MANY = "threads of the master that serve it are not in this worker"


def stuck_words(look: ThreadLook, master: ThreadLook | None, waits_for_gil: bool | None) -> str:
    """Return the words, or '' if the threads tell nothing.

    `master` is the look at its master, if there is one. `waits_for_gil` is what the native backtrace, or the rate of
    its wakes, shows of its main thread: False if it waits for another lock; None if neither is known.
    """
    main = look.main
    if main is None:  # at the end of an exit there is no Python left whose threads could be read
        names = [_named(of, thread) for of, thread in _missing(look, master)]
        return "; ".join(["the exit waits", *_lacking(names)]) if look.when == AT_EXIT and names else ""
    owner = next((thread for thread in look.threads if thread.owns_gil), None)
    owns = owner is not None and owner is not main and look.exists(owner) is False
    if owner is not None and owns and waits_for_gil is not False:
        return f"waits for the GIL, owned by {_named(_knowing(owner, look, master), owner)}, {LACKED}"
    missing = _missing(look, master)
    names = [_named(of, thread) for of, thread in missing]
    if look.when == AT_FORK:
        return _words_at_fork(look, main, names, owner_is_main=owner is main, waits_for_gil=waits_for_gil)
    functions = {frame.function.split(".")[-1]: frame.file for frame in main.frames}
    joining = next((words for function, words in _SHUTDOWN.items() if function in functions), "")
    if joining:
        return _words_of_join(look, joining, names)
    words = _words_of_wait(look, main)
    if not words:
        return ""
    if "concurrent/futures" in functions.get("result", ""):
        serving = [_named(of, thread) for of, thread in missing if _runs(thread, _SERVERS)]
        if serving:
            many = f"{len(serving)} {SERVE_MANY}"
            return f"{words}; {_count(serving, SERVES, many)}: {counted(serving)}"
    return "; ".join([words, *_lacking(names), *_lacking_native(look, master)])


def _words_at_fork(
    look: ThreadLook, main: Thread, missing: list[str], *, owner_is_main: bool, waits_for_gil: bool | None
) -> str:
    """The main thread is not through with its fork."""
    if not waits_for_gil:
        return _words_of_wait(look, main)
    if owner_is_main and _version(look.python) >= _OWNER_KNOWN:
        return "waits for the GIL, owned by the master's main thread, which this worker does not have"
    return "; ".join(["waits for the GIL", *_lacking(missing)]) if missing else ""


def _words_of_join(look: ThreadLook, joining: str, missing: list[str]) -> str:
    """The main thread waits at its exit for the end of other threads."""
    if missing:
        return f"{joining} waits for {counted(missing)}, {_count(missing, LACKED, LACKED_MANY)}"
    own = [_named(look, thread) for thread in look.present]
    return f"{joining} waits for {_count(own, 'a thread', 'threads')} of this worker: {counted(own)}" if own else ""


def _words_of_wait(look: ThreadLook, main: Thread) -> str:
    """The main thread waits somewhere in a request, or while it starts or leaves."""
    place = _place(main)
    who = {AT_FORK: "the start", AT_EXIT: "the exit"}.get(look.when, "the request")
    return f"{who} waits {place}" if place else ""


def _place(main: Thread) -> str:
    """Where the main thread waits: the app's own line, the function that waits, and the package that it belongs to."""
    frame, app = main.telling_frame, main.app_frame
    if frame is None:
        return ""
    innermost = main.frames[0]
    how = f" ({innermost.function})" if innermost is not frame else f" (in {frame.function})"
    if not frame.package:
        return f"at {frame.place}{how}"
    inside = f"in {_package(frame)}, {frame.place} ({frame.function})"
    return f"at {app.place}, {inside}" if app is not None else inside


def _package(frame: Frame) -> str:
    """The package of a frame; for the standard library its module, such as `logging`."""
    if frame.package != STANDARD_LIBRARY:
        return frame.package
    return frame.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _missing(look: ThreadLook, master: ThreadLook | None) -> list[tuple[ThreadLook, Thread]]:
    """The Python threads of the master that the worker does not have, each with the look that knows more of it.

    After py-call-uwsgi-fork-hooks the worker does not list them any more, and only the look at the master has them.
    """
    missing = [(_knowing(thread, look, master), thread) for thread in look.absent]
    if master is None:
        return missing
    present = {signature(look.name_of(thread)) for thread in look.present}
    listed = {id_ for thread in look.absent for id_ in (thread.tid, thread.name) if id_}
    of_master = [thread for thread in master.others if thread.tid not in look.tasks]
    return missing + [
        (master, thread)
        for thread in of_master
        if listed.isdisjoint((thread.tid, thread.name)) and signature(master.name_of(thread)) not in present
    ]


def _knowing(thread: Thread, look: ThreadLook, master: ThreadLook | None) -> ThreadLook:
    """Return the look that knows the name of a thread. The kernel names a living thread only, so the master's may."""
    return master if master is not None and not thread.name and thread.tid in master.tasks else look


def _named(look: ThreadLook, thread: Thread) -> str:
    """The name of a thread and where it is. A thread in plumbing only gets the function that it was started with."""
    frame = thread.telling_frame
    name = look.name_of(thread)
    if frame is not None:
        return f"{name} at {frame.place}"
    start = thread.start_frame
    return f"{name} ({start.function})" if start is not None and start.function not in name else name


def _lacking(missing: list[str]) -> list[str]:
    if not missing:
        return []
    which = _count(missing, "a thread of the master is", f"{len(missing)} threads of the master are")
    return [f"{which} not in this worker: {counted(missing)}"]


def _lacking_native(look: ThreadLook, master: ThreadLook | None) -> list[str]:
    """The native threads of the master that have a name, if the worker has none with such a name."""
    if master is None:
        return []
    here = {signature(name) for name in [*look.native, master.comm]}
    names = list(dict.fromkeys(name for name in master.native if signature(name) not in here))
    return [f"native threads of the master are not in this worker: {counted(names, MOST_NATIVE)}"] if names else []


def _runs(thread: Thread, functions: tuple[str, ...]) -> bool:
    """Return True if the thread was started with one of these functions, or is in one."""
    return any(frame.function.split(".")[-1] in functions for frame in thread.frames)


def _count(things: list[str], one: str, many: str) -> str:
    return one if len(things) == 1 else many


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
