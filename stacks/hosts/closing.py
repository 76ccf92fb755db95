"""Begins and closes the record of a run on many hosts: run.json, from what lies in its location, and from nothing else.

So a run whose master host has died can be closed later (`python -m stacks close`), with the same result. What is
missing is named, and the run is judged by what is there.
"""

from __future__ import annotations

import io
import json
import platform
from typing import Any

from stacks.catalogue import ROOT
from stacks.hosts import observer_files
from stacks.hosts.card import CARDS_DIR, LOAD, OBSERVER, WRITTEN, Card, load_card
from stacks.hosts.clocks import SAME, Offset
from stacks.hosts.coordinator import CLOSE_LIMIT_S, TALLY_LIMIT_S, Expected
from stacks.hosts.location import Location
from stacks.lifecycle.counted import counted
from stacks.lifecycle.parts import PARTS_DIR, PartFile, current_files, parse
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


def close(location: Location, problem: str = "", refused: list[str] | None = None) -> dict[str, Any]:
    """Write the last run.json and return it. Raises RecordError if the location has no run, or cannot be written."""
    begun = observer_files.read(location, RUN_FILE)
    if begun is None or not isinstance(begun.get("hosts"), dict):
        raise RecordError(f"{location.url}: holds no run of many hosts.")
    document = sound_document(begun, "run", f"{location.url}/{RUN_FILE}")
    if "hosts" not in document.value:
        raise RecordError(document.left_out[0])
    begun = document.value
    cards, bad_cards = _cards(location)
    run = begun["run_id"]
    names = location.names(PARTS_DIR)
    parts = [_part(location, card, names) for card in cards if card.role == LOAD]
    missing = [part["problem"] for part in parts if part["problem"]] + bad_cards + list(refused or ())
    missing += _absent(begun["hosts"], cards)
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
    foreign = _foreign(names, run)
    record["hosts"] = begun["hosts"] | {
        "parts": parts,
        "clocks": _clocks(cards, observer),
        "missing": missing,
        "foreign": foreign,
    }
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
    bounds = [clock["bound_ns"] for clock in hosts["clocks"]]
    if bounds and min(bounds) < 0:
        lines.append("the clocks of the hosts were not compared: times of different hosts cannot be compared")
    elif bounds:
        lines.append(f"times of different hosts agree within {max(bounds) / 1e6:.3f} ms")
    return "\n".join([*lines, *(f"missing: {text}" for text in hosts["missing"]), *hosts["foreign"]])


# -- the parts --------------------------------------------------------------------------------------


def _cards(location: Location) -> tuple[list[Card], list[str]]:
    """Return the cards in the location, and one sentence for each that cannot be read."""
    cards, bad = [], []
    for name in location.names(CARDS_DIR):
        try:
            cards.append(load_card(location.read(f"{CARDS_DIR}/{name}")))
        except (ValueError, FileNotFoundError) as error:
            bad.append(f"{location.url}/{CARDS_DIR}/{name}: cannot be read ({error}); the file is damaged.")
    return cards, bad


def _part(location: Location, card: Card, names: list[str]) -> dict[str, Any]:
    """Return what run.json says of one part."""
    files = [file for file in current_files(names) if file.part.text == card.part]
    is_whole = any(not file.piece for file in files)
    rows, problem = card.rows, card.problem
    if not is_whole:
        rows, damaged = _count(location, files)
        problem = problem or "its host was lost, so at most the rows of its last second are missing"
        problem += "".join(f"; {name} is damaged" for name in damaged)
    if problem:
        pid = f"Locust with the pid {card.pid}"
        problem = f"{card.host}: {counted(rows, 'row', 'rows')} of {pid} are there; {problem}"
    return {
        "part": card.part,
        "host": card.host,
        "pid": card.pid,
        "rows": rows,
        "complete": is_whole and card.complete,
        "problem": problem,
        "cores": card.cores,
        "locust_cpu_s": card.locust_cpu_s,
        "recorder_cpu_s": card.recorder_cpu_s,
    }


def _count(location: Location, files: list[PartFile]) -> tuple[int, list[str]]:
    """Return the rows of pieces, and the names of those that cannot be read."""
    import pyarrow.parquet as pq

    rows, damaged = 0, []
    for file in files:
        try:
            data = location.read(f"{PARTS_DIR}/{file.name}")
            rows += pq.ParquetFile(io.BytesIO(data)).metadata.num_rows
        except (OSError, ValueError):  # pyarrow's own errors are among these
            damaged.append(file.name)
    return rows, damaged


def _absent(hosts: dict[str, Any], cards: list[Card]) -> list[str]:
    """Name the hosts that never came."""
    texts = []
    for role, name, what in ((LOAD, "loads", "processes of Locust"), (OBSERVER, "observers", "uWSGI hosts")):
        count = sum(card.role == role for card in cards)
        if count < hosts.get(name, 0):
            texts.append(f"{count} of {hosts[name]} {what} took part")
    return texts


def _foreign(names: list[str], run: str) -> list[str]:
    """Name the files below `requests/` that do not belong to this run."""
    others = sorted({file.part.campaign for file in map(parse, names) if file is not None} - {run})
    texts = [f"parts of another run, {other}, lie in the same place; they do not count" for other in others]
    unknown = [name for name in names if parse(name) is None]
    return texts + ([f"{', '.join(unknown[:3])}: no part of a run; left alone"] if unknown else [])


def _clocks(cards: list[Card], observer: Card | None) -> list[dict[str, Any]]:
    """Return for each load host what was added to its times, and by how much that may be wrong."""
    to_observer = SAME if observer is None else observer.offset.back()
    rows = []
    for card in (card for card in cards if card.role == LOAD):
        is_same = observer is not None and card.clock == observer.clock
        shift: Offset = SAME if is_same else card.offset.then(to_observer)
        rows.append({"host": card.host, "part": card.part, "clock": card.clock, "shift_ns": shift.ns})
        rows[-1] |= {"bound_ns": shift.bound_ns, "agrees": shift.agrees, "round_trips": card.round_trips}
    return rows
