"""Says in a sentence what to set for a library below uWSGI. It follows from the verdicts of its modes alone."""

from __future__ import annotations

from stacks.campaign.library_results import LibraryResult

OK, HANGS, SLOW, LOSES, CRASHES, UNKNOWN = "ok", "hangs", "slow", "loses", "crashes", "unknown"  # states
LAZY, HOOKS = "lazy-apps", "py-call-uwsgi-fork-hooks"
# A worker that is away for so long at each recycle is a harm of its own: the library waits at the exit. Other recycles
# take a second, or as long as the import of the app.
SLOW_S = 10.0
LOST_SHARE = 0.5  # below this share of arrived items a worker's items count as lost
HARMS = {
    HANGS: "workers hang",
    SLOW: "recycles are slow",
    LOSES: "items are lost",
    CRASHES: "workers crash at their exit",
}


def state(result: LibraryResult | None) -> str:
    """Return what a mode does to the library: one of OK, HANGS, SLOW, LOSES, CRASHES, UNKNOWN."""
    if result is None or result.verdict is None:
        return UNKNOWN
    if result.verdict != "recovers":
        return HANGS
    if (result.recycle_s or 0.0) > SLOW_S:
        return SLOW
    items = result.items("lived_on") or result.items()
    if items is not None and items[0] < LOST_SHARE * items[1]:
        return LOSES
    return CRASHES if result.exits.crashed else OK


def advice(preforking: LibraryResult | None, lazy: LibraryResult | None, hooks: LibraryResult | None) -> str:
    """Return what to set, from the results of the three modes."""
    harm, by_lazy, by_hooks = state(preforking), state(lazy), state(hooks)
    if harm == UNKNOWN:
        return "not measured"
    if harm == OK:
        return "nothing needed"
    if by_lazy == by_hooks == OK:
        return f"{LAZY} or {HOOKS}"
    if by_lazy == OK:
        return f"{LAZY}; {_other(HOOKS, by_hooks)}"
    if by_hooks == OK:
        return f"{HOOKS}; {_other(LAZY, by_lazy)}"
    if UNKNOWN in (by_lazy, by_hooks):
        return "not measured what helps"
    return f"neither helps: with {LAZY} {HARMS[by_lazy]}, with {HOOKS} {HARMS[by_hooks]}"


def _other(option: str, of: str) -> str:
    """Return why the other option is not named."""
    return f"{option} is not measured" if of == UNKNOWN else f"with {option} {HARMS[of]}"
