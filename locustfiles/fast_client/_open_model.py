"""The open model: requests start on a schedule, also if earlier requests have no answer yet.

`class MyUser(OpenModel, FastUser)` starts each task on time, in a greenlet of its own. Locust's own wait times begin
after the answer. So if a server is frozen for 2 s of every 10 s, Locust sends fewest requests while it is frozen, and
reports about 1 % of slow requests. The true share is 20 %.
"""

import logging
import random
import traceback
from time import monotonic_ns

import gevent
from gevent.pool import Group
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_STOPPING

from ._answer import RequestError
from ._arrivals import schedule

GLANCE_S = 0.1  # how often the schedule checks whether the user must stop
BREATH = 64  # after so many starts in a row, the requests that have started run


class OpenModel:
    """A mixin, to name before the user class. `rate` is the rate of each user, so `-u 4` makes four times the load.

    Tasks must be functions. The tasks of a user share its `client`. Each task starts up to a millisecond late, because
    epoll counts in milliseconds. Its row has this lag, between `scheduled_ns` and `start_ns`.
    """

    rate = 10.0
    arrivals = "poisson"  # or "constant"
    max_in_flight = 1000  # an arrival beyond this number is missed: a row, and a failure in Locust
    concurrency = 1000  # for FastHttpUser, which has 10 connections by default

    # The recorder sets this: record_missed(scheduled_ns, name).
    record_missed = None

    def __init__(self, environment):
        super().__init__(environment)
        if any(isinstance(task, type) for task in self.tasks):
            raise StopTest("OpenModel: a TaskSet has its own schedule. Write the tasks as functions of the user class.")
        try:
            self._schedule = schedule(self.rate, self.arrivals)
            next(schedule(self.rate, self.arrivals))
        except (TypeError, ValueError) as error:
            raise StopTest(f"OpenModel: {error}") from None
        self._choices, self.tasks = self.tasks, [type(self)._dispatch]
        self._under_way = Group()

    def _dispatch(self):
        """Follow the schedule until the user stops or is killed. Locust knows only this one task."""
        self._begin_ns = self._due_ns = self._looked_ns = monotonic_ns()
        self._arrives = False
        try:
            try:
                self._follow()
            except ValueError as error:  # from a rate that is a function
                raise StopTest(f"OpenModel: {error}") from None
            finally:
                self._give_up()
            self._under_way.join()
        finally:
            self._end_all()
        raise StopUser

    def _follow(self):
        count = 0
        while self._state != LOCUST_STATE_STOPPING:
            self._looked_ns = monotonic_ns()
            wait_s = (self._due_ns - self._looked_ns) / 1e9
            if wait_s > 0:
                gevent.sleep(min(wait_s, GLANCE_S))
                continue
            due_ns, arrives = self._due_ns, self._arrives
            self._advance()
            if arrives:
                task = random.choice(self._choices)  # noqa: S311 - as Locust picks its tasks
                if len(self._under_way) < self.max_in_flight:
                    self._under_way.spawn(self._serve, task).scheduled_ns = due_ns
                else:
                    self._miss(due_ns, task.__name__)
                count += 1
                if count % BREATH == 0:
                    gevent.sleep(0)

    def _advance(self):
        seconds, self._arrives = next(self._schedule)
        self._due_ns = self._begin_ns + int(seconds * 1e9)

    def _give_up(self):
        """Report the arrivals that were due before the end and did not start: the load generator was late."""
        while self._due_ns <= self._looked_ns:
            if self._arrives:
                self._miss(self._due_ns, random.choice(self._choices).__name__)  # noqa: S311
            self._advance()

    def _end_all(self):
        """End the requests under way. One that was to begin next, on a busy machine, never began: it is missed."""
        for arrival in self._under_way:
            if arrival.gr_frame is None:
                self._miss(arrival.scheduled_ns, arrival.args[0].__name__)
        self._under_way.kill()

    def _miss(self, due_ns, name):
        if self.record_missed is not None:
            self.record_missed(due_ns, name)
        self.environment.events.request.fire(
            request_type="missed",
            name=name,
            response_time=None,
            response_length=0,
            response=None,
            context=self.context(),
            exception=RequestError("missed", f"{self.max_in_flight} in flight, or the load generator was late"),
        )

    def _serve(self, task):
        """Run one task, and treat its exceptions as Locust does."""
        try:
            task(self)
        except (InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately):
            pass
        except StopUser:
            self._state = LOCUST_STATE_STOPPING
        except StopTest:
            self.environment.runner.quit()
        except Exception as error:
            self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
            logging.getLogger(__name__).error("%s\n%s", error, traceback.format_exc())
