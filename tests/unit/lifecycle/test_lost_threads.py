"""The threads that a fork loses: recorded looks at a master and its worker -> the table, and its sentence."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from rows import generation, lifecycle
from thread_dumps import dumps, looks_of, old_python, thread_row

from stacks.lifecycle.lost_threads import ThreadTable, come_back, lost_sentence, thread_table
from stacks.lifecycle.thread_looks import ANSWERED, AT_FORK, IN_REQUEST, READY


def table_of(name: str, when: str = ANSWERED, **changes: Any) -> ThreadTable:
    table = thread_table(looks_of(name, when, **changes))
    assert table is not None
    return table


def rows_of(table: ThreadTable) -> list[tuple[str, str, int, int | None]]:
    return [(group.thread, group.package, group.in_master, group.in_workers) for group in table.threads]


class TestTable:
    def test_threads_of_a_pool_are_one_entry(self) -> None:
        assert rows_of(table_of("pool", IN_REQUEST)) == [("ThreadPoolExecutor-0_0", "standard library", 3, 0)]

    def test_a_thread_that_its_library_starts_again_is_not_lost(self) -> None:
        for name, thread, package in (
            ("datadog_fork_hooks", "DogStatsd_flush_thread", "datadog"),
            ("sentry", "sentry-sdk.BackgroundWorker", "sentry_sdk"),
        ):
            table = table_of(name)
            assert rows_of(table) == [(thread, package, 1, 1)]
            assert lost_sentence(table) == ""

    def test_a_thread_that_only_the_worker_has_is_not_lost(self) -> None:
        table = table_of("pool_lazy_apps")
        assert rows_of(table) == [("ThreadPoolExecutor-0_0", "standard library", 0, 1)]
        assert table.lost == []

    def test_a_thread_that_only_the_kernel_names_gets_that_name(self) -> None:
        names = {group.thread for group in table_of("ddtrace").lost}
        assert names == {"_TelemetryDepen", "SignalUploader", "RemoteConfigPol"}

    def test_native_threads_are_named_by_their_comm(self) -> None:
        table = table_of("polars", IN_REQUEST)
        assert ("polars-0", "native", 2, 0) in [(g.thread, g.kind, g.in_master, g.in_workers) for g in table.threads]
        assert {group.kind for group in table.threads} == {"native"}

    def test_a_native_thread_of_one_name_counts_as_there_if_the_worker_has_one(self) -> None:
        groups = {group.thread: group for group in table_of("ddtrace").threads}
        assert groups["tokio-rt-worker"].in_workers == 1

    def test_the_file_of_the_app_stands_for_its_package(self) -> None:
        (group,) = table_of("gil_owned_by_thread").threads
        assert (group.thread, group.package, group.file) == ("Thread-1 (burn)", "", "busy_thread.py")

    def test_a_worker_that_hung_at_its_fork_tells_nothing_of_served_requests(self) -> None:
        table = table_of("gil_owned_by_thread", AT_FORK)
        assert (table.workers, table.answered) == (0, False)
        assert table.threads[0].in_workers is None

    def test_without_thread_ids_it_is_unknown_which_threads_a_worker_has(self) -> None:
        threads, tasks = old_python("gil_owned_by_thread"), [[654, "uwsgi"], [655, "uwsgi"]]
        assert table_of("gil_owned_by_thread", threads=threads, tasks=tasks).threads[0].in_workers is None
        assert table_of("gil_owned_by_thread", threads=threads).threads[0].in_workers == 0

    def test_without_a_look_there_is_no_table(self) -> None:
        assert thread_table([]) is None

    def test_a_look_that_failed_says_why(self) -> None:
        master, _ = dumps("pool")
        state = lifecycle(generation(100), thread_row(master, "master", READY, threads=[], reason="no right"))
        table = thread_table(state.thread_looks)
        assert table is not None
        assert (table.threads, table.reason) == ((), "no right")

    def test_it_is_read_from_run_json_as_it_was_written(self) -> None:
        table = table_of("datadog")
        assert ThreadTable.of(asdict(table)) == table
        assert ThreadTable.of(None) is None


class TestSentence:
    def test_one_thread_that_no_worker_has(self) -> None:
        assert lost_sentence(table_of("datadog")) == (
            "1 thread of your app lives in the master only; no worker does its work: "
            "DogStatsd_flush_thread (of datadog)"
        )

    def test_several_threads(self) -> None:
        assert lost_sentence(table_of("pool", IN_REQUEST)) == (
            "3 threads of your app live in the master only; no worker does their work: "
            "ThreadPoolExecutor-0_0 and 2 more (of the standard library)"
        )

    def test_before_a_request_it_is_not_said_that_the_work_is_lost(self) -> None:
        assert lost_sentence(table_of("gil_owned_by_thread", READY)) == (
            "1 thread of your app runs in the master when it forks, and a worker that has just become ready does not "
            "have it: Thread-1 (burn) (of busy_thread.py)"
        )

    def test_without_a_worker_the_threads_of_the_master_are_named(self) -> None:
        assert lost_sentence(table_of("gil_owned_by_thread", AT_FORK)) == (
            "1 thread of your app runs in the master when it forks: Thread-1 (burn) (of busy_thread.py)"
        )

    @pytest.mark.parametrize("table", [None, ThreadTable((), 2, answered=True, reason="")])
    def test_nothing_lost_nothing_said(self, table: ThreadTable | None) -> None:
        assert lost_sentence(table) == ""


class TestComeBack:
    def test_counts_the_threads_that_workers_have_with_a_remedy(self) -> None:
        assert come_back(table_of("datadog"), table_of("datadog_fork_hooks")) == (1, 1)
        assert come_back(table_of("pool", IN_REQUEST), table_of("pool_lazy_apps")) == (3, 3)
        assert come_back(table_of("pool", IN_REQUEST), table_of("pool_fork_hooks", IN_REQUEST)) == (0, 3)
        assert come_back(table_of("ddtrace"), table_of("ddtrace_fork_hooks")) == (2, 3)

    def test_is_unknown_unless_the_workers_have_answered(self) -> None:
        assert come_back(table_of("datadog"), table_of("datadog_fork_hooks", READY)) is None
        assert come_back(table_of("datadog"), None) is None
        assert come_back(None, table_of("datadog")) is None
