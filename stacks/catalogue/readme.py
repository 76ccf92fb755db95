"""The catalogue as a page: stacks/README.md, made from the stacks' [pack] sections and the defects of versions.toml."""

from __future__ import annotations

from stacks.catalogue import KINDS, STACKS, Catalogue, Defect, Stack

PAGE = STACKS / "README.md"
EVERY = "every version"
HEAD = """# Every way a worker fails to come back

A stack is one configuration of uWSGI and an app, `NAME.ini`; a version is a Python with a pyuwsgi (or the standalone
uwsgi). `make loadtest STACK=threads VERSION=py312-2.0.26` runs one at the other, and what the verdicts mean stands in
the [README](../README.md). Made by `python -m stacks page --write` from the files of this folder: change those.
"""
TAIL = """
## What is not here, and why

- Mules and other helper processes: they answer no request, so a load test cannot see whether they come back. What
  was seen by hand: where workers hang by [thread-state](#defect-thread-state), a mule never starts, its first time
  included (10 of 10 on 2.0.26, 0 of 10 on 2.0.30.post1, both on Python 3.12).
- A stop that meets a worker within the milliseconds between its fork and its first wait: in operation too rare for a
  verdict. Asked for within 30 ms of a respawn it was not heard in 50 of 60 (2.0.30.post1, Python 3.12, 3 threads), and
  workers stayed until worker-reload-mercy; within 2 ms of ready in 3 of 45 beside three busy processes, where a request
  thread took the signal, and otherwise in 0 of 99. So a run asks for its stop 0.2 s after the last worker was ready.
  `reload-importing` shows the same with an import that takes longer.
- Deadlocks in a crash handler or in what an app registers at exit (unbit/uwsgi#2776, unbit/uwsgi#2694): known from
  reports, and not reproduced here.
- What is a configuration's mistake and says so when uWSGI starts or runs its hook, such as a `max-worker-lifetime`
  below `min-worker-lifetime`, and an exception of the app without `reload-on-exception`: its worker stays.
"""


def page(known: Catalogue) -> str:
    """The whole page."""
    parts = [HEAD, "## What is wrong with your version", "", "| version | has |", "|---|---|", *_versions(known)]
    always = [_link(defect) for defect in known.defects.values() if versions(defect) == EVERY]
    parts += ["", f"Every version has: {', '.join(always)}.", "", "## The stacks"]
    for kind, title in KINDS.items():
        parts += ["", f"**{title}**", "", "| stack | what | fails on |", "|---|---|---|"]
        parts += [_line(known, stack) for stack in _of(known, kind)]
    parts += ["", "## The defects"]
    for defect in known.defects.values():
        parts += ["", *_defect(defect)]
    for kind, title in KINDS.items():
        parts += ["", f"## {title}"]
        for stack in _of(known, kind):
            parts += ["", *_stack(known, stack)]
    return "\n".join([*parts, TAIL])


def _of(known: Catalogue, kind: str) -> list[Stack]:
    return [stack for stack in known.stacks.values() if stack.kind == kind]


def _versions(known: Catalogue) -> list[str]:
    """A row for every release, with the defects that not all of them have."""
    found = []
    for package in dict.fromkeys(version.package for version in known.versions.values()):
        ours = [version for version in known.versions.values() if version.package == package]
        for pin in dict.fromkeys(version.pin for version in ours):
            has = [
                _link(defect) + (f" (Python {defect.python})" if defect.python else "")
                for defect in known.defects.values()
                if versions(defect) != EVERY and any(defect.affects(version) for version in ours if version.pin == pin)
            ]
            found.append(f"| {package} {pin} | {', '.join(has) or '-'} |")
    return found


def _link(defect: Defect) -> str:
    return f"[{defect.name}](#defect-{defect.name})"


def _line(known: Catalogue, stack: Stack) -> str:
    """A row of the table at the top."""
    failing = [defect for name in stack.meets if (defect := known.defects[name]).verdict != "recovers"]
    always = {defect.verdict for defect in failing if versions(defect) == EVERY}
    failing = [defect for defect in failing if versions(defect) == EVERY or defect.verdict not in always]
    fails = "; ".join(f"{versions(defect)}: `{defect.verdict}`" for defect in failing)
    return f"| [{stack.name}](#{stack.name}) | {stack.what} | {fails or '-'} |"


def _defect(defect: Defect) -> list[str]:
    """What is known of one defect: where it is, how it shows, what helps."""
    where = f"On {versions(defect)}, with {'every stack' if defect.always else 'the stacks that name it below'}"
    return [
        f"### Defect {defect.name}",
        "",
        f"{_capital(defect.what)}.",
        "",
        f"- {where}: **`{defect.verdict}`**.",
        f"- A load test sees: {defect.sees}.",
        f"- Remedy: {defect.remedy}.",
        f"- Upstream: {', '.join(map(_reference, defect.upstream))}.",
    ]


def _stack(known: Catalogue, stack: Stack) -> list[str]:
    """All that is said of one stack."""
    facts = [f"app [`{stack.app}`](apps/{stack.app})"]
    if stack.trigger is not None:
        facts.append(f"trigger `{stack.trigger}`")
    if stack.scenario is not None:
        facts.append(f"scenario `{stack.scenario}`")
    needs = [f"`{name}`" for name in (*stack.packages, *stack.programs)]
    needs += [f"Python {stack.python}"] * bool(stack.python) + [f"uWSGI {stack.pin}"] * bool(stack.pin)
    if needs:
        facts.append(f"needs {', '.join(needs)}")
    lines = [
        f"### {stack.name}",
        "",
        f"{_capital(stack.what)} ([`{stack.name}.ini`]({stack.name}.ini); {'; '.join(facts)}).",
        "",
    ]
    if stack.sees:
        lines.append(f"- At every version a load test sees: {stack.sees}.")
    lines += [
        f"- On {versions(defect)}: **`{defect.verdict}`**, {_link(defect)}."
        for defect in (known.defects[name] for name in stack.meets)
    ]
    if not any(versions(known.defects[name]) == EVERY for name in stack.meets):
        lines.append("- Elsewhere: `recovers`." if stack.meets else "- `recovers` everywhere.")
    return lines


def versions(defect: Defect) -> str:
    """Where it is, in words."""
    where = [defect.package or "pyuwsgi and uwsgi"] if defect.package or defect.pin else []
    where += [defect.pin] * bool(defect.pin)
    python = [f"Python {defect.python}"] * bool(defect.python)
    return ", ".join([" ".join(where), *python] if where else python) or EVERY


def _reference(name: str) -> str:
    """A link to an issue, a page or a source file of uWSGI."""
    if name.startswith("https://"):
        return f"<{name}>"
    if "#" in name:
        repository, _, number = name.partition("#")
        return f"[{name}](https://github.com/{repository}/issues/{number})"
    return f"`{name}`"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
