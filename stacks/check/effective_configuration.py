"""Reads the effective configuration of a user's uWSGI: the user's own binary reads, prints and ends before it acts.

`--show-config` prints the configuration after includes, placeholders and conditions, but then uWSGI goes on to start.
So the check also names a clock that the binary does not have: uWSGI gives up there (core/uwsgi.c, uwsgi_setup), after
the print and before the first file, socket or process. Options that would act earlier are refused through `blacklist`.
Logs, daemonization and the clean-up at exit are moved to a private directory.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.check.invocation import CannotCheck, Invocation, config_arguments
from stacks.check.no_locks import is_supported, pretend_locks
from stacks.check.options import Options
from stacks.check.plugins import OF_PYTHON, no_python, plugin_arguments, plugin_folders
from stacks.check.read_only import read_only_except
from stacks.check.refusals import explain_refusal, forbidden_option
from stacks.console import interrupts
from stacks.run.supervisor import die_with_parent

LIMIT_S = 15.0  # it takes 0.1 s; @(exec://...) and @(http://...) in a configuration may take longer
VERSION = re.compile(r"^\d+\.\d+[\w.+~-]*$")  # 2.0.26, 2.0.21-debian, 2.0.31+dfsg
STOP_CLOCK = "pack-stop-here"
# With log-date every line has a prefix. The last log-date counts, so the check's own prefix can be removed.
LOG_MARK = "@pack@"
BEGIN, END = ";uWSGI instance configuration\n[uwsgi]\n", ";end of configuration"
# Options that act before the clock or in spite of it, because they run commands, or lock files where `no_locks` cannot
# prevent it.
FORBIDDEN = (
    *("exec-asap", "hook-asap", "call-asap", "mount-asap", "umount-asap"),
    *("exec-as-user-atexit", "hook-as-user-atexit", "call-as-user-atexit"),
    *("fallback-config", "stop", "reload", "pause", "resume"),
    *(() if is_supported() else ("flock", "flock-wait", "flock2", "flock-wait2")),
)
MOST_LOCKS = 8  # files that one configuration locks
# flock opens its file for writing, and never writes (core/uwsgi.c, uwsgi_opt_flock).
LOCK_REFUSED = re.compile(r'open\("(.+?)"\): Permission denied \[core/uwsgi\.c')


@dataclass(frozen=True)
class EffectiveConfiguration:
    """The configuration as the user's binary understands it."""

    options: Options
    binary_options: frozenset[str]  # every option that the binary has
    version: str


def read_effective(invocation: Invocation, private: Path) -> EffectiveConfiguration:
    """Let the user's binary print its configuration; it can write only to `private`. Raise CannotCheck."""
    version = _read_version(invocation.uwsgi)
    without_uwsgi = {name: value for name, value in invocation.environment.items() if not name.startswith("UWSGI_")}
    binary_options = frozenset(_run(invocation, ["--dump-options"], without_uwsgi, private).split())
    _refuse_forbidden_variables(invocation.environment)
    log = private / "resolve.log"
    output = _print_configuration(invocation, private, log)
    if BEGIN not in output or END not in output:
        raise CannotCheck(explain_refusal(output, binary_options))
    if match := re.search(r"Can't find section \"(.+?)\" in .*? configuration file (.+) \*\*\*", output):
        raise CannotCheck(
            f"{match[2]} has no section [{match[1]}]: name another file with --ini, or one of its sections."
        )
    added = _added_options(log)
    options = [pair for pair in _parse(output) if pair not in added]
    # The uWSGI of a distribution has Python in a plugin, and such a binary has the options of its plugins, such as
    # `module`, only once they are loaded.
    if plugins := plugin_arguments(options, binary_options):
        output = _run(invocation, [*plugins, "--dump-options"], without_uwsgi, private)
        binary_options |= set(output.split())
    _require_python(options, binary_options, output)
    return EffectiveConfiguration(options, binary_options, version)


def _require_python(options: Options, binary_options: frozenset[str], output: str) -> None:
    """Raise CannotCheck if the configuration names an app, and no plugin that it loads has Python."""
    option = next((key for key, _ in options if key in OF_PYTHON and key not in binary_options), None)
    if option is not None:
        is_missing = "UNABLE to load uWSGI plugin" in output
        raise CannotCheck(explain_refusal(output) if is_missing else no_python(option, plugin_folders(options)))


