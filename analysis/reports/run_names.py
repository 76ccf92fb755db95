"""The settings in the name of a run or a variant, such as `w8t1m144d24`, in words.

`make capacity` measures one stack with several settings, so its runs are called `STACK@VERSION+SETTINGS-TRIAL`
(`stacks/campaign/capacity_sizes.py` composes the settings).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SETTINGS = re.compile(r"\bw(\d+)t(\d+)(?:m(\d+))?(?:d(\d+))?(?=-\d+$|$)")


def settings_of(name: str) -> str:
    """The settings at the end of a name, such as `w8t1m144d24`; an empty text where the name has none."""
    match = SETTINGS.search(name)
    return match[0] if match else ""


def settings_in_words(settings: str) -> str:
    """The words for settings, such as `8 workers of 1 thread, max-requests 144, max-requests-delta 24`."""
    match = SETTINGS.fullmatch(settings)
    if match is None:
        raise ValueError(f"{settings!r} is not of the form w8t1m144d24")
    workers, threads, max_requests, delta = match.groups()
    words = f"{workers} worker{'' if workers == '1' else 's'} of {threads} thread{'' if threads == '1' else 's'}"
    words += f", max-requests {max_requests}" if max_requests else ", no recycling"
    return words + (f", max-requests-delta {delta}" if delta else "")


def explained(names: Iterable[str]) -> dict[str, str]:
    """The settings that occur in these names -> their words, in the order of the names."""
    found = dict.fromkeys(filter(None, map(settings_of, names)))
    return {settings: settings_in_words(settings) for settings in found}
