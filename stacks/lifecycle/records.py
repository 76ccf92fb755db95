"""The file contract: every row and file that a run leaves behind, and how it is written and read.

Standard library only, because this module is the one thing that the observer, the recorder and
the analysis share. Times are CLOCK_MONOTONIC nanoseconds (`_ns`) unless the name says otherwise.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Schema history:
#   1  first: run.json, events.jsonl, requests.parquet, samples.parquet, summary.json
SCHEMA = 1

# Where campaigns, runs and checks go; the variable is for a read-only checkout or a larger disk.
RESULTS = Path(os.environ.get("PACK_RESULTS") or Path(__file__).parents[2] / "results").absolute()
LATEST = "latest"  # in it: the newest campaign

RUN_FILE = "run.json"
EVENTS_FILE = "events.jsonl"
LOG_FILE = "uwsgi.log"
INI_FILE = "stack.ini"
REQUESTS_FILE = "requests.parquet"
SAMPLES_FILE = "samples.parquet"
EVIDENCE_DIR = "evidence"
CAMPAIGN_FILE = "campaign.json"
SUMMARY_FILE = "summary.json"

# One row a request. The recorder appends them as tab-separated lines, because text survives a
# SIGKILL up to its last line and a Parquet file without its footer does not; the end of the run
# turns the parts into requests.parquet.
REQUEST_COLUMNS: dict[str, str] = {
    "scheduled_ns": "int64",  # when the request was meant to start
    "start_ns": "int64",  # when it did
    "latency_us": "int64",  # start to the last byte, or to the error
    "status": "int16",  # HTTP status, 0 without an answer
    "error": "string",  # '' for an answer, otherwise one of REQUEST_ERRORS
    "slot": "int16",  # uWSGI worker number from X-Worker, 0 where unknown
    "pid": "int32",  # pid of that worker, 0 where unknown
    "bytes": "int64",  # body bytes received
    "method": "string",
    "name": "string",  # the name that Locust groups by
}
REQUEST_PART = "requests-{pid}.tsv"
REQUEST_ERRORS = (
    "refused",  # nobody listens
    "reset",  # connection reset by the peer
    "closed",  # closed without an answer
    "truncated",  # the answer ended early
    "timeout",  # no answer within the client's timeout
    "malformed",  # an answer that is not HTTP
    "in_flight",  # unanswered when the run ended
    "missed",  # an arrival of the open model that the generator could not start; no request was sent
    "other",
)

SAMPLE_COLUMNS: dict[str, str] = {
    "t_ns": "int64",
    "role": "string",  # master, worker, locust, observer, backlog
    "slot": "int16",
    "pid": "int32",
    "cpu_ticks": "int64",  # utime + stime, in clock ticks (USER_HZ)
    "rss_kib": "int64",
    "pss_kib": "int64",  # -1 where not sampled
    "threads": "int32",
    "wchan": "string",
    "value": "int64",  # accept backlog for role backlog, otherwise 0
}


class RecordError(Exception):
    """A file of a results directory that cannot be used; the text names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Event:
    """One lifecycle row: something that a collector saw at one moment.

    `kind` is one of the words that `lifecycle` knows; whatever else the collector has to say
    stands in `data`, with units in its names.
    """

    t_ns: int
    source: str
    kind: str
    pid: int = 0  # 0: no process in particular
    slot: int = 0  # 0: no worker in particular; uWSGI counts them from 1
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line without its newline; empty fields are left out."""
        row: dict[str, Any] = {"t_ns": self.t_ns, "source": self.source, "kind": self.kind}
        if self.pid:
            row["pid"] = self.pid
        if self.slot:
            row["slot"] = self.slot
        return json.dumps(row | self.data, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Event:
        """The inverse of `to_json`. Raises ValueError or KeyError for a line that is not a row."""
        row = json.loads(line)
        return cls(row.pop("t_ns"), row.pop("source"), row.pop("kind"), row.pop("pid", 0), row.pop("slot", 0), row)


def read_events(path: Path) -> Iterator[Event]:
    """The rows of an events file, in the order written.

    Raises RecordError naming the line where a row cannot be read. A last line without its newline
    is what a killed observer leaves: it is an error as well, because what followed it is unknown.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RecordError(f"{path}: missing; the run wrote no events. Delete the run or repeat it.") from None
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("cut short")
            yield Event.from_json(line.decode())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RecordError(
                f"{path}:{number}: not a row ({error}); the file is truncated or damaged. "
                "The run is left out; repeat it, or delete its directory."
            ) from None


def point_to(campaign: Path) -> None:
    """Make `latest`, beside it, name this campaign; a reader finds the old one or the new one."""
    link = campaign.with_name(f".{LATEST}.{os.getpid()}")
    link.unlink(missing_ok=True)
    link.symlink_to(campaign.name)
    link.replace(campaign.with_name(LATEST))


def write_json(path: Path, value: Any) -> None:
    """Replace `path` atomically, so that a reader sees the old file or the new one, never half of one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """A versioned JSON file of a results directory.

    Raises RecordError when it is missing, not JSON, or of a schema this pack does not know.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{path}: missing; this is not a results directory of the pack.") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read ({error}). Restore the file or repeat the run.") from None
    schema = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(schema, int):
        raise RecordError(f"{path}: has no schema number; this is not a results file of the pack.")
    if schema > SCHEMA:
        raise RecordError(
            f"{path}: schema {schema} is newer than the {SCHEMA} that this version reads. Update the pack."
        )
    if schema < SCHEMA:
        raise RecordError(
            f"{path}: schema {schema} is older than {SCHEMA} and has no migration. Repeat the run, "
            "or read it with the version of the pack that wrote it."
        )
    return dict(value)
