"""A rate -> the times at which requests of the open model start, in seconds from the start. Pure."""

import math
import random

STEP_S = 0.01  # a rate that is a function counts as constant for this time
STEPS_A_TICK = 100
RATE_LIMIT = 1e5  # arrivals per second and user, more than a process can start
KINDS = ("poisson", "constant")


def valid_rate(rate):
    """Return the rate as a number. Raises ValueError."""
    rate = float(rate)
    if not 0 <= rate <= RATE_LIMIT or math.isnan(rate):
        raise ValueError(f"rate {rate} is not between 0 and {RATE_LIMIT:g} arrivals a second")
    return rate


def schedule(rate, kind="poisson", rng=random):
    """Yield (seconds from the start, whether a request arrives then), in order and without end.

    `rate` is arrivals per second: a number, or a function of the seconds. Between two arrivals the integral of the rate
    grows by an exponential random number (`poisson`) or by 1 (`constant`). The first constant arrival has a random
    phase, so that users do not send in step. Once per second comes a time without an arrival, so that the caller gets
    control also at a rate of 0. Raises ValueError.
    """
    if kind not in KINDS:
        raise ValueError(f"arrivals {kind!r}: use {' or '.join(KINDS)}")
    at = rate if callable(rate) else lambda _seconds: rate
    need = rng.expovariate(1.0) if kind == "poisson" else rng.random()
    step = 0
    while True:
        begin_s = step * STEP_S
        now = valid_rate(at(begin_s))
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
