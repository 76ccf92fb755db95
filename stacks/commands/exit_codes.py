"""The exit codes of `python -m stacks` and their meanings.

A command may give a code a more exact meaning in its own EXIT_CODES. `make` replaces every code except 0 by its own 2.
"""

OK, NOT_MEASURED, USAGE, UNEXPECTED = 0, 1, 2, 3
INTERRUPTED = 130  # outside of the runs, which end in order with NOT_MEASURED; a shell says 130 for SIGINT too

MEANINGS = {
    OK: "everything was measured, and every verdict is the expected one",
    NOT_MEASURED: "something could not be measured",
    USAGE: "the command line is wrong",
    UNEXPECTED: "a verdict is not the expected one",
}
# For the commands that expect no certain verdict.
WITHOUT_EXPECTATION = {code: MEANINGS[code] for code in (OK, NOT_MEASURED, USAGE)}
