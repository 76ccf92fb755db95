"""Finds uWSGI masters among the processes of the host, and says what a process is that somebody names.

uWSGI may be a binary, a module in a Python, or renamed by procname. A fork of a master (a worker, a mule) has the
command line of its master, or a name that uWSGI gave it. A vassal has a command line and a session of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from stacks.observe import proc
from stacks.observe.proc import PROC
from stacks.observe.waits import read

_NAMES = ("uwsgi", "pyuwsgi")
_CONFIGURATION = (".ini", ".yaml", ".yml", ".json", ".xml")
_OF_OWN_MAKING = "uWSGI "  # auto-procname: 'uWSGI master', 'uWSGI worker 1'
NAME_LENGTH = 60  # of the words of a command line that stand for an instance


def command_line(pid: int) -> list[str]:
    """Return the words of the command line; [] if the process has ended or hides it."""
    return [word for word in (read(f"{PROC}/{pid}/cmdline") or "").split("\0") if word]


def is_uwsgi(pid: int) -> bool:
    """Return True if the process runs uWSGI, as far as its program, its name or its command line tell."""
    try:
        program = os.readlink(f"{PROC}/{pid}/exe")  # noqa: PTH115 - Path costs more
    except OSError:
        program = ""
    words = command_line(pid)
    if not words:  # a kernel thread, or a zombie
        return False
    names = [program, *words[:3]] if Path(program).name.startswith("python") or not program else [program, words[0]]
    return words[0].startswith(_OF_OWN_MAKING) or any(_is_uwsgi_name(Path(name).name) for name in names)


def _is_uwsgi_name(name: str) -> bool:
    return name in _NAMES or name.startswith(("uwsgi-", "uwsgi_"))


def is_fork_of_parent(pid: int) -> bool:
    """Return True if the process is a worker, a mule or another fork of a uWSGI master."""
    stat = proc.stat(pid)
    if stat is None or not is_uwsgi(stat.ppid):
        return False
    words, of_parent = command_line(pid), command_line(stat.ppid)
    has_name = bool(words) and words[0].startswith(_OF_OWN_MAKING) and words[0] != f"{_OF_OWN_MAKING}master"
    return stat.session != pid and (words == of_parent or has_name)


def masters(pids: Iterable[int]) -> Iterator[int]:
    """Yield those of `pids` that are uWSGI and no fork of another one: masters, emperors, and instances without any."""
    for pid in pids:
        if is_uwsgi(pid) and not is_fork_of_parent(pid):
            yield pid


def all_pids() -> list[int]:
    """Return every process that this one sees."""
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]


def vassals(pid: int) -> list[int]:
    """Return the masters that an emperor has started."""
    return list(masters(proc.children_of(pid)))


def has_workers(pid: int) -> bool:
    """Return True if the process has forked workers."""
    return any(is_fork_of_parent(child) for child in proc.children_of(pid))


def inner_pid(pid: int) -> int | None:
    """Return the pid of a process in the pid namespace of its container; None if that is this one."""
    status = read(f"{PROC}/{pid}/status") or ""
    numbers = status.partition("\nNSpid:")[2].partition("\n")[0].split()
    return int(numbers[-1]) if len(numbers) > 1 else None


def owner(pid: int) -> int | None:
    """Return the user id that a process runs with; None if there is no such process."""
    uids = (read(f"{PROC}/{pid}/status") or "").partition("\nUid:")[2].split(maxsplit=2)
    return int(uids[1]) if len(uids) > 1 else None


def configuration_files(pid: int) -> list[Path]:
    """Return the configuration files on the command line of a process, as paths that this process can open."""
    files = []
    for word in command_line(pid)[1:]:
        name = word.partition("=")[2] if word.startswith("-") else word
        name = name.partition(":")[0]
        if name.endswith(_CONFIGURATION):
            files.append(Path(f"{PROC}/{pid}/cwd") / name if not name.startswith("/") else Path(name))
    return files


def uses(pid: int, file: Path) -> bool:
    """Return True if the process was started with this configuration file.

    uWSGI may have changed its directory since (`chdir`), so a relative path also counts if the end of `file` is equal.
    """
    for named in configuration_files(pid):
        try:
            if named.samefile(file):
                return True
        except OSError:
            pass
        relative = str(named).partition("/cwd/")[2]
        if relative and file.resolve().parts[-len(Path(relative).parts) :] == Path(relative).parts:
            return True
    return False


def printable(text: str) -> str:
    """Replace what could steer a terminal: any process may choose its own command line."""
    return "".join(character if character.isprintable() else "?" for character in text)


def name(pid: int) -> str:
    """Return what people call an instance: its configuration file, otherwise the words of its command line."""
    files = configuration_files(pid)
    words = command_line(pid)
    text = files[0].name if files else " ".join([Path(words[0]).name, *words[1:]]) if words else ""
    if not files and text.startswith("python") and len(words) > 1:
        text = " ".join([Path(words[1]).name, *words[2:]])  # pyuwsgi is a script
    text = printable(text)
    return text if len(text) <= NAME_LENGTH else text[: NAME_LENGTH - 3] + "..."