def _print_configuration(invocation: Invocation, private: Path, log: Path) -> str:
    """Return what the binary prints of itself and of its configuration. It takes no lock, and waits for none."""
    first, last = _added_arguments(log)
    command = [*first, *config_arguments(invocation.config), *invocation.arguments, *last]
    # A reload opens no log and does not daemonize; with log-reopen it opens the last log named (core/logging.c).
    environment = {**invocation.environment, "UWSGI_RELOADS": "0"}
    locked: list[Path] = []
    while True:
        output = _run(invocation, command, environment, private, locked)
        if log.exists():
            output += log.read_text(errors="replace")
            log.unlink()
        output = output.replace(f"{LOG_MARK} - ", "")
        match = LOCK_REFUSED.search(output)
        file = invocation.directory / match[1] if match else None
        if file is None or file in locked or len(locked) == MOST_LOCKS or not os.access(file, os.W_OK):
            return output
        locked.append(file)  # the next attempt may open it for writing


def _refuse_forbidden_variables(environment: Mapping[str, str]) -> None:
    """Raise CannotCheck if a UWSGI_* variable sets an option that `blacklist` cannot refuse."""
    for name in environment:
        option = name.removeprefix("UWSGI_").lower().replace("_", "-")
        if name.startswith("UWSGI_") and option in FORBIDDEN:
            raise CannotCheck(forbidden_option(option))


def _added_arguments(log: Path) -> tuple[list[str], list[str]]:
    """Return the check's own arguments before and after those of the user."""
    first = ["--blacklist", " ".join(FORBIDDEN)]
    last = [*("--set", "vacuum=false"), *("--set", f"log-date={LOG_MARK}")]
    last += [*("--daemonize", str(log)), *("--daemonize2", str(log)), "--show-config", *("--clock", STOP_CLOCK)]
    return first, last


def _added_options(log: Path) -> set[tuple[str, str]]:
    """Return the options that uWSGI prints because of the check's own arguments."""
    return {
        ("blacklist", " ".join(FORBIDDEN)),
        *(("set", "vacuum=false"), ("vacuum", "false"), ("clock", STOP_CLOCK)),
        *(("set", f"log-date={LOG_MARK}"), ("log-date", LOG_MARK)),
        *(("daemonize", str(log)), ("daemonize2", str(log)), ("show-config", "true")),
    }


def _parse(output: str) -> Options:
    lines = output.split(BEGIN, 1)[1].split(END, 1)[0].splitlines()
    return [(key.strip(), value.strip()) for key, equals, value in (line.partition(" = ") for line in lines) if equals]


def _read_version(uwsgi: Path) -> str:
    try:
        done = subprocess.run([uwsgi, "--version"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        output = (done.stdout + done.stderr).strip()
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        output = str(error)
    line = output.splitlines()[0] if output else "nothing"
    if not VERSION.match(line):
        raise CannotCheck(f"{uwsgi} is not uWSGI: with --version it printed {line!r}. Name your uWSGI with --uwsgi.")
    return line


def _run(
    invocation: Invocation,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    private: Path,
    openable: Sequence[Path] = (),
) -> str:
    """Run the user's binary and return what it prints. It can write only to `private`, and open `openable` to write."""
    restrict = read_only_except(private, files=openable)

    def prepare() -> None:
        interrupts.unblock_in_child()
        die_with_parent(signal.SIGKILL)  # a damaged configuration may be read for ever
        pretend_locks()
        restrict()

    with interrupts.blocked():
        process = subprocess.Popen(
            [invocation.uwsgi, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=invocation.directory,
            env=dict(environment),
            start_new_session=True,
            preexec_fn=prepare,
        )
    try:
        with process:
            try:
                output, _ = process.communicate(timeout=LIMIT_S)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired:
        raise CannotCheck(
            f"{invocation.uwsgi} did not finish reading the configuration in {LIMIT_S:.0f} s: look for an "
            "@(exec://...) or @(http://...) in it that waits, and replace it by its value."
        ) from None
    if -process.returncode in (signal.SIGKILL, *interrupts.SIGNALS):
        name = signal.Signals(-process.returncode).name
        raise CannotCheck(f"{invocation.uwsgi} got {name} while it read the configuration. Start the check again.")
    return output.decode(errors="replace")
