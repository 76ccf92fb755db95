"""The configuration that a check runs instead of the user's, and each difference between the two with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

from stacks.check.options import Options, is_on, written_out


@dataclass(frozen=True)
class Change:
    """One difference from the user's configuration; '' stands for an absent option."""

    option: str
    original: str
    replacement: str
    why: str


@dataclass
class NeutralConfiguration:
    """A configuration that touches nothing of the user's, while it is built."""

    options: Options = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unknown_options: list[str] = field(default_factory=list)  # names of options that the user's binary does not have
    workers: int = 1
    front: str = ""  # the option of the socket that gets the load

    def ini_text(self) -> str:
        """Return the configuration as an ini. `%` is doubled, because uWSGI reads the placeholders a second time."""
        return "\n".join(["[uwsgi]", *(f"{key} = {value.replace('%', '%%')}" for key, value in self.options), ""])

    def note(self, option: str, original: str, replacement: str, why: str) -> None:
        """Record a difference, without a change of `options`."""
        self.changes.append(Change(option, original, replacement, why))

    def set_option(self, option: str, value: str, why: str, synonyms: tuple[str, ...] = ()) -> None:
        """Replace every value of the option and its synonyms by one value, and record it if it is a difference."""
        names = (option, *synonyms)
        originals = [written_out(value) for key, value in self.options if key in names]
        self.options = [(key, v) for key, v in self.options if key not in names] + [(option, value)]
        last = originals[-1] if originals else ""  # the last value counts
        if last != value and not (value == "true" and last and is_on(last)):
            self.note(option, ", ".join(originals), value, why)

    def drop_options(self, names: tuple[str, ...], why: str) -> None:
        """Remove the options, and record each one that was there."""
        for key, value in self.options:
            if key in names:
                self.note(key, written_out(value), "", why)
        self.options = [(key, value) for key, value in self.options if key not in names]
