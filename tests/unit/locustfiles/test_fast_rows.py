"""The rows of FastSession are made together, and each request has its own."""

from __future__ import annotations

import subprocess
import sys

from stacks.catalogue import ROOT

CODE = """
import sys
sys.path[:0] = ["locustfiles", "."]
from recording import _fault, _rows

class Head:
    status, slot, pid = 200, 2, 812

class Broken:
    def __str__(self):
        raise ValueError("no name")

_fault.report = lambda fault: print("fault:", fault)
for number in range(int(sys.argv[1])):
    name = Broken() if number in map(int, sys.argv[2:]) else "/page"
    head, error = (Head, "") if number % 2 else (None, "in_flight")
    _rows.add_fast(number, number + 1, number + 5001, "GET", name, head, 13, error)
_rows.add_missed(7, "late")
print(_rows.take(), end="")
assert _rows.take() == ""
"""


def output(*numbers: int) -> list[str]:
    """Return the lines that CODE prints for so many requests, some of which have a name that has no text."""
    command = [sys.executable, "-c", CODE, *map(str, numbers)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


def wanted(number: int) -> str:
    answer = "200\t\t2\t812" if number % 2 else "0\tin_flight\t0\t0"
    return f"{number}\t{number + 1}\t5\t{answer}\t13\tGET\t/page"


def test_every_request_has_its_row_however_many_there_are() -> None:
    assert sorted(output(300)) == sorted([*map(wanted, range(300)), "7\t7\t0\t0\tmissed\t0\t0\t0\t\tlate"])


def test_a_request_whose_row_cannot_be_made_costs_only_itself() -> None:
    lines = output(130, 3, 129)
    assert [line for line in lines if line.startswith("fault")] == ["fault: no name"] * 2
    assert sorted(line for line in lines if "/page" in line) == sorted(map(wanted, sorted({*range(130)} - {3, 129})))
