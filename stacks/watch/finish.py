"""`python -m stacks.watch.finish DIRECTORY [--no-page]`: gives a recorded run its verdict, and its recording a page.

DIRECTORY is a run, or the recording itself: then it only makes the page. It is a process of its own, because the page
needs libraries that are larger than the watcher may be.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

from stacks.catalogue import ROOT
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import EVENTS_FILE, RUN_FILE, RecordError, write_json
from stacks.lifecycle.verdict import judge

NICENESS = 10  # the watched uWSGI goes first
NO_PAGE = "--no-page"
PAGE_FILE = "report.html"  # that of `analysis`, which this package does not import
SHORTEST_S = 0.001  # a window of no length would be a damaged file


def finish_run(directory: Path) -> None:
    """Judge the rows of a run, and write its files. Raises RecordError and OSError."""
    from stacks.run import parquet  # here, because its import takes half a second

    record = read_json(directory / RUN_FILE)
    (directory / EVENTS_FILE).touch()  # the watcher may have ended before it wrote the first row
    cut_partial_line(directory / EVENTS_FILE)
    lifecycle, begin_ns = Lifecycle(), 0
    for event in read_events(directory / EVENTS_FILE):
        lifecycle.feed(event)
        if event.kind == "load_begin":
            begin_ns = event.t_ns
    judgement = judge(lifecycle, record["plan"]["respawns"], finished=True)
    if judgement.verdict == "invalid" and not judgement.respawns:
        judgement = replace(judgement, reason="no respawn was seen while it was watched: too few to say anything")
    end_ns = lifecycle.now_ns or record["clock"]["monotonic_ns"]
    begin_ns = begin_ns or end_ns
    window_s = max(SHORTEST_S, (end_ns - begin_ns) / 1e9)
    record["load"] = {"begin_ns": begin_ns, "end_ns": end_ns, "window_s": window_s}
    record |= {"verdict": judgement.verdict, "reason": judgement.reason, "evidence": judgement.evidence}
    record |= {"status": "done", "counts": asdict(judgement), "duration_s": window_s}
    parquet.write_requests(directory)
    parquet.write_samples(directory, [])
    write_json(directory / RUN_FILE, record)


def cut_partial_line(path: Path) -> None:
    """Remove a last line that a killed watcher could not complete."""
    with path.open("rb+") as file:
        data = file.read()
        file.truncate(data.rfind(b"\n") + 1)


def main(directory: Path, *, has_page: bool) -> int:
    """Finish a run, or only make the page. Returns 0 if both could be written. `has_page` is False: make no page."""
    os.nice(NICENESS)
    recording = directory
    if (directory / RUN_FILE).exists():
        recording = directory.parent
        try:
            finish_run(directory)
        except (RecordError, OSError) as error:
            print(f"watch: RECORD={recording}: the run {directory.name} has no verdict ({error}).", file=sys.stderr)
            return 1
    if not has_page:
        return 0
    # Another process, because this package never imports the analysis.
    command = [sys.executable, "-m", "analysis", "summary", str(recording)]
    page = recording / PAGE_FILE
    before = state_of(page)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    # The exit code says whether the workers came back, and not whether there is a page.
    if state_of(page) not in (None, before):
        return 0
    reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    print(f"watch: RECORD={recording}: its page cannot be made ({reason}).", file=sys.stderr)
    return 1


def state_of(path: Path) -> tuple[int, int] | None:
    """Return what differs after a file was replaced, whatever the wall clock did; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), has_page=NO_PAGE not in sys.argv))
