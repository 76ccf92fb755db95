"""Theirs -> ours: an effective configuration that touches nothing of its owner's, and recycles quickly.

Every option that differs is a `Change` with its reason, because what was measured is only worth as
much as what is known of it. Pure; only the names of sockets and directories come from outside.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from stacks.catalogue import STACKS
from stacks.check.effective import CONSUMED, CannotCheck, Options
from stacks.observe.collectors.log import READY_LINE

RULES = STACKS / "neutralise.toml"
FRONTS = ("http", "httprouter", "http-socket", "http11-socket")
SECURE = ("https", "https2", "https-socket", "https-socket-with-client-ca", "suwsgi-socket")
SOCKETS = (
    *("socket", "uwsgi-socket", "puwsgi-socket", "raw-socket", "fastcgi-socket", "fastcgi-nph-socket"),
    *("scgi-socket", "scgi-nph-socket", "shared-socket", "undeferred-shared-socket", *FRONTS),
)
LOADS_APP = (
    *("module", "wsgi", "wsgi-file", "file", "pump", "wsgi-lite", "web3", "pecan", "eval", "paste", "ini-paste"),
    *("ini-paste-logged", "mount", "callable", "test", "manage-script-name"),
)
# More workers than these tell no more about a respawn, and a laptop may not hold their imports.
MOST_WORKERS = 8
# Small enough for W workers to recycle about W times a second (the master reaps once a second), large
# enough for a worker to be seen serving.
MAX_REQUESTS = 5
PORT = "127.0.0.1:$(PACK_PORT)"
FALSE = ("false", "off", "no", "0")


@dataclass(frozen=True)
class Change:
    """One option that is not theirs any more; '' stands for absent."""

    option: str
    theirs: str
    ours: str
    why: str


@dataclass
class Neutral:
    """The configuration that is run, and how it came about."""

    options: Options = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # names that their binary does not have
    workers: int = 1
    front: str = ""  # the option that the load goes to

    def text(self) -> str:
        """As an ini; `%` is doubled, because the binary has replaced its placeholders already."""
        return "\n".join(["[uwsgi]", *(f"{key} = {value.replace('%', '%%')}" for key, value in self.options), ""])

    def change(self, option: str, theirs: str, ours: str, why: str) -> None:
        """Note a difference."""
        self.changes.append(Change(option, theirs, ours, why))

    def set(self, option: str, value: str, why: str, synonyms: tuple[str, ...] = ()) -> None:
        """Give an option one value instead of whatever it has."""
        names = (option, *synonyms)
        found = [bare(value) for key, value in self.options if key in names]
        self.options = [(key, v) for key, v in self.options if key not in names] + [(option, value)]
        last = found[-1] if found else ""  # which counts
        if last != value and not (value == "true" and last and is_on(last)):
            self.change(option, ", ".join(found), value, why)

    def drop(self, names: tuple[str, ...], why: str) -> None:
        """Take options out."""
        for key, value in self.options:
            if key in names:
                self.change(key, bare(value), "", why)
        self.options = [(key, value) for key, value in self.options if key not in names]


@cache
def rules() -> list[dict[str, Any]]:
    """The rules of neutralise.toml."""
    found: list[dict[str, Any]] = tomllib.loads(RULES.read_text(encoding="utf-8"))["rule"]
    return found


def bare(value: str) -> str:
    """The value of an option; a flag that stands alone is on."""
    return value or "true"


def is_on(value: str) -> bool:
    """Whether a flag with this value is set (uwsgi_opt_true, core/uwsgi.c)."""
    return value.lower() not in FALSE


def has(options: Options, *names: str) -> bool:
    """Whether one of the flags or options is set and not switched off; the last one counts."""
    values = [value for key, value in options if key in names]
    return bool(values) and is_on(values[-1])


def neutralise(
    options: Options,
    known: frozenset[str],
    private: Path,
    app: str | None = None,
    directory: Path | None = None,
    backlog: int = 4096,
) -> Neutral:
    """What is run instead of `options`. Raises CannotCheck for what has nothing to check in it."""
    neutral = Neutral()
    _refuse(options, app)
    sockets = _Sockets(neutral, private)
    for key, value in options:
        if key in CONSUMED:
            continue
        if key not in known and key not in ("ini-paste", "ini-paste-logged"):
            neutral.unknown.append(key)
        elif key in SOCKETS or key in SECURE:
            sockets.add(key, value)
        elif rule := _rule(key, value):
            neutral.change(key, bare(value), "", rule["why"])
        elif key in ("ini-paste", "ini-paste-logged"):
            neutral.options.append(("paste", f"config:{Path(value).absolute()}"))
        else:
            neutral.options.append((key, value))
    sockets.place()
    if any("auto" in change.option and change.option.startswith("py") for change in neutral.changes):
        neutral.set("enable-threads", "true", "py-autoreload, which was taken out, implies it (UWSGI_OPT_THREADS)")
    _move_directories(neutral, private)
    if app is not None:
        neutral.drop(LOADS_APP, "another app was named with --app")
        _name_app(neutral, app)
    if directory is not None and any(key in ("chdir", "chdir2") for key, _ in neutral.options):
        neutral.set("chdir", str(directory), "another directory was named with --chdir", ("chdir2",))
    _recycle(neutral, known, backlog)
    return neutral


def _refuse(options: Options, app: str | None) -> None:
    keys = {key for key, _ in options}
    if app is None and "emperor" in keys and not keys & set(LOADS_APP):
        raise CannotCheck(
            "This is the configuration of an emperor, which serves nothing itself: check those of its vassals, "
            "one at a time."
        )
    if not keys & {*SOCKETS, *SECURE}:
        raise CannotCheck(
            "The configuration listens nowhere: it has no socket, http or http-socket. Add the option that starts it "
            "in production, or say --args '--http-socket :8000' where systemd or an emperor hands the socket over."
        )


def _rule(key: str, value: str) -> dict[str, Any] | None:
    for rule in rules():
        if any(fnmatchcase(key, pattern) for pattern in rule["options"]):
            return None if value.startswith(tuple(rule.get("unless", ["\0"]))) else rule
    return None


@dataclass
class _Sockets:
    """Moves sockets, their kind kept: one HTTP one to the port of the load, the others to private unix paths."""

    neutral: Neutral
    private: Path
    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, key: str, value: str) -> None:
        self.found.append((key, value))

    def place(self) -> None:
        """Decide which one is hammered, then name each anew."""
        neutral = self.neutral
        names: dict[str, str] = {}
        front = next(((k, v) for kind in FRONTS for k, v in self.found if k == kind), None)
        for number, (key, value) in enumerate(self.found):
            if "shared-socket" in key:
                neutral.change(key, value, "", "sockets are opened where they are used, not shared")
                continue
            if key in SECURE:
                neutral.change(key, value, "", "the load speaks plain HTTP on the loopback address")
                if front is None:
                    front = (key, value)
                    neutral.options.append(("http", PORT))
                    neutral.change("http", "", PORT, f"instead of {key}: the same router without TLS")
                continue
            ours = PORT if (key, value) == front and PORT not in names.values() else f"{self.private}/{number}.sock"
            names[value] = ours
            neutral.options.append((key, ours))
            neutral.change(key, value, ours, "their address is left alone")
        if front is None:
            neutral.options.append(("http-socket", PORT))
            neutral.change("http-socket", "", PORT, "the load speaks HTTP, and theirs is another protocol")
        neutral.front = front[0] if front else "http-socket"
        moved = [(k, names.get(v, v)) if k in ("http-to", "http-fallback") else (k, v) for k, v in neutral.options]
        for (key, theirs), (_, ours) in zip(neutral.options, moved, strict=True):
            if theirs != ours:
                neutral.change(key, theirs, ours, "it follows the socket that was moved")
        neutral.options = moved


def _move_directories(neutral: Neutral, private: Path) -> None:
    """Options that make files keep their kind in a private place."""
    for index, (key, value) in enumerate(neutral.options):
        if key in ("spooler", "py-tracebacker"):
            ours = str(private / ("spool" if key == "spooler" else "tracebacker"))
            if key == "spooler":
                Path(ours).mkdir(exist_ok=True)
            neutral.options[index] = (key, ours)
            neutral.change(key, value, ours, "its files are not theirs")
        elif key == "cache2" and "store=" in value:
            ours = ",".join(part for part in value.split(",") if not part.startswith("store="))
            neutral.options[index] = (key, ours)
            neutral.change(key, value, ours, "their cache file is left alone")


def _name_app(neutral: Neutral, app: str) -> None:
    """`module:callable`, or `path/to/file.py` with or without `:callable`."""
    head, _, callable_ = app.partition(":")
    if head.endswith(".py"):
        neutral.set("wsgi-file", str(Path(head).absolute()), "named with --app")
        if callable_:
            neutral.set("callable", callable_, "named with --app")
    else:
        neutral.set("module", app, "named with --app")


def _recycle(neutral: Neutral, known: frozenset[str], backlog: int) -> None:
    """What makes workers leave after a few requests, and lets each be seen."""
    fast = "recycle often: by default a worker lives 10 s whatever max-requests says (core/init.c)"
    neutral.set("master", "true", "nobody else could bring a worker back", ("M",))
    asked = next((value for key, value in reversed(neutral.options) if key in ("processes", "workers")), "1")
    neutral.workers = min(int(asked) if asked.isdigit() else 1, MOST_WORKERS) or 1
    if any(key in ("processes", "workers") for key, _ in neutral.options):
        why = f"{MOST_WORKERS} workers tell as much, and fit into a small machine"
        neutral.set("processes", str(neutral.workers), why, ("workers",))
    neutral.drop(("max-requests-delta", "max-worker-lifetime-delta"), "every worker is to recycle soon")
    neutral.set("max-requests", str(MAX_REQUESTS), "recycle after a few requests")
    neutral.set("min-worker-lifetime", "0", fast)
    neutral.set("forkbomb-delay", "0", "by default the master sleeps 2 s when workers respawn quickly (core/master.c)")
    if not has(neutral.options, "die-on-term"):
        neutral.set("die-on-term", "true", "TERM is to stop it, not to reload it")
    if not has(neutral.options, "disable-logging"):
        neutral.set("disable-logging", "true", "a line a request is no news")
    listen = next((value for key, value in reversed(neutral.options) if key == "listen"), "")
    if listen.isdigit() and int(listen) > backlog:
        neutral.set(
            "listen", str(backlog), f"net.core.somaxconn is {backlog} here, and uWSGI refuses to start with more"
        )
    neutral.options.append(("hook-accepting", f"print:{READY_LINE}"))
    neutral.change("hook-accepting", "", f"print:{READY_LINE}", "a line for every worker that is ready")
    if "route-run" in known:
        tag = "addheader:X-Worker: ${uwsgi[wid]}/${uwsgi[pid]}"
        neutral.options.insert(0, ("route-run", tag))
        neutral.change("route-run", "", tag, "which worker answered")
