"""The file of HOSTS=: its machines, and every error of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.catalogue import UsageError
from stacks.hosts.fleet_file import EXAMPLE, read_fleet
from stacks.hosts.remote import OPTIONS, command


def write(folder: Path, text: str) -> Path:
    (folder / "hosts.toml").write_text(text)
    return folder / "hosts.toml"


def test_the_example_is_read(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, EXAMPLE))
    assert (fleet.uwsgi.address, fleet.processes, fleet.ssh) == ("10.0.0.4:8080", 4, ("ssh",))
    assert [machine.ssh for machine in fleet.loads] == ["load1"]


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("", ["location is missing", "master is missing", "uwsgi is missing", "load is missing"]),
        ("location = 3", ["location must be a text"]),
        (EXAMPLE.replace("address", "adress"), ["uwsgi.address is missing", "uwsgi.adress is unknown"]),
        (EXAMPLE.replace("processes = 4", "processes = 0"), ["processes must be 1 or more"]),
        (EXAMPLE.replace("processes = 4", "processes = true"), ["load 1: processes must be a number"]),
        (EXAMPLE.replace('ssh = "load1"', ""), ["load 1: ssh is missing"]),
        (f"ssh = [1]\n{EXAMPLE}", ["ssh must be a list of words"]),
        ("load = 1\n[[uwsgi]]", ["uwsgi must be a table", "load must be a list"]),
        ("load = [1]", ["load 1: is not a table"]),
        ("= 1", ["cannot be read"]),
    ],
)
def test_every_error_is_said_at_once(tmp_path: Path, text: str, errors: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        read_fleet(write(tmp_path, text))
    assert all(error in str(raised.value) for error in errors), raised.value
    assert "An example:" in str(raised.value) or "such as:" in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_fleet(tmp_path / "none.toml")


def test_words_and_values_reach_the_other_machine_as_they_are(tmp_path: Path) -> None:
    fleet = read_fleet(write(tmp_path, EXAMPLE.replace("/opt/pack", "/opt/my pack")))
    words = command(fleet, fleet.uwsgi, "-c", "print('$HOME')", environment={"PACK_LOCATION": "s3://b/$x?a&b"})
    assert words[: 2 + len(OPTIONS)] == ["ssh", *OPTIONS, "app1"]
    assert words[-1] == (
        "cd '/opt/my pack' && exec env PACK_LOCATION='s3://b/$x?a&b' "
        """.venv/bin/python -c 'print('"'"'$HOME'"'"')'"""
    )
