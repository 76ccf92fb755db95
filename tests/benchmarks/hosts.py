"""The eight default cells over four hosts made of namespaces: is each verdict the one that is expected?

Run it as root: `python -m tests.benchmarks.hosts [TRIALS] [DELAY_MS LOSS_PERCENT]`. One line of JSON a run. With a
delay, every host but the master sends its packets so much later, the second load host three times as much, and loses
some.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from stacks import catalogue
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import venvs
from tests.integration.namespaces import hosts
from tests.integration.test_hosts import Cluster

RUN_TIME_S = 8
ALONE_S = 20  # where the workers use the CPU all the time, and leave little of it to Locust


def main() -> int:
    """Returns 0 if every run has the expected verdict."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    delay_ms, loss_percent = map(float, sys.argv[2:4] or (0, 0))
    plan, cells, _ = make_plan(catalogue.load(), PlanOptions())
    for cell in cells:  # there is no package index inside the namespaces
        venvs.ensure(cell.version.python, cell.version.package, cell.version.pin)
    wrong = 0
    for _ in range(trials):
        for cell in cells:
            with tempfile.TemporaryDirectory() as folder, hosts("m", "a", "b", "u") as made:
                cluster = Cluster(Path(folder), made, cell.version.id, cell.stack.name)
                for host, times in (cluster.a, 1), (cluster.b, 3), (cluster.uwsgi, 1):
                    if delay_ms:
                        host.impair(times * delay_ms, loss_percent)
                cluster.start(ALONE_S if cell.stack.name in plan.alone else RUN_TIME_S)
                record = cluster.closed_record()
                found = {name: record.get(name) for name in ("status", "verdict", "expected", "reason", "error")}
                parts = record["hosts"]["parts"]
                found |= {"stack": cell.stack.name, "version": cell.version.id}
                found["rows"] = sum(part["rows"] for part in parts)
                found["missing"] = record["hosts"]["missing"]
                found["bound_ms"] = max(clock["bound_ns"] for clock in record["hosts"]["clocks"]) / 1e6
                found["cpu_s"] = [(part["locust_cpu_s"], part["recorder_cpu_s"]) for part in parts]
                wrong += record["verdict"] != cell.expected
                print(json.dumps(found), flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
