"""The Python threads of real workers: what a stuck worker waits for, and which threads the fork loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stacks import catalogue

LIBRARIES = catalogue.APPS / "libraries"
OneRun = Callable[..., dict[str, Any]]


def lost(record: dict[str, Any]) -> dict[str, tuple[int, int | None]]:
    """The threads of the master, and how many of the workers that were looked at have them."""
    return {row["thread"]: (row["in_master"], row["in_workers"]) for row in record["fork_threads"]["threads"]}


def test_the_gil_of_the_main_thread(one_run: OneRun) -> None:
    record = one_run("threads", version="py312-2.0.26")
    assert record["verdict"] == "hung_worker"
    assert record["evidence"].startswith(
        "waits for the GIL, owned by the master's main thread, which this worker does not have; "
    )


def test_the_gil_of_a_thread_of_the_app(one_run: OneRun) -> None:
    app = (catalogue.APPS / "busy_thread.py").read_text()
    record = one_run("thread-at-fork-full", app, workers=4)
    assert record["verdict"] == "hung_worker"
    assert record["evidence"].startswith("waits for the GIL, owned by Thread-1 (burn) at app.py:")
    assert ", a thread of the master that this worker does not have; " in record["evidence"]
    assert lost(record)["Thread-1 (burn)"][0] == 1
    texts = [path.read_text() for path in (record["directory"] / "evidence").glob("threads-*.txt")]
    assert any("Thread-1 (burn), owns the GIL, not in this process" in text for text in texts)


def test_a_request_that_waits_for_a_pool_of_the_master(one_run: OneRun) -> None:
    record = one_run("threads", (LIBRARIES / "stdlib_thread_pool.py").read_text())
    assert record["verdict"] == "hung_request"
    assert record["evidence"].startswith("the request waits at app.py:10 (Condition.wait); ")
    assert "of the master that serve" in record["evidence"]
    assert "ThreadPoolExecutor-0_0 (_worker)" in record["evidence"]
    in_master, in_workers = lost(record)["ThreadPoolExecutor-0_0"]
    assert (in_master > 0, in_workers, record["fork_threads"]["answered"]) == (True, 0, True)


def test_an_exit_that_joins_a_thread_of_the_master(one_run: OneRun) -> None:
    record = one_run("threads", (LIBRARIES / "stdlib_shutdown_join.py").read_text())
    assert record["verdict"] == "hung_exit"
    assert record["evidence"].startswith(
        "threading._shutdown waits for not-a-daemon (Event.wait), a thread of the master that this worker does not have"
    )


def test_an_exit_that_joins_a_thread_of_the_worker(one_run: OneRun) -> None:
    record = one_run("waiting-thread", (catalogue.APPS / "waiting_thread.py").read_text())
    assert record["verdict"] == "hung_exit"
    assert record["evidence"].startswith(
        "threading._shutdown waits for a thread of this worker: Thread-1 (serve) at app.py"
    )


def test_a_thread_that_no_worker_has_is_seen_where_nothing_hangs(one_run: OneRun) -> None:
    record = one_run("threads", (LIBRARIES / "stdlib_queue_listener.py").read_text())
    assert (record["verdict"], record["evidence"]) == ("recovers", None)
    table = record["fork_threads"]
    assert [(row["in_master"], row["in_workers"], row["package"]) for row in table["threads"]] == [
        (1, 0, "standard library")
    ]


def test_a_stack_without_threads_loses_none_and_needs_no_py_spy(one_run: OneRun) -> None:
    record = one_run("threads")
    assert (record["verdict"], record["fork_threads"]["threads"]) == ("recovers", [])
    assert list(record["directory"].glob("evidence/*")) == []
