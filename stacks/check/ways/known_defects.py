"""Names the known defect behind a way that the load took, where no worker hangs: requests that are cut off, or kept.

The diagnosis of a check names the defects behind a hang.
"""

from __future__ import annotations

from dataclasses import replace

from stacks import catalogue
from stacks.catalogue.version_order import is_within
from stacks.check.ways.taken import TakenWay
from stacks.lifecycle.counted import counted

HARAKIRI_PUT_OFF, LIFETIME_CUTS = "harakiri-put-off", "lifetime-cuts"  # names in versions.toml
CUT = ("reset", "truncated")  # the kinds of loss of a request whose worker ends before it has answered


def explain(taken: TakenWay, threads: int, version: str) -> TakenWay:
    """Return `taken` with its cause and a reason that tells it, if a defect of this uWSGI `version` explains it."""
    way, result = taken.way, taken.result
    if threads <= 1:  # both defects are about the other threads of a worker
        return taken
    if way.name == "harakiri" and result.verdict == "invalid" and not result.replaced:
        why = (
            "no request was ended: with threads a worker has one deadline, and every request that ends clears it, so a "
            "stuck request stays (unbit/uwsgi#2706)"
        )
        return replace(taken, result=replace(result, reason=why), cause=HARAKIRI_PUT_OFF)
    defect = catalogue.load().defects[LIFETIME_CUTS]
    cut = sum(result.lost.get(kind, 0) for kind in CUT)
    if way.name == "max-worker-lifetime" and cut and is_within(version, defect.pin):
        requests = f"{cut} of {counted(result.requests, 'request', 'requests')} cut off"
        why = f"{requests}: {defect.what} ({LIFETIME_CUTS}, {', '.join(defect.upstream)})"
        return replace(taken, result=replace(result, reason=why), cause=LIFETIME_CUTS)
    return taken
