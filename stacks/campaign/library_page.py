"""Makes the page of the libraries, stacks/LIBRARIES.md, from the results of campaigns and from libraries.toml."""

from __future__ import annotations

from stacks.campaign import library_words as words
from stacks.campaign.library_advice import CRASHES, HANGS, HARMS, LOSES, SLOW, SLOW_S, advice, state
from stacks.campaign.library_results import LibraryResult, LibraryResults
from stacks.catalogue.libraries import MODES, Library, LibraryCatalogue
from stacks.catalogue.readme import reference
from stacks.lifecycle.records import RecordError

HEAD = """\
# Real libraries below a fork

This page tells what real libraries do below a uWSGI that recycles its workers, and what to set. `make libraries` makes
it from results; nobody types it. Each library is [a small app]({base}apps/libraries) that makes the library at import,
by its own documentation, and uses it once a request.
[`make libraries`]({base}campaign/README.md#real-libraries-make-libraries) repeats one of them, also with another pin or
at another version.
"""
MEANING = """\
- A verdict is [that of a run]({base}lifecycle/README.md); of several runs, the severest. `hung_worker`: a worker never
  becomes ready. `hung_request`: it never answers. `hung_exit`: it never leaves.
- The numbers are the hung workers of all workers whose fate was seen. In brackets: how many of the hung ones are of the
  first generation. Then the 95 % interval of the rate (Wilson), where it is neither 0 nor 1. The respawns of a run are
  alike, and the load of a stack that hangs ends early: this shows kinds of harm more than rates.
- "recycles are slow": the median recycle takes more than {slow_s:.0f} s. "items are lost": less than half of the items
  of workers that lived on arrived. "workers crash at their exit": a segmentation fault or an abort after their last
  request. They come back, but what stands behind the crash does not run, such as functions of atexit.
- "not measured" is not 0: no run came to a verdict. "not judged": the runs saw too little.
"""
RECYCLES = """\
The median time from the begin of an exit until the next worker is ready. With lazy-apps it has the import of the app in
it, of all workers at once. Where the master has more than one thread, a worker gets only the one that forks.
"""
NAMES = """\
The last column names the threads of the master that no worker has, and the package that started each of them. The
workers were looked at after they had answered requests, where a run could do so, otherwise when they became ready.
"""
ITEMS = """\
These apps send an item in each request to a local server, through the library. "Live" are the workers that still served
2 s after the load. What they do not deliver, no thread of theirs sends, and no call fails. "Left" are the others, which
recycled after {max_requests} requests. What they do not deliver may also have been lost at their exit. An item counts
as sent if its request was answered. More items than that can arrive where a client gave up.
"""
NATIVES = """\
The pack has no app of these libraries, because their workers crash or hang in native code.
"""


def page(results: LibraryResults, libraries: LibraryCatalogue, base: str = "") -> str:
    """Return the page as Markdown. `base` is the way from its folder to `stacks/`, with a slash at its end.

    Raises RecordError if there is no run to tell of.
    """
    if not results.dates:
        raise RecordError("no run of these campaigns came to a verdict, so there is no page to make")
    measured = [library for library in libraries.libraries.values() if _rows(results, library) != [None] * len(MODES)]
    with_items = [library for library in measured if library.sink == "items"]
    parts = [
        HEAD.format(base=base),
        _measured(results, {library.name for library in measured}),
        "",
        "## What hangs, and what to set",
        "",
        MEANING.format(base=base, slow_s=SLOW_S),
        *_table(["library", *MODES, "what to set"], [_verdict_row(results, library, base) for library in measured]),
        "",
        "## What a recycle takes, and the threads of the master at the fork",
        "",
        RECYCLES + NAMES * _has_names(results),
        *_recycle_table(results, measured),
        "",
    ]
    if with_items:
        parts += ["## Items that arrive", "", ITEMS.format(max_requests=results.plan["max_requests"])]
        titles = [f"{mode}, {kind}" for mode in MODES for kind in ("live", "left")]
        parts += [*_table(["library", *titles], [_item_row(results, library) for library in with_items]), ""]
    parts += ["## Told in words only", "", NATIVES]
    parts += [
        f"- {native.package}, {native.used}: {native.seen} Seen on {native.on}. Source: {reference(native.source)}."
        for native in libraries.natives.values()
    ]
    return "\n".join(parts) + "\n"


def _measured(results: LibraryResults, names: set[str]) -> str:
    """Return when, with what and where the results of these libraries were measured."""
    first, last, plan = results.dates[0], results.dates[-1], results.plan
    when = first if first == last else f"{first} to {last}"
    where = "; ".join(
        f"{host['cores']} cores, {host['cpu'] or host['machine']}, Linux {host['kernel'].partition('-')[0]}"
        for host in results.hosts
    )
    shown = [result for result in results.results if result.library in names]
    runs = sum(len(result.runs) for result in shown)
    return (
        f"Measured {when}: {', '.join(results.servers)}; {where}. {runs} runs of {len(shown)} cells, with "
        f"{plan['workers']} workers, max-requests {plan['max_requests']}, threads enabled and {plan['users']} clients."
    )


def _rows(results: LibraryResults, library: Library) -> list[LibraryResult | None]:
    return [results.of(library.name, mode) for mode in MODES]


def _title(results: LibraryResults, library: Library, base: str) -> str:
    """Return the name with a link to its app, and the packages that were measured."""
    measured = next(result for result in _rows(results, library) if result is not None)
    packages = ", ".join(package.replace("==", " ") for package in measured.packages)
    return f"[{library.name}]({base}apps/{library.app}): {packages or 'standard library'}"


def _verdict_row(results: LibraryResults, library: Library, base: str) -> list[str]:
    rows = _rows(results, library)
    return [_title(results, library, base), *map(_verdict_field, rows), advice(*rows)]


def _verdict_field(result: LibraryResult | None) -> str:
    verdict, numbers = words.verdict(result), words.numbers(result)
    harm = state(result)
    text = f"{f'**{verdict}**' if harm == HANGS else verdict} {numbers}".strip()
    if harm == CRASHES and result is not None:
        return f"{text}, **{HARMS[harm]}** ({result.exits.crashed} of {result.exits.left})"
    return f"{text}, **{HARMS[harm]}**" if harm in (SLOW, LOSES) else text


def _has_names(results: LibraryResults) -> bool:
    return any(result.lost_threads is not None for result in results.results)


def _recycle_table(results: LibraryResults, measured: list[Library]) -> list[str]:
    """Return the table of times and threads; with the threads' names if a run has looked at them."""
    has_names = _has_names(results)
    titles = ["library", *(f"recycle, {mode}" for mode in MODES), *(f"threads, {mode}" for mode in MODES)]
    rows = []
    for library in measured:
        of_library = _rows(results, library)
        row = [library.name, *map(words.seconds, of_library), *map(words.threads, of_library)]
        rows.append(row + [words.lost_threads(of_library[0])] * has_names)
    return _table(titles + ["threads that only the master has, preforking"] * has_names, rows)


def _item_row(results: LibraryResults, library: Library) -> list[str]:
    row = [library.name]
    for result in _rows(results, library):
        row += [words.items(result, "lived_on"), words.items(result, "left")]
    return row


def _table(titles: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (titles, ["---"] * len(titles), *rows)]
