"""When requests arrive in the open model: moments in seconds from the start, from a rate. Pure."""

import math
import random

STEP_S = 0.01  # a rate that is a function is taken as constant for so long
STEPS_A_TICK = 100
RATE_LIMIT = 1e5  # a second and user; beyond what a process can start
KINDS = ("poisson", "constant")


def checked(rate):
    """The rate as a number. Raises ValueError."""
    rate = float(rate)
    if not 0 <= rate <= RATE_LIMIT or math.isnan(rate):
        raise ValueError(f"rate {rate}: not between 0 and {RATE_LIMIT:g} arrivals a second")
    return rate


def schedule(rate, kind="poisson", rng=random):
    """Seconds from the start and whether somebody arrives then, in order and without end.

    `rate` is arrivals a second, or a function of the seconds. Poisson gaps are exponential in the integral of the
    rate, constant ones are 1 of it, from a random phase, so that users do not march in step. Once a second
    comes a moment at which nobody arrives, so that the caller can end a rate of 0 as well.
    """
    if kind not in KINDS:
        raise ValueError(f"arrivals {kind!r}: {' or '.join(KINDS)}")
    at = rate if callable(rate) else lambda _seconds: rate
    need = rng.expovariate(1.0) if kind == "poisson" else rng.random()
    step = 0
    while True:
        begin_s = step * STEP_S
        now = checked(at(begin_s))
        room = now * STEP_S
        while need < room:
            room -= need
            begin_s += need / now
            yield begin_s, True
            need = rng.expovariate(1.0) if kind == "poisson" else 1.0
        need -= room
        step += 1
        if step % STEPS_A_TICK == 0:
            yield step * STEP_S, False
