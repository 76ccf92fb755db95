"""What a run needs of the process that sends its requests. `Hammer` and `ExternalLoad` are such loads."""

from __future__ import annotations

from typing import Protocol


class Load(Protocol):
    """A process that sends the requests of a run."""

    @property
    def pid(self) -> int:
        """The process id."""

    @property
    def exit_code(self) -> int | None:
        """None while the process may still send requests."""

    @property
    def write_error(self) -> OSError | None:
        """Why the rows of the requests are not complete, known after `close`."""

    def is_up(self) -> bool:
        """Return True if the process has loaded the scenario and waits for `go`."""

    def send(self, command: str) -> None:
        """Send `go`, `cancel` (end without a request), `stop` (let the users finish) or `kill` (do not let them)."""

    def wait(self, limit_s: float) -> None:
        """Wait until the process has ended. Raises subprocess.TimeoutExpired."""

    def close(self) -> None:
        """End the process if it still runs, and close what connects the run with it."""
