"""The fields of Locust's own form, and those of the user's locustfile: a sentence for each value that cannot work.

Locust sets whatever option a form names, and fails with status 500 where a value has another type. So a form with a
field that the page does not have is refused.
"""

import json
import re

FIELDS = ("user_count", "spawn_rate", "host", "run_time", "profile", "user_classes", "shape_class")
RUN_TIME = re.compile(r"(?:[0-9]{1,9}|(?=[0-9])(?:[0-9]{1,4}h)?(?:[0-9]{1,6}m)?(?:[0-9]{1,8}s)?)")
# What the page with --class-picker sends of a class of users.
USER_FIELDS = {"user_class_name": str, "host": str | None, "weight": int, "fixed_count": int, "tasks": list}
LONGEST_URL = 2000
SHOWN = 60  # characters of a wrong value that the sentence repeats


def field_errors(form, extra):
    """Return a sentence for each field that cannot work.

    `form` has the texts of the fields. `extra` has the present values of the locustfile's own options, by name.
    """
    sentences = [f"There is no field {_shown(name)}." for name in form if name not in FIELDS and name not in extra]
    if form.get("run_time") and not RUN_TIME.fullmatch(form["run_time"]):
        sentences.append(f"Run time: {_shown(form['run_time'])} is not a time such as 20, 90s, 3m or 1h20m.")
    host = form.get("host", "")
    if not (host.isascii() and host.isprintable() and " " not in host and len(host) <= LONGEST_URL):
        sentences.append(f"Host: {_shown(host)} is not a URL.")
    sentences += [
        f"{name}: {_shown(form[name])} is not a value of this field."
        for name, value in extra.items()
        if name in form and not _fits(form[name], value)
    ]
    return sentences


def user_error(data, classes):
    """Return what is wrong with the JSON that changes a class of users, or ''. `classes` are their names."""
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return "The request is no JSON."
    if not isinstance(values, dict) or values.get("user_class_name") not in list(classes or ()):
        return "The request names no class of users that can be changed here."
    wrong = [name for name, value in values.items() if not isinstance(value, USER_FIELDS.get(name, ()))]
    wrong += [name for name, value in values.items() if isinstance(value, bool)]
    return f"{', '.join(map(_shown, wrong))}: no field of a class of users, or no value of it." if wrong else ""


def _fits(text, value):
    """Return True if Locust can give the text the type of the present value."""
    kinds = {type(item) for item in value} if isinstance(value, list) else {type(value)}
    words = text.split(",") if isinstance(value, list) else [text]
    try:
        for kind in kinds & {int, float}:
            for word in words:
                kind(word)
    except ValueError:
        return False
    return True


def _shown(text):
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
