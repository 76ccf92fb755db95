"""The fields for a stack in Locust's form: it adds them, checks their values, and returns the choice.

`catalogue` is the JSON of `python -m stacks list --json`.
"""

import math

NUMBERS = ("workers", "max_requests", "threads")
FASTEST_RAMP = 10_000.0  # users per second: the highest number of users, all at once


def add_arguments(parser, catalogue):
    """Add the fields, in the order of the form."""
    plan = catalogue["plan"]
    stacks, versions = list(catalogue["stacks"]), list(catalogue["versions"])
    parser.add_argument(
        "--stack", choices=stacks, default=plan["stack"], help="a configuration of uWSGI, stacks/NAME.ini"
    )
    parser.add_argument(
        "--stack-version",
        dest="version",
        choices=versions,
        default=plan["version"],
        help=f"Python and pin of pyuwsgi; expected of {plan['stack']} at {plan['version']}: {plan['expected']}",
    )
    parser.add_argument("--workers", type=int, default=plan["workers"], help="number of uWSGI workers")
    parser.add_argument(
        "--max-requests", type=int, default=plan["max_requests"], help="requests after which a worker recycles"
    )
    parser.add_argument("--threads", type=int, default=0, help="threads of each worker; 0: those of the stack")


def whole_number(text):
    """Parse a whole number. Return None for anything else."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return None


def errors(form, catalogue):
    """Return a sentence for each wrong value of the form."""
    sentences = []
    for name, names in (("stack", catalogue["stacks"]), ("version", catalogue["versions"])):
        if name in form and form[name] not in names:
            sentences.append(f"There is no {name} {form[name]!r}.")
    limits = catalogue["limits"]
    for name, label in [("user_count", "Number of users"), *((name, name) for name in NUMBERS)]:
        if name not in form:
            continue
        low, high = limits["users" if name == "user_count" else name]
        if name == "threads":
            low = 0
        value = whole_number(form[name])
        if value is None or not low <= value <= high:
            title = label.replace("_", " ").capitalize()
            sentences.append(f"{title}: {form[name]!r} is not a whole number from {low:,.0f} to {high:,.0f}.")
    if "spawn_rate" in form:
        try:
            rate = float(form["spawn_rate"])
        except ValueError:
            rate = math.nan
        if not 0 < rate <= FASTEST_RAMP:
            sentences.append(
                f"Ramp up: {form['spawn_rate']!r} is not a number above 0 and up to {FASTEST_RAMP:,.0f} users a second."
            )
    return sentences


def choice(options):
    """Return the chosen stack, with the option names of `python -m stacks serve`."""
    return {
        "stack": options.stack,
        "version": options.version,
        "workers": options.workers,
        "max_requests": options.max_requests,
        "threads": options.threads,
    }
