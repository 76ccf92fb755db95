"""/metrics: valid for Prometheus whatever is watched, guarded, and answered by the loop that watches."""

from __future__ import annotations

import http.client
import json
import re
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from instance_views import hang_of, instance, worker
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from stacks.catalogue import ROOT
from stacks.listen.address import Listening
from stacks.watch.exporter import Exporter
from stacks.watch.metrics import Metrics, Own
from stacks.watch.totals import BUCKETS_S, Totals
from stacks.watch.view import CHAIN, HUNG, LEAVING, LOST, READY, SERVING, Blind, Change, InstanceView, Queue
from tests.patience import LIMIT_S

DEPLOY = ROOT / "stacks/watch/deploy"
STRANGE = 'a "quoted"\\ \n<b>name</b> {} é'


def everything() -> InstanceView:
    """A picture in which every metric has a value."""
    return instance(
        worker(1, 11, SERVING, requests=2),
        worker(2, 12, HUNG),
        worker(2, 13, LEAVING),  # a reload: two workers of one slot
        worker(None, 14),
        respawns={"recycled": 3},
        queues=(Queue("127.0.0.1:8080", 5, 100), Queue("/run/app.sock", 0, 128)),
        doing=CHAIN,
        reloads=2,
        blind=(Blind("waits", "no permission", "hangs are seen later"), Blind("waits", "twice", "the same")),
    )


def totals(*changes: Change) -> Totals:
    result = Totals()
    result.take(changes)
    return result


def values(metrics: Metrics) -> dict[str, float]:
    """Return the value of each series, by its name with its labels in order."""
    seen = {}
    for family in parse_openmetrics(openmetrics(metrics).decode()):
        for one in family.samples:
            labels = sorted(f"{name}={value}" for name, value in one.labels.items() if name not in ("config", "master"))
            seen[f"{one.name}{{{','.join(labels)}}}"] = one.value
    return seen


