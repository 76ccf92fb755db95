"""The file contract: the names, columns and rows of the files that a run leaves, and how to write them.

The observer, the recorder and the analysis share this module, so it imports the standard library only.
Times are CLOCK_MONOTONIC nanoseconds (`_ns`) unless the name gives another unit.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.lifecycle import strict_json
from stacks.lifecycle.text_files import naming, replace_text

# Schema history:
#   1  first: run.json, events.jsonl, requests.parquet, samples.parquet, summary.json
SCHEMA = 1

# The directory of campaigns, runs and checks. PACK_RESULTS is for a read-only checkout or a larger disk.
RESULTS = Path(os.environ.get("PACK_RESULTS") or Path(__file__).parents[2] / "results").absolute()
LATEST = "latest"  # a link in RESULTS to the newest campaign

RUN_FILE = "run.json"
# The status of a run that has a verdict. `incomplete`: a part of a run on many hosts is missing.
JUDGED = ("done", "incomplete")
EVENTS_FILE = "events.jsonl"
LOG_FILE = "uwsgi.log"
INI_FILE = "stack.ini"
REQUESTS_FILE = "requests.parquet"
SAMPLES_FILE = "samples.parquet"
EVIDENCE_DIR = "evidence"
CAMPAIGN_FILE = "campaign.json"
SUMMARY_FILE = "summary.json"

# One row for each request. The recorder appends tab-separated lines, one file for each process (REQUEST_PART):
# after a SIGKILL all complete lines of a text file can be read, but a Parquet file without its footer cannot.
# At the end of the run, the parts become requests.parquet.
REQUEST_COLUMNS: dict[str, str] = {
    "scheduled_ns": "int64",  # when the request was meant to start
    "start_ns": "int64",  # when it started
    "latency_us": "int64",  # from the start to the last byte or to the error
    "status": "int16",  # HTTP status; 0 if there was no answer
    "error": "string",  # '' if there was an answer, otherwise one of REQUEST_ERRORS
    "slot": "int16",  # uWSGI's worker number from the header X-Worker; 0 if unknown
    "pid": "int32",  # pid of that worker; 0 if unknown
    "bytes": "int64",  # body bytes received
    "method": "string",
    "name": "string",  # the name by which Locust groups requests
}
REQUEST_PART = "requests-{pid}.tsv"
REQUEST_ERRORS = (
    "refused",  # no process listens on the port
    "reset",  # the server reset the connection
    "closed",  # the server closed the connection without an answer
    "truncated",  # the answer ended too early
    "timeout",  # no answer within the client's timeout
    "malformed",  # the answer is not HTTP
    "in_flight",  # not answered yet when the run ended
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
    "pss_kib": "int64",  # -1 if it was not sampled
    "threads": "int32",
    "wchan": "string",
    "value": "int64",  # length of the accept queue for the role `backlog`, otherwise 0
}


# The fields that a row has besides its data: name, type, and what stands for an absent field (None: it is required).
_OWN_FIELDS: tuple[tuple[str, type, Any], ...] = (
    *(("t_ns", int, None), ("source", str, None), ("kind", str, None)),
    *(("pid", int, 0), ("slot", int, 0)),
)


class RecordError(Exception):
    """A file of a results directory cannot be used; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Event:
    """One lifecycle row: one thing that one source observed at one moment.

    `source` is the name of a collector, or `observer`. `kind` names what happened. `Lifecycle` ignores a kind that it
    does not know. `data` holds all other values of the row, with units in their names.
    """

    t_ns: int
    source: str
    kind: str
    pid: int = 0  # 0: the row is about no single process
    slot: int = 0  # 0: the row names no worker slot; uWSGI numbers them from 1
    data: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the row as one line of JSON without a newline. A pid or slot of 0 is left out."""
        row: dict[str, Any] = {"t_ns": self.t_ns, "source": self.source, "kind": self.kind}
        if self.pid:
            row["pid"] = self.pid
        if self.slot:
            row["slot"] = self.slot
        return json.dumps(row | self.data, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Event:
        """Parse a line that `to_json` made. Raises ValueError if the line is not a row."""
        return cls.of(strict_json.loads(line))

    @classmethod
    def of(cls, row: Any) -> Event:
        """Make the row from its JSON object. Raises ValueError, whose text says what is wrong."""
        if not isinstance(row, dict):
            raise ValueError("no JSON object")
        data = dict(row)
        values = {name: data.pop(name, default) for name, _, default in _OWN_FIELDS}
        for name, kind, _ in _OWN_FIELDS:
            if type(values[name]) is not kind:
                raise ValueError(f"{name} is {ascii(values[name])[:40]}" if name in row else f"{name} is missing")
        return cls(**values, data=data)


def point_to(campaign: Path) -> None:
    """Let the link `latest` beside the directory `campaign` point to it. A reader sees the old or the new target.

    Raises OSError, which names the link.
    """
    latest = campaign.with_name(LATEST)
    link = campaign.with_name(f".{LATEST}.{os.getpid()}")
    with naming(latest):
        try:
            link.unlink(missing_ok=True)
            link.symlink_to(campaign.name)
            link.replace(latest)
        except BaseException:
            link.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON and replace `path` atomically: a reader sees the old or the new file, never a part.

    Raises OSError, which names `path`.
    """
    replace_text(path, f"{json.dumps(value, indent=1)}\n")
