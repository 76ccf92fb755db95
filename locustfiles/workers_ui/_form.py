"""The fields that choose a stack in Locust's form: what may stand in them, and every mistake in one answer."""

import math

NUMBERS = ("workers", "max_requests", "threads")
FASTEST_RAMP = 10_000.0  # users a second: all of the most there may be


def add_arguments(parser, known):
    """The fields, in the order of the form."""
    plan = known["plan"]
    stacks, versions = list(known["stacks"]), list(known["versions"])
    parser.add_argument(
        "--stack", choices=stacks, default=plan["stack"], help="a configuration of uWSGI, stacks/NAME.ini"
    )
    parser.add_argument(
        "--stack-version", dest="version", choices=versions, default=plan["version"], help="Python, and pin of pyuwsgi"
    )
    parser.add_argument("--workers", type=int, default=plan["workers"], help="uWSGI processes")
    parser.add_argument("--max-requests", type=int, default=plan["max_requests"], help="after which a worker recycles")
    parser.add_argument("--threads", type=int, default=0, help="of each worker; 0: as the stack has it")


def number(text):
    """A whole number, or None."""
    try:
        return int(text)
    except (TypeError, ValueError):
        return None


def errors(form, known):
    """What is wrong with a form, sentence by sentence."""
    found = []
    for name, among in (("stack", known["stacks"]), ("version", known["versions"])):
        if name in form and form[name] not in among:
            found.append(f"There is no {name} {form[name]!r}.")
    limits = known["limits"]
    for name, label in [("user_count", "Number of users"), *((name, name) for name in NUMBERS)]:
        if name not in form:
            continue
        low, high = limits["users" if name == "user_count" else name]
        if name == "threads":
            low = 0
        value = number(form[name])
        if value is None or not low <= value <= high:
            said = label.replace("_", " ").capitalize()
            found.append(f"{said}: {form[name]!r} is not a whole number from {low:,.0f} to {high:,.0f}.")
    if "spawn_rate" in form:
        try:
            rate = float(form["spawn_rate"])
        except ValueError:
            rate = math.nan
        if not 0 < rate <= FASTEST_RAMP:
            found.append(
                f"Ramp up: {form['spawn_rate']!r} is not above 0 and up to {FASTEST_RAMP:,.0f} users a second."
            )
    return found


def choice(options):
    """What was chosen, in the words of `python -m stacks serve`."""
    return {
        "stack": options.stack,
        "version": options.version,
        "workers": options.workers,
        "max_requests": options.max_requests,
        "threads": options.threads,
    }