def test_the_values_are_those_of_the_picture() -> None:
    ready = Change(1, READY, 100, 11, 1, "", {"exit_s": 0.3, "vacant_s": None, "start_s": 0.02})
    summed = totals(ready, hang_of(worker(2, 12, HUNG)), Change(1, LOST, 100))
    own = Own(healed={100: 4}, healing_stopped=frozenset({100}), recording_failed=True, ended=[("old.ini", 7)])
    seen = values(Metrics(lambda: [(everything(), summed)], lambda: own))
    expected = {
        "uwsgi_master_up{}": 0,  # that of old.ini, whose labels are left out here
        "uwsgi_master_state{state=chain}": 1,
        "uwsgi_master_state{state=working}": 0,
        "uwsgi_master_reloads_total{}": 2,
        "uwsgi_workers{state=idle}": 1,
        "uwsgi_workers{state=leaving}": 1,
        "uwsgi_workers_hung{place=at_fork}": 1,
        "uwsgi_workers_hung{place=in_request}": 0,
        "uwsgi_worker_state{slot=2,state=hung}": 1,
        "uwsgi_worker_state{slot=2,state=leaving}": 0,
        "uwsgi_worker_requests_in_progress{slot=1}": 2,
        "uwsgi_worker_resident_memory_bytes{slot=1}": 102_400,
        "uwsgi_worker_respawns_total{cause=recycled}": 3,
        "uwsgi_worker_respawns_total{cause=crashed}": 0,
        "uwsgi_worker_hangs_total{}": 1,
        "uwsgi_worker_respawn_seconds_count{phase=exit}": 1,
        "uwsgi_worker_respawn_seconds_count{phase=vacant}": 0,
        "uwsgi_worker_respawn_seconds_sum{phase=start}": 0.02,
        "uwsgi_worker_respawn_seconds_bucket{le=0.025,phase=start}": 1,
        "uwsgi_worker_respawn_seconds_bucket{le=0.01,phase=start}": 0,
        "uwsgi_listen_queue_connections{address=127.0.0.1:8080}": 5,
        "uwsgi_listen_queue_limit_connections{address=/run/app.sock}": 128,
        "uwsgi_watch_blind{what=waits}": 1,
        "uwsgi_watch_healed_workers_total{}": 4,
        "uwsgi_watch_healing_stopped{}": 1,
        "uwsgi_watch_lost_events_total{}": 1,
        "uwsgi_watch_recording_failed{}": 1,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert seen["uwsgi_watch_cpu_seconds_total{}"] > 0
    assert seen["uwsgi_watch_resident_memory_bytes{}"] > 1_000_000


def test_no_series_comes_twice_and_what_cannot_be_seen_has_none() -> None:
    blind = instance(worker(1, 11, cpu=None, rss_kib=None, requests=None), queues=None, name=STRANGE, master_pid=5)
    names: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    text = openmetrics(Metrics(lambda: [(everything(), Totals()), (blind, Totals())])).decode()
    for family in parse_openmetrics(text):
        names += [(one.name, tuple(sorted(one.labels.items()))) for one in family.samples]
    assert len(names) == len(set(names))
    of_blind = {name for name, labels in names if ("config", STRANGE) in labels}
    assert "uwsgi_workers" in of_blind
    hidden = (
        "worker_cpu_ratio",
        "worker_resident_memory_bytes",
        "worker_requests_in_progress",
        "listen_queue_connections",
    )
    assert not of_blind & {f"uwsgi_{name}" for name in hidden}


def test_a_time_is_counted_in_the_bucket_that_it_does_not_exceed() -> None:
    for value_s in (*BUCKETS_S, 0.0, 1000.0):
        summed = totals(Change(1, READY, 100, 11, 1, "", {"start_s": value_s}))
        rows = dict(summed.respawn_s["start"].cumulative())
        assert {end for end, count in rows.items() if count} == {
            end for end in rows if end == "+Inf" or float(end) >= value_s
        }


# -- over HTTP ------------------------------------------------------------------------------------


@contextmanager
def exporting(answer_s: float = 0.0) -> Iterator[Exporter]:
    """An exporter with a loop that answers, each time after `answer_s`."""
    exporter = Exporter(Listening(), 0, Metrics(lambda: [(everything(), Totals())]))
    is_over = threading.Event()

    def loop() -> None:
        while not is_over.wait(0.01):
            time.sleep(answer_s)
            exporter.answer()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield exporter
    finally:
        is_over.set()
        thread.join()
        exporter.close()


def get(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type", ""), body


def test_prometheus_gets_its_format_and_openmetrics_on_request() -> None:
    with exporting() as exporter:
        status, kind, body = get(exporter.port)
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        assert "uwsgi_workers_hung" in {family.name for family in parse_text(body.decode())}
        status, kind, body = get(exporter.port, Accept="application/openmetrics-text; version=1.0.0")
        assert (status, kind.partition(";")[0]) == (200, "application/openmetrics-text")
        assert body.endswith(b"# EOF\n")
        assert {family.name for family in parse_openmetrics(body.decode())}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
def test_promtool_finds_nothing_wrong_with_the_metrics() -> None:
    with exporting() as exporter:
        body = get(exporter.port)[2]
    done = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_other_paths_and_methods_and_foreign_pages_get_nothing() -> None:
    with exporting() as exporter:
        assert get(exporter.port, "/")[0] == 200
        assert get(exporter.port, "/etc/passwd")[0] == 404
        assert get(exporter.port, method="POST")[0] == 405
        assert get(exporter.port, method="HEAD")[2] == b""
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            status, _, body = get(exporter.port, **headers)
            assert (status, body.partition(b":")[0]) == (403, b"Refused")


def test_a_client_that_is_silent_does_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.watch.exporter._Handler.timeout", 5.0)
    with exporting() as exporter, socket.create_connection(("127.0.0.1", exporter.port)) as silent:
        silent.sendall(b"GET /met")
        exporter.answer()
        assert not select.select([silent], [], [], 0)[0], "the loop has waited until the server gave the client up"
        assert get(exporter.port)[0] == 200


def test_without_a_loop_the_answer_is_an_error_and_the_next_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.watch.exporter.LOOP_LIMIT_S", 0.1)
    exporter = Exporter(Listening(), 0, Metrics(lambda: [(everything(), Totals())]))
    try:
        assert get(exporter.port)[0] == 503
        exporter.answer()
        monkeypatch.setattr("stacks.watch.exporter.LOOP_LIMIT_S", 60.0)
        thread = threading.Thread(target=lambda: (select.select([exporter], [], [], 60.0), exporter.answer()))
        thread.start()
        assert get(exporter.port)[0] == 200
        thread.join()
    finally:
        exporter.close()
    with pytest.raises(OSError, match="refused"):
        get(exporter.port)


# -- the files ------------------------------------------------------------------------------------


def metric_names() -> set[str]:
    text = openmetrics(Metrics(lambda: [(everything(), Totals())])).decode()
    return {one.name for family in parse_openmetrics(text) for one in family.samples}


def expressions() -> dict[str, str]:
    """Return every expression of the dashboard, by the title of its panel."""
    dashboard = json.loads((DEPLOY / "dashboard.json").read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    return found | {one["name"]: one["expr"] for one in dashboard["annotations"]["list"]}


def used(text: str) -> set[str]:
    return set(re.findall(r"\buwsgi_\w+", text))


def test_the_dashboard_and_the_alerts_use_metrics_that_there_are() -> None:
    alerts = (DEPLOY / "alerts.yml").read_text()
    assert len(used(alerts)) > 8
    assert used(alerts) <= metric_names()
    assert len(expressions()) > 14
    for title, expression in expressions().items():
        assert used(expression), title
        assert used(expression) <= metric_names(), title


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = json.loads((DEPLOY / "dashboard.json").read_text())["panels"]
    places = [panel["gridPos"] for panel in panels]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    assert len({panel["id"] for panel in panels}) == len(panels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool (Debian: prometheus) is not installed")
class TestPromtool:
    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def test_the_alert_rules_are_right_and_do_what_their_tests_say(self) -> None:
        assert "rules found" in self.run("check", "rules", DEPLOY / "alerts.yml")
        assert "SUCCESS" in self.run("test", "rules", DEPLOY / "alerts_test.yml")
        assert "SUCCESS" in self.run("check", "config", DEPLOY / "prometheus.yml")

    def test_every_expression_of_the_dashboard_can_be_parsed(self, tmp_path: Path) -> None:
        rules = [
            {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "1m")}
            for number, text in enumerate(expressions().values())
        ]
        path = tmp_path / "rules.yml"
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        assert f"{len(rules)} rules found" in self.run("check", "rules", path)

    def test_the_dashboard_counts_a_master_that_has_ended_and_tells_slots_of_two_masters_apart(
        self, tmp_path: Path
    ) -> None:
        """One master has ended, so it has no other series; another one runs, and a worker of it hangs in slot 1."""
        state = "uwsgi_worker_state{config='a.ini', master='2', slot='1', state='%s'}"
        series = {"uwsgi_master_up{config='a.ini', master='1'}": 0, state % "hung": 1, state % "idle": 0}
        expected = [
            ("Masters that stand still or have ended A", "{}", 1),
            ("State of each slot A", "{config='a.ini', master='2', slot='1'}", 5),
        ]
        test = {
            "input_series": [{"series": name, "values": value} for name, value in series.items()],
            "promql_expr_test": [
                {
                    "expr": expressions()[title].replace("$config", ".*"),
                    "eval_time": "0s",
                    "exp_samples": [{"labels": labels, "value": value}],
                }
                for title, labels, value in expected
            ],
        }
        path = tmp_path / "test.yml"
        path.write_text(json.dumps({"rule_files": [], "tests": [test]}))
        assert "SUCCESS" in self.run("test", "rules", path)


def deploy_files() -> dict[str, Callable[[str], Any]]:
    import yaml

    return {"alerts.yml": yaml.safe_load, "kubernetes.yaml": yaml.safe_load, "dashboard.json": json.loads}


def test_the_sidecar_shares_the_processes_and_drops_what_it_does_not_need() -> None:
    pod = deploy_files()["kubernetes.yaml"]((DEPLOY / "kubernetes.yaml").read_text())["spec"]
    assert pod["shareProcessNamespace"] is True
    watch = next(one for one in pod["containers"] if one["name"] == "watch")
    assert watch["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["SYS_PTRACE"]}
    assert "--listen" in watch["command"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "uwsgi-watch.service"
    text = (DEPLOY / "uwsgi-watch.service").read_text()
    unit.write_text(re.sub(r"/opt/uwsgi-respawn-pack\b(?!/stacks)", str(ROOT), text))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "uwsgi-watch" in line]
    assert (done.returncode, lines) == (0, [])
