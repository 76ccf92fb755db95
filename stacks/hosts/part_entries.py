"""Says what became of each process of Locust: what run.json has of its part, of its clock, and of what is missing."""

from __future__ import annotations

from typing import Any

from stacks.hosts.card import CARDS_DIR, LOAD, OBSERVER, WRITTEN, Card, load_card
from stacks.hosts.clocks import SAME, Offset
from stacks.hosts.load_agent import SHIP_S
from stacks.hosts.location import Location
from stacks.hosts.recovery import count_rows, is_sound, recover
from stacks.lifecycle.counted import counted
from stacks.lifecycle.parts import PARTS_DIR, PartFile, current_files, parse


def read_cards(location: Location) -> tuple[list[Card], list[str]]:
    """Return the cards in the location, and one sentence for each that cannot be read."""
    cards, bad = [], []
    for name in location.names(CARDS_DIR):
        try:
            cards.append(load_card(location.read(f"{CARDS_DIR}/{name}")))
        except (ValueError, FileNotFoundError) as error:
            bad.append(f"{location.url}/{CARDS_DIR}/{name}: cannot be read ({error}); the file is damaged.")
    return cards, bad


def save_damaged(location: Location) -> None:
    """Save what can be read of each part with damaged pages: its footer does not tell. Raises RecordError."""
    cards, _ = read_cards(location)
    parts = {card.part for card in cards if card.role == LOAD}
    for file in current_files(location.names(PARTS_DIR)):
        if not file.piece and file.part.text in parts and not is_sound(location, file.part):
            recover(location, file.part)


def part_entry(location: Location, card: Card, names: list[str]) -> dict[str, Any]:
    """Return what run.json says of one part."""
    files = [file for file in current_files(names) if file.part.text == card.part]
    is_whole = any(not file.piece for file in files)
    if is_whole and count_rows(location, files[0].name) is None:
        recover(location, files[0].part)
        files = [file for file in current_files(location.names(PARTS_DIR)) if file.part.text == card.part]
        is_whole = False
    rows, problem = card.rows, card.problem
    if not is_whole:
        rows, damaged = _count(location, files)
        problem = problem or _why_in_pieces(card)
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


def _why_in_pieces(card: Card) -> str:
    if card.state == WRITTEN:
        return (
            f"its file with {card.rows} rows was cut off or damaged after it was written, and the others cannot be read"
        )
    return f"its host was lost, so the rows that it had not yet sent are missing (it sends them every {SHIP_S} s)"


def _count(location: Location, files: list[PartFile]) -> tuple[int, list[str]]:
    """Return the rows of files, and the names of the pieces that cannot be read."""
    counts = {file: count_rows(location, file.name) for file in files}
    damaged = [file.name for file, count in counts.items() if count is None and file.piece]
    return sum(count or 0 for count in counts.values()), damaged


def absent_hosts(hosts: dict[str, Any], cards: list[Card]) -> list[str]:
    """Name the hosts that never came."""
    texts = []
    for role, name, what in ((LOAD, "loads", "processes of Locust"), (OBSERVER, "observers", "uWSGI hosts")):
        count = sum(card.role == role for card in cards)
        if count < hosts.get(name, 0):
            texts.append(f"{count} of {hosts[name]} {what} took part")
    return texts


def foreign_files(names: list[str], run: str) -> list[str]:
    """Name the files below `requests/` that do not belong to this run."""
    others = sorted({file.part.campaign for file in map(parse, names) if file is not None} - {run})
    texts = [f"parts of another run, {other}, lie in the same place; they do not count" for other in others]
    unknown = [name for name in names if parse(name) is None]
    return texts + ([f"{', '.join(unknown[:3])}: no part of a run; left alone"] if unknown else [])


def clock_entries(cards: list[Card], observer: Card | None) -> list[dict[str, Any]]:
    """Return for each load host what was added to its times, and by how much that may be wrong."""
    to_observer = SAME if observer is None else observer.offset.back()
    rows = []
    for card in (card for card in cards if card.role == LOAD):
        is_same = observer is not None and card.clock == observer.clock
        shift: Offset = SAME if is_same else card.offset.then(to_observer)
        rows.append({"host": card.host, "part": card.part, "clock": card.clock, "shift_ns": shift.ns})
        rows[-1] |= {"bound_ns": shift.bound_ns, "agrees": shift.agrees, "round_trips": card.round_trips}
    return rows
