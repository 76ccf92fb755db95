"""Parses the `trigger =` line of a stack's [pack] section.

A trigger is what makes the workers of a stack leave where the load does not: a signal, a command to the master fifo,
a touched file, or a killed worker. This module owns its text format; `stacks.run.trigger_runner` carries it out.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

# A trigger acts once every worker has been ready for this long, unless the stack says `, after N s`.
PAUSE_S = 0.5
FORMS = (
    "`signal NAME`, `fifo COMMAND`, `touch FILE` or `kill NAME worker`, then `, N times` and "
    "`, after N s` or `, while one starts`"
)
_TEXT = re.compile(
    r"(?P<action>signal (?P<signal>\w+)|fifo (?P<command>[\w+-])|touch (?P<file>[\w.-]+)|kill (?P<kill>\w+) worker)"
    r"(?:, (?P<times>\d+) times?)?(?:, after (?P<after>\d+) s|(?P<starting>, while one starts))?"
)


@dataclass(frozen=True)
class Trigger:
    """One parsed trigger."""

    action: str  # such as "signal HUP", "fifo r", "touch reload" or "kill SEGV worker"
    times: int
    while_starting: bool  # act while a worker starts, instead of when all workers are ready
    pause_s: float = PAUSE_S

    @property
    def file(self) -> str | None:
        """The name of the file that the trigger touches, in the run's own directory, or None."""
        verb, _, name = self.action.partition(" ")
        return name if verb == "touch" else None

    def __str__(self) -> str:
        times = f", {self.times} times" if self.times > 1 else ""
        after = f", after {self.pause_s:.0f} s" if self.pause_s != PAUSE_S else ""
        return self.action + times + after + (", while one starts" if self.while_starting else "")


def parse(text: str) -> Trigger:
    """Return the trigger that `text` describes. Raise ValueError if it has none of FORMS or names an unknown signal."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"trigger = {text}: the form is {FORMS}")
    for name in filter(None, (match["signal"], match["kill"])):
        if f"SIG{name}" not in signal.Signals.__members__:
            raise ValueError(f"trigger = {text}: there is no signal {name}")
    pause_s = float(match["after"] or PAUSE_S)
    return Trigger(match["action"], int(match["times"] or 1), bool(match["starting"]), pause_s)
