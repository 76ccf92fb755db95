"""A way: one way in which a worker, or the whole instance, leaves and comes back."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.lifecycle.way_steps import ALL, MORE

RECYCLE, RELOAD, DEATH, STOP = "recycle", "reload", "death", "stop"
KINDS = {
    RECYCLE: "a worker leaves by itself, or its master ends it",
    RELOAD: "a reload of the instance or of its workers",
    DEATH: "a worker dies",
    STOP: "a stop of the instance",
}


# What a reload risks. Ways with a lower risk are taken first, because they leave the instance as it was.
NONE, ONE_BY_ONE, WORKERS, INSTANCE = range(4)


@dataclass(frozen=True)
class Way:
    """One way that a configuration has."""

    name: str  # the word for WAYS=
    kind: str  # a key of KINDS, which is a word for WAYS= as well
    what: str  # what happens, for people
    option: str = ""  # the user's option that switches the way on; '' if every stack has the way
    trigger: str = ""  # how it is taken, in the words of catalogue.triggers; '' if the load alone takes it
    wants: str = ALL  # what must come of a trigger: a word of lifecycle.way_steps
    risk: int = NONE
    back: str = ""  # a second trigger, which adds the worker that the first one takes away
    settings: tuple[tuple[str, str], ...] = ()  # options that only the copy has in which the way is taken
    why_not: str = ""  # why it cannot be taken here

    @property
    def is_asked(self) -> bool:
        """True if a trigger takes the way, and not the load."""
        return bool(self.trigger)

    @property
    def steps(self) -> tuple[tuple[str, str], ...]:
        """The triggers that take the way once, each with what must come of it."""
        return ((self.trigger, self.wants), *([(self.back, MORE)] if self.back else []))
