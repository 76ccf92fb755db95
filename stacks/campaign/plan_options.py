"""What the command line may change of the default plan, and the limits of each number."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Numbers outside of these limits are typing errors, not plans for one host.
LIMITS: dict[str, tuple[float, float]] = {
    "trials": (1, 1000),
    "users": (1, 10_000),
    "duration_s": (0.5, 3600),
    "workers": (1, 512),
    "max_requests": (1, 1_000_000),
    "seed": (0, 2**31),
    "lanes": (1, 16),
}
RATE_LIMITS: dict[str, tuple[float, float]] = {"rate": (0.01, 100_000)}
# Options of uWSGI that may replace those of the stack's ini.
UWSGI_LIMITS: dict[str, tuple[float, float]] = {
    "threads": (1, 1024),
    "max_requests_delta": (0, 1_000_000),
    "min_worker_lifetime": (0, 86_400),
    "listen": (1, 65_535),
}


@dataclass(frozen=True)
class PlanOptions:
    """The values of the command line; None where it has no value."""

    stack: str | None = None  # names, separated by commas or spaces
    version: str | None = None  # ids, pins or Pythons, separated by commas or spaces
    scenario: str | None = None  # a name, or the path of a locustfile
    rate: float | None = None  # arrivals a second of the scenario `open`, all users together
    trials: int | None = None
    users: int | None = None
    duration_s: float | None = None
    workers: int | None = None
    max_requests: int | None = None
    threads: int | None = None
    max_requests_delta: int | None = None
    min_worker_lifetime: int | None = None  # seconds
    listen: int | None = None
    seed: int | None = None
    lanes: int | None = None  # how many runs have their load at the same time
    confidence: float | None = None  # the hang rate to rule out, as a share
    app: str | None = None  # the path of a WSGI file that replaces the stack's app
    env: str | None = None  # NAME=VALUE ..., separated as in a shell

    @property
    def plan_numbers(self) -> dict[str, Any]:
        """The given numbers of the plan, by the names of LIMITS."""
        return {name: value for name in LIMITS if (value := getattr(self, name)) is not None}

    @property
    def uwsgi_numbers(self) -> dict[str, int]:
        """The given options of uWSGI, by the names of UWSGI_LIMITS."""
        return {name: value for name in UWSGI_LIMITS if (value := getattr(self, name)) is not None}

    @property
    def uwsgi_options(self) -> dict[str, int | str | list[str]]:
        """The lines that replace those of the stack's ini, by uWSGI's own names."""
        options: dict[str, int | str | list[str]] = {n.replace("_", "-"): v for n, v in self.uwsgi_numbers.items()}
        if self.app:
            # The app imports modules that are beside it.
            options["pythonpath"] = str(Path(self.app).expanduser().resolve().parent)
        return options | ({"env": shlex.split(self.env)} if self.env else {})

    def number_errors(self) -> list[str]:
        """Return one sentence for each number outside of its limits."""
        rate = {} if self.rate is None else {"rate": self.rate}
        errors = []
        for name, value in [*self.plan_numbers.items(), *rate.items(), *self.uwsgi_numbers.items()]:
            low, high = (LIMITS | RATE_LIMITS | UWSGI_LIMITS)[name]
            if not low <= value <= high:
                errors.append(f"{name.upper().removesuffix('_S')}: {value:g} is not between {low:g} and {high:g}")
        return errors


def app_path(options: PlanOptions, errors: list[str]) -> str | None:
    """Return the absolute path of the user's app, or None. What is wrong with it, or with `env`, goes to `errors`."""
    try:
        pairs = shlex.split(options.env or "")
    except ValueError:
        pairs = [""]
    if not all(re.match(r"\w+=", pair) for pair in pairs):
        errors.append(f"ENV: {options.env}: not of the form NAME=VALUE NAME=VALUE")
    path = Path(options.app).expanduser() if options.app else None
    if path is not None and not path.is_file():
        errors.append(f"APP: {options.app}: no such file; name a WSGI file that defines `application`")
    return str(path.resolve()) if path is not None else None
