"""Reads what an observer on another host has left in the location, perhaps not to its end: run.json, and its rows.

Damaged parts are left out and named.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stacks.hosts.card import Card
from stacks.hosts.location import Location
from stacks.lifecycle import strict_json
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.losses import Tally
from stacks.lifecycle.parts import EVENTS_DIR, OBSERVER_FILE
from stacks.lifecycle.reading import sound_document, sound_rows
from stacks.lifecycle.records import EVENTS_FILE, Event, RecordError
from stacks.lifecycle.verdict import judge


def watched(location: Location, missing: list[str]) -> dict[str, Any] | None:
    """Return the observer's run.json without its damaged parts, or None. `missing` gets a sentence for each part."""
    try:
        value = read(location, OBSERVER_FILE)
        if value is None:
            return None
        document = sound_document(value, "run", f"{location.url}/{OBSERVER_FILE}")
    except RecordError as error:
        missing.append(str(error))
        return None
    missing += document.left_out
    return document.value


def judged(location: Location, record: dict[str, Any], cards: list[Card], missing: list[str]) -> dict[str, Any]:
    """Join the pieces of the observer's rows, and judge by them. Returns what run.json says of it.

    `missing` gets a sentence for each line that is no row.
    """
    data = b"".join(location.read(f"{EVENTS_DIR}/{name}") for name in location.names(EVENTS_DIR))
    if data:
        location.write(EVENTS_FILE, data)
    events, problems = sound_rows(data, f"{location.url}/{EVENTS_FILE}")
    missing += problems
    if not events or "respawns" not in record.get("plan", {}):
        return {"status": "incomplete", "verdict": "invalid", "reason": "the observer left no row"}
    if all(event.kind != "losses" for event in events):
        total = Tally()
        for tally in (card.tally for card in cards if card.tally is not None):
            total.add(Tally.of(tally))
        events.append(Event(events[-1].t_ns, "observer", "losses", data=total.row()))
    judgement = judge(Lifecycle.of(events), record["plan"]["respawns"], finished=True)
    load = record.get("load", {"begin_ns": None, "end_ns": None, "window_s": 0.0})
    begin_ns = next((event.t_ns for event in events if event.kind == "load_begin"), None)
    end_ns = next((event.t_ns for event in events if event.kind == "load_end"), events[-1].t_ns)
    if begin_ns is not None:
        load = {"begin_ns": begin_ns, "end_ns": end_ns, "window_s": (end_ns - begin_ns) / 1e9}
    return {
        "status": "incomplete",
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "evidence": judgement.evidence,
        "counts": asdict(judgement),
        "load": load,
    }


def read(location: Location, name: str) -> dict[str, Any] | None:
    """Return the JSON object in a file, or None if there is no such file. Raises RecordError if it is damaged."""
    try:
        value = strict_json.loads(location.read(name))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RecordError(f"{location.url}/{name}: cannot be read ({error}); the file is damaged.") from None
    return value if isinstance(value, dict) else None
