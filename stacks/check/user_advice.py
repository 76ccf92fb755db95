"""The advice about the user: a check that root starts runs the app as root, whatever user the configuration names."""

from __future__ import annotations

import os

from stacks.check.options import Options, last_value

ROOT = ("", "root", "0")


def user_advice(options: Options, effective_uid: int | None = None) -> list[str]:
    """Return a sentence if root checks a configuration of another user. `effective_uid` is that of this process."""
    uid = os.geteuid() if effective_uid is None else effective_uid
    user = last_value(options, "uid", "immediate-uid")
    if uid != 0 or user in ROOT:
        return []
    return [
        f"The configuration runs as {user}, and this check ran as root: files that the app has made belong to root. "
        f"Check as {user}, for example with sudo -u {user}; PACK_RESULTS=DIR names a directory for the results that "
        f"{user} may write."
    ]
