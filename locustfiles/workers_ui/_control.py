"""Start and Stop of Locust, with a stack behind them: brought up before the first user, taken down after the last."""

import logging
import time

import gevent
import psutil
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, MasterRunner

from workers_ui._seconds import Load
from workers_ui._stack import CannotServe, Stack

WORKERS_LIMIT_S = 15.0  # Locust's own workers are back --stop-timeout (5 s) after a stop
RECORDED_LIMIT_S = 3.0  # for the last rows of Locust's workers; one that was killed never says so
RECORDED = "pack-recorded"
POLL_S = 0.1

logger = logging.getLogger(__name__)


class Control:
    """Stands before `runner.start`; the events of the test drive the rest."""

    def __init__(self, environment, scenario, choose, make=Stack):
        self.environment = environment
        self.runner = environment.runner
        self.scenario = scenario
        self.stack = None
        self.load = Load()
        self.error = ""
        self.refused = 0  # how often
        self.waiting = False
        self._starter = None  # the greenlet that brings a stack up
        self._choose = choose
        self._make = make
        self._start = self.runner.start
        self._recording = set()
        self.runner.start = self.start
        environment.events.test_stopping.add_listener(self.on_test_stopping)
        environment.events.test_stop.add_listener(self.on_test_stop)

    # -- start ----------------------------------------------------------------------------------

    def start(self, user_count, spawn_rate, *arguments, **more):
        """What `runner.start` is now: a test that runs is changed at once, a new one gets its stack first."""
        if self.stack is not None and self.stack.has_load:
            return self._start(user_count, spawn_rate, *arguments, **more)
        if self._starter is not None:  # pressed in two browsers, or beside --autostart: the later one counts
            self._starter.kill()
        self._starter = gevent.getcurrent()
        self.runner.update_state(STATE_SPAWNING)  # or the page would go back to its form
        try:
            self._bring_up(user_count)
        except CannotServe as error:
            self._refuse(str(error))
            return None
        finally:
            self._starter = None
        # Locust begins a test, and forgets the one before, only from here.
        self.runner.update_state(STATE_INIT)
        return self._start(user_count, spawn_rate, *arguments, **more)

    def _refuse(self, why):
        logger.error("The stack could not be started: %s", why)
        self.error = why
        self.refused += 1
        self.runner.update_state(STATE_INIT)

    def _bring_up(self, user_count):
        self.error = ""
        if self.stack is not None and not self.stack.is_over:
            self.waiting = True
            try:
                self.stack.ended.wait()
            finally:
                self.waiting = False
        pids = self._await_locust()
        options = self.environment.parsed_options
        stack = self._make(self._choose() | {"users": user_count, "scenario": self.scenario})
        self.stack, self.load = stack, Load()
        try:
            stack.await_ready()
            self.environment.host = options.host = stack.choice.get("url") or f"http://127.0.0.1:{stack.port}"
            options.record_dir = stack.directory
            self._recording = set(pids)
            stack.go(pids)
        except gevent.GreenletExit:  # Stop was pressed meanwhile
            stack.cancel()
            raise
        self._begin_time()
        gevent.spawn(self._follow, stack)

    def _begin_time(self):
        """The form's run time and a shape's begin with the load, not with the start of the stack."""
        if self.environment.shape_class is not None:
            self.environment.shape_class.reset_time()
        web_ui = self.environment.web_ui
        if web_ui._run_time_greenlet is not None:
            web_ui._cancel_run_time_timer()
            run_time_s = self.environment.parsed_options.run_time
            web_ui._run_time_greenlet = gevent.spawn_later(run_time_s, web_ui._stop_runners)

    def _await_locust(self):
        """The processes that will send the load; Locust's own workers may just be coming back from a stop."""
        if not isinstance(self.runner, MasterRunner):
            return [psutil.Process().pid]
        end = time.monotonic() + WORKERS_LIMIT_S
        wanted = self.environment.parsed_options.expect_workers
        while len(self.runner.clients.ready) < wanted and time.monotonic() < end:
            gevent.sleep(POLL_S)
        if not self.runner.clients.ready:
            raise CannotServe("no worker process of Locust is connected; start them, or do without --processes")
        # Those below this process; a worker on another machine cannot write into this directory.
        return [child.pid for child in psutil.Process().children()]

    def _follow(self, stack):
        """A stack that ends by itself ends the test."""
        stack.until("settling")
        if not stack.is_stopping and self.runner.state in (STATE_SPAWNING, STATE_RUNNING):
            self.error = stack.error or "uWSGI ended by itself under load; the Workers tab shows what it did before"
            logger.error(self.error)
            self.runner.stop()

    # -- stop -----------------------------------------------------------------------------------

    def on_test_stopping(self, **_kwargs):
        """The users are about to be told to finish."""
        if self.stack is not None:
            if not self.stack.has_load:
                return
            outage = self.stack.history.lifecycle.is_outage()
            self.stack.stop()
            if outage:  # nobody will answer those who wait
                self.runner.user_greenlets.kill(block=False)

    def on_recorded(self, msg, **_kwargs):
        """A worker process of Locust has written its last row."""
        self._recording.discard(msg.data["pid"])

    def on_test_stop(self, **_kwargs):
        """They have."""
        if self.stack is None:
            return
        end = time.monotonic() + RECORDED_LIMIT_S
        while isinstance(self.runner, MasterRunner) and self._recording and time.monotonic() < end:
            gevent.sleep(POLL_S)
        self.stack.done()

    def quit(self):
        """Locust ends: so does the stack, with its results where it had a load."""
        if self._starter is not None:
            self._starter.kill()
        if self.stack is None or self.stack.is_over:
            return
        if not self.stack.has_load and not self.stack.is_stopping:
            self.stack.cancel()
        self.stack.stop()
        self.stack.done()
        try:
            self.stack.end()
        except KeyboardInterrupt:  # a second Ctrl-C
            self.stack.cancel()
            self.stack.ended.wait()
