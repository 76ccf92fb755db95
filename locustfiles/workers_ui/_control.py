"""Start and Stop in Locust's web UI: a stack starts before the first user, and stops after the last user."""

import logging
import time

import gevent
import psutil
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, MasterRunner

from workers_ui._seconds import Load
from workers_ui._stack import CannotServe, Stack

WORKERS_LIMIT_S = 15.0  # after a stop, Locust's worker processes need --stop-timeout (5 s) to be ready again
RECORDED_LIMIT_S = 20.0  # for the last rows of Locust's worker processes; a process that was killed sends no message
RECORDED = "pack-recorded"
POLL_S = 0.1

logger = logging.getLogger(__name__)


class Control:
    """Replaces `runner.start` and `runner.quit`, and follows the events of Locust's test.

    `choose` returns the choice of the form, and `make` makes a Stack from a choice.
    """

    def __init__(self, environment, scenario, choose, make=Stack):
        self.environment = environment
        self.runner = environment.runner
        self.scenario = scenario
        self.stack = None
        self.load = Load()
        self.error = ""
        self.refused = 0  # number of starts that failed
        self.waiting = False  # for the results of the stack before
        self._starter = None  # the greenlet in which a stack starts
        self._choose = choose
        self._make = make
        self._start, self._quit = self.runner.start, self.runner.quit
        self._recording = set()  # pids of Locust's processes that have not written their last row yet
        self.runner.start, self.runner.quit = self.start, self.quit_locust
        environment.events.test_stopping.add_listener(self.on_test_stopping)
        environment.events.test_stop.add_listener(self.on_test_stop)

    # -- start ----------------------------------------------------------------------------------

    def start(self, user_count, spawn_rate, *arguments, **more):
        """Start a stack and then the test. If a test is running, only change its number of users."""
        if self.stack is not None and self.stack.has_load:
            return self._start(user_count, spawn_rate, *arguments, **more)
        if self._starter is not None:  # two browsers pressed Start, or one did beside --autostart: the later start wins
            self._starter.kill()
        self._starter = gevent.getcurrent()
        self.runner.update_state(STATE_SPAWNING)  # in another state the page shows its form again
        try:
            self._start_stack(user_count)
        except CannotServe as error:
            self._refuse(str(error))
            return None
        finally:
            self._starter = None
        # Only in this state Locust begins a new test, and clears the statistics of the test before.
        self.runner.update_state(STATE_INIT)
        return self._start(user_count, spawn_rate, *arguments, **more)

    def _refuse(self, reason):
        logger.error("The stack could not be started: %s", reason)
        self.error = reason
        self.refused += 1
        self.runner.update_state(STATE_INIT)

    def _start_stack(self, user_count):
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
        except gevent.GreenletExit:  # Stop was pressed during the start
            stack.cancel()
            raise
        self._begin_time()
        gevent.spawn(self._follow, stack)

    def _begin_time(self):
        """Begin the run time of the form, and of a load shape, with the load and not with the start of the stack."""
        if self.environment.shape_class is not None:
            self.environment.shape_class.reset_time()
        web_ui = self.environment.web_ui
        if web_ui._run_time_greenlet is not None:
            web_ui._cancel_run_time_timer()
            run_time_s = self.environment.parsed_options.run_time
            web_ui._run_time_greenlet = gevent.spawn_later(run_time_s, web_ui._stop_runners)

    def _await_locust(self):
        """Return the pids of the processes that send the load. Wait for Locust's workers, if a stop has just ended."""
        if not isinstance(self.runner, MasterRunner):
            return [psutil.Process().pid]
        end = time.monotonic() + WORKERS_LIMIT_S
        expected = self.environment.parsed_options.expect_workers
        while len(self.runner.clients.ready) < expected and time.monotonic() < end:
            gevent.sleep(POLL_S)
        if not self.runner.clients.ready:
            raise CannotServe("No worker process of Locust is connected. Start them, or leave --processes out.")
        # Only child processes: a worker on another machine cannot write its rows into the directory of this run.
        return [child.pid for child in psutil.Process().children()]

    def _follow(self, stack):
        """Stop the test if its stack ends by itself."""
        stack.wait_for("settling")
        if not stack.is_stopping and self.runner.state in (STATE_SPAWNING, STATE_RUNNING):
            self.error = stack.error or "uWSGI ended by itself under load. The Workers tab shows what happened before."
            logger.error(self.error)
            self.runner.stop()

    # -- stop -----------------------------------------------------------------------------------

    def on_test_stopping(self, **_kwargs):
        """End the load of the stack: Locust is about to stop its users."""
        if self.stack is not None:
            if not self.stack.has_load:
                return
            is_outage = self.stack.history.lifecycle.is_outage()
            self.stack.stop()
            if is_outage:  # no worker will answer the users that wait
                self.runner.user_greenlets.kill(block=False)

    def on_recorded(self, msg, **_kwargs):
        """Note that a worker process of Locust has written its last row."""
        self._recording.discard(msg.data["pid"])

    def on_test_stop(self, **_kwargs):
        """Wait until every process has written its last row, then let the stack write its results."""
        if self.stack is None:
            return
        end = time.monotonic() + RECORDED_LIMIT_S
        while isinstance(self.runner, MasterRunner) and self._recording and time.monotonic() < end:
            gevent.sleep(POLL_S)
        self.stack.done()

    def quit_locust(self):
        """Stop the test, and then quit. Locust would tell its worker processes only after `on_test_stop`."""
        self.runner.stop()
        self._quit()

    def quit(self):
        """End the stack because Locust ends. A stack that had a load writes its results."""
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
