"""What the location refuses for a while is carried out later, and not for ever."""

from __future__ import annotations

from stacks.hosts.retrying import PAUSE_S, keep_trying
from stacks.lifecycle.records import RecordError


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def attempts(failures: int, limit_s: float) -> tuple[bool, int, list[str]]:
    """Return the result, how often the action ran, and the errors that were heard of."""
    time, errors = Time(), []
    count = 0

    def act() -> None:
        nonlocal count
        count += 1
        if count <= failures:
            raise RecordError(f"no {count}") if count % 2 else OSError(f"no {count}")

    done = keep_trying(act, limit_s, lambda e: errors.append(str(e)), clock=lambda: time.now_s, sleep=time.sleep)
    return done, count, errors


def test_an_action_is_repeated_until_it_succeeds() -> None:
    assert attempts(failures=0, limit_s=0) == (True, 1, [])
    assert attempts(failures=2, limit_s=60) == (True, 3, ["no 1", "no 2"])


def test_an_action_that_never_succeeds_has_a_last_attempt_after_its_time() -> None:
    done, count, errors = attempts(failures=1000, limit_s=10 * PAUSE_S)
    assert (done, len(errors)) == (False, count)
    assert 10 < count < 14
