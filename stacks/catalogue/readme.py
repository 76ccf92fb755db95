"""Makes stacks/README.md from the stacks' [pack] sections, the defects of versions.toml and the prose in `prose/`.

Prose that no file of the catalogue contains is in `prose/NAME.md`, as plain Markdown.
"""

from __future__ import annotations

from pathlib import Path

from stacks.catalogue import STACK_KINDS, STACKS, Catalogue, Defect, Stack

PAGE = STACKS / "README.md"
PROSE = Path(__file__).with_name("prose")
EVERY = "every version"


def page(catalogue: Catalogue) -> str:
    """Return the whole page, as Markdown."""
    parts = [prose("introduction"), "## The defects of each version", "", "| version | defects |", "|---|---|"]
    parts += _version_rows(catalogue)
    in_all = [_link(defect) for defect in catalogue.defects.values() if versions(defect) == EVERY]
    parts += ["", f"Every version also has: {', '.join(in_all)}.", "", "## The stacks"]
    for kind, title in STACK_KINDS.items():
        parts += ["", f"**{title}**", "", "| stack | what | fails on |", "|---|---|---|"]
        parts += [_stack_row(catalogue, stack) for stack in _stacks_of(catalogue, kind)]
    parts += ["", "## The defects"]
    for defect in catalogue.defects.values():
        parts += ["", *_defect_section(defect)]
    for kind, title in STACK_KINDS.items():
        parts += ["", f"## {title}"]
        for stack in _stacks_of(catalogue, kind):
            parts += ["", *_stack_section(catalogue, stack)]
    return "\n".join([*parts, "", prose("left_out")])


def prose(name: str) -> str:
    """Return the text of `prose/NAME.md`."""
    return (PROSE / f"{name}.md").read_text(encoding="utf-8")


def versions(defect: Defect) -> str:
    """Return the versions that have the defect, in words."""
    where = [defect.package or "pyuwsgi and uwsgi"] if defect.package or defect.pin else []
    where += [defect.pin] * bool(defect.pin)
    python = [f"Python {defect.python}"] * bool(defect.python)
    return ", ".join([" ".join(where), *python] if where else python) or EVERY


def _stacks_of(catalogue: Catalogue, kind: str) -> list[Stack]:
    return [stack for stack in catalogue.stacks.values() if stack.kind == kind]


def _version_rows(catalogue: Catalogue) -> list[str]:
    """Return a row for every release of a package, with its defects except those that every version has."""
    rows = []
    for package in dict.fromkeys(version.package for version in catalogue.versions.values()):
        of_package = [version for version in catalogue.versions.values() if version.package == package]
        for pin in dict.fromkeys(version.pin for version in of_package):
            links = [
                _link(defect) + (f" (Python {defect.python})" if defect.python else "")
                for defect in catalogue.defects.values()
                if versions(defect) != EVERY
                and any(defect.affects(version) for version in of_package if version.pin == pin)
            ]
            rows.append(f"| {package} {pin} | {', '.join(links) or '-'} |")
    return rows


def _link(defect: Defect) -> str:
    return f"[{defect.name}](#defect-{defect.name})"


def _stack_row(catalogue: Catalogue, stack: Stack) -> str:
    """Return the row of the stack in the table at the top. A verdict on every version hides the same on some."""
    failing = [defect for name in stack.meets if (defect := catalogue.defects[name]).verdict != "recovers"]
    always = {defect.verdict for defect in failing if versions(defect) == EVERY}
    failing = [defect for defect in failing if versions(defect) == EVERY or defect.verdict not in always]
    fails = "; ".join(f"{versions(defect)}: `{defect.verdict}`" for defect in failing)
    return f"| [{stack.name}](#{stack.name}) | {stack.what} | {fails or '-'} |"


def _defect_section(defect: Defect) -> list[str]:
    where = f"On {versions(defect)}, with {'every stack' if defect.always else 'the stacks that name it below'}"
    return [
        f"### Defect {defect.name}",
        "",
        f"{_capital(defect.what)}.",
        "",
        f"- {where}: **`{defect.verdict}`**.",
        f"- A load test sees: {defect.sees}.",
        f"- Remedy: {defect.remedy}.",
        f"- Upstream: {', '.join(map(reference, defect.upstream))}.",
    ]


def _stack_section(catalogue: Catalogue, stack: Stack) -> list[str]:
    lines = [
        f"### {stack.name}",
        "",
        f"{_capital(stack.what)} ([`{stack.name}.ini`]({stack.name}.ini); {'; '.join(_stack_facts(stack))}).",
        "",
    ]
    if stack.sees:
        lines.append(f"- At every version a load test sees: {stack.sees}.")
    lines += [
        f"- On {versions(defect)}: **`{defect.verdict}`** ({_link(defect)})."
        for defect in (catalogue.defects[name] for name in stack.meets)
    ]
    if not any(versions(catalogue.defects[name]) == EVERY for name in stack.meets):
        lines.append(f"- On every {'other ' if stack.meets else ''}version: `recovers`.")
    return lines


def _stack_facts(stack: Stack) -> list[str]:
    """Return what runs with the stack and what it needs: app, trigger, scenario, packages, programs, versions."""
    facts = [f"app [`{stack.app}`](apps/{stack.app})"]
    if stack.trigger is not None:
        facts.append(f"trigger `{stack.trigger}`")
    if stack.scenario is not None:
        facts.append(f"scenario `{stack.scenario}`")
    needs = [f"`{name}`" for name in (*stack.packages, *stack.programs)]
    needs += [f"Python {stack.python}"] * bool(stack.python) + [f"uWSGI {stack.pin}"] * bool(stack.pin)
    if needs:
        facts.append(f"needs {', '.join(needs)}")
    return facts


def reference(name: str) -> str:
    """Return a link to an issue (owner/repository#number) or a page (https://...), or the name of a source file."""
    if name.startswith("https://"):
        return f"<{name}>"
    if "#" in name:
        repository, _, number = name.partition("#")
        return f"[{name}](https://github.com/{repository}/issues/{number})"
    return f"`{name}`"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
