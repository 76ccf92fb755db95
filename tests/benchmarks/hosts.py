"""The eight default cells over four hosts made of namespaces: is each verdict the one that is expected?

Run it as root: `python -m tests.benchmarks.hosts [TRIALS]`. One line of JSON a run.
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


def main() -> int:
    """Returns 0 if every run has the expected verdict."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    _, cells, _ = make_plan(catalogue.load(), PlanOptions())
    for cell in cells:  # there is no package index inside the namespaces
        venvs.ensure(cell.version.python, cell.version.package, cell.version.pin)
    wrong = 0
    for _ in range(trials):
        for cell in cells:
            with tempfile.TemporaryDirectory() as folder, hosts("m", "a", "b", "u") as made:
                cluster = Cluster(Path(folder), made, cell.version.id, cell.stack.name)
                cluster.start(RUN_TIME_S)
                record = cluster.closed_record()
                found = {name: record.get(name) for name in ("status", "verdict", "expected", "reason", "error")}
                parts = record["hosts"]["parts"]
                found |= {"stack": cell.stack.name, "version": cell.version.id}
                found["rows"] = sum(part["rows"] for part in parts)
                found["bound_ms"] = max(clock["bound_ns"] for clock in record["hosts"]["clocks"]) / 1e6
                found["cpu_s"] = [(part["locust_cpu_s"], part["recorder_cpu_s"]) for part in parts]
                wrong += record["verdict"] != cell.expected
                print(json.dumps(found), flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
