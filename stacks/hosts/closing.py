"""Begins and closes the record of a run on many hosts: run.json, from what lies in its location, and from nothing else.

So a run whose master host has died can be closed later (`python -m stacks close`), with the same result. What is
missing is named, and the run is judged by what is there.
"""

from __future__ import annotations

import json
import platform
from typing import Any

from stacks.catalogue import ROOT
from stacks.hosts import observer_files
from stacks.hosts.card import LOAD, OBSERVER, WRITTEN
from stacks.hosts.coordinator import CLOSE_LIMIT_S, TALLY_LIMIT_S, Expected
from stacks.hosts.location import Location
from stacks.hosts.part_entries import absent_hosts, clock_entries, foreign_files, part_entry, read_cards
from stacks.lifecycle.counted import counted
from stacks.lifecycle.parts import PARTS_DIR
from stacks.lifecycle.reading import sound_document
from stacks.lifecycle.records import RUN_FILE, RecordError
from stacks.observe import host
from stacks.run.run_directory import first_record

UNWATCHED = "only the load was recorded: `python -m stacks observe` on the uWSGI host watches its workers"


def begin(location: Location, expected: Expected, *, users: int, scenario: str) -> None:
    """Write the first run.json. Raises RecordError if the location cannot be written, or has a run of this name."""
    if RUN_FILE in location.names():
        raise RecordError(f"{location.url} has a run already. Name another one with PACK_CAMPAIGN.")
    plan = {"users": users, "duration_s": 0.0, "workers": 0, "respawns": 0, "start_limit_s": 0.0, "limit_s": 0.0}
    record = first_record(expected.campaign, plan | {"external": -1}, {"scenario": scenario})
    record |= {
        "git": host.git(ROOT),
        "hosts": {
            "master": platform.node(),
            "pack": expected.pack,
            "loads": expected.loads,
            "observers": expected.observers,
            "closes_within_s": TALLY_LIMIT_S + CLOSE_LIMIT_S,
        },
    }
    write(location, record)


def write(location: Location, record: dict[str, Any]) -> None:
    location.write(RUN_FILE, json.dumps(record, indent=1).encode() + b"\n")


def close(
    location: Location,
    problem: str = "",
    refused: list[str] | None = None,
    locust_counted: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Write the last run.json and return it. Raises RecordError if the location has no run, or cannot be written.

    `locust_counted` has the requests and the failures that Locust itself reports.
    """
    begun = observer_files.read(location, RUN_FILE)
    if begun is None or not isinstance(begun.get("hosts"), dict):
        raise RecordError(f"{location.url}: holds no run of many hosts.")
    document = sound_document(begun, "run", f"{location.url}/{RUN_FILE}")
    if "hosts" not in document.value:
        raise RecordError(document.left_out[0])
    begun = document.value
    cards, bad_cards = read_cards(location)
    run = begun["run_id"]
    names = location.names(PARTS_DIR)
    parts = [part_entry(location, card, names) for card in cards if card.role == LOAD]
    missing = [part["problem"] for part in parts if part["problem"]] + bad_cards + list(refused or ())
    missing += absent_hosts(begun["hosts"], cards)
    observer = next((card for card in cards if card.role == OBSERVER), None)
    record = dict(begun)
    if (watched := observer_files.watched(location, missing)) is not None:
        record |= watched | {"run_id": run, "hosts": begun["hosts"]}
    if observer is not None and observer.state != WRITTEN:
        missing.append(
            f"{observer.host}: its observer ended before its files were written ({observer.problem or 'no word of it'})"
        )
        record |= observer_files.judged(location, record, cards, missing)
    elif observer is None:
        record |= {"status": "done", "verdict": "invalid", "reason": UNWATCHED}
    elif observer.problem:
        missing.append(f"{observer.host}: {observer.problem}")
    if problem:
        record |= {"status": "failed", "error": problem, "verdict": "invalid", "reason": problem}
    if missing and record["status"] in ("done", "running"):
        record["status"] = "incomplete"
    if record["status"] == "incomplete":
        record["error"] = "; ".join(missing)
    foreign = foreign_files(names, run)
    record["hosts"] = begun["hosts"] | {
        "parts": parts,
        "clocks": clock_entries(cards, observer),
        "missing": missing,
        "foreign": foreign,
    }
    if locust_counted is not None:
        record["hosts"]["locust"] = locust_counted
    record.pop("campaign", None)
    write(location, record)
    return record


def describe(location: Location, record: dict[str, Any]) -> str:
    """Say in a few lines what became of a run."""
    hosts = record["hosts"]
    rows = sum(part["rows"] for part in hosts["parts"])
    parts = counted(len(hosts["parts"]), "part", "parts")
    lines = [f"{location.url}: {record['status']}, {counted(rows, 'row', 'rows')} in {parts}"]
    if record["verdict"]:
        lines.append(f"verdict: {record['verdict']} ({record['reason']})")
    if locust := hosts.get("locust"):
        requests, failures = (counted(locust[f"{word}s"], word, f"{word}s") for word in ("request", "failure"))
        lines.append(f"Locust itself counted {requests} and {failures}")
    bounds = [clock["bound_ns"] for clock in hosts["clocks"]]
    if bounds and min(bounds) < 0:
        lines.append("the clocks of the hosts were not compared: times of different hosts cannot be compared")
    elif bounds:
        lines.append(f"times of different hosts agree within {max(bounds) / 1e6:.3f} ms")
    return "\n".join([*lines, *(f"missing: {text}" for text in hosts["missing"]), *hosts["foreign"]])
