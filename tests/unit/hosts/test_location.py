"""The results location: a directory, and a real S3 server (moto's), with the same behaviour."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.hosts.location import Location
from stacks.lifecycle.records import RecordError

S3_LIMIT_S = 60.0


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a bucket of an S3 server on a free loopback port."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        port = ""
        end_s = time.monotonic() + S3_LIMIT_S
        while not port and time.monotonic() < end_s:
            assert server.poll() is None, log.read_text()
            port = log.read_text().partition("http://127.0.0.1:")[2].partition("\n")[0].strip()
            time.sleep(0.05)
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/results", method="PUT"), timeout=30)
        access = "s3://key:secret@results/night"
        yield f"{access}?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["directory", "s3"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "directory":
        return Location(str(tmp_path / "place"))
    return Location(request.getfixturevalue("s3_url")).below(f"run-{time.monotonic_ns()}")


def test_files_are_written_replaced_listed_and_deleted(location: Location, tmp_path: Path) -> None:
    assert location.names() == []
    location.write("a/one", b"1")
    location.write("a/one", b"11")
    (tmp_path / "big").write_bytes(b"x" * 3_000_000)
    location.upload(tmp_path / "big", "a/b/two")
    assert location.names() == ["a/b/two", "a/one"]
    assert location.names("a") == ["b/two", "one"]
    assert location.read("a/one") == b"11"
    with location.open("a/one") as stream:
        stream.seek(1)
        assert stream.read() == b"1"
    location.move("a/one", "c/one")
    assert location.names() == ["a/b/two", "c/one"]
    location.move("c/one", "a/one")
    location.download("a/b/two", tmp_path / "down" / "two")
    assert (tmp_path / "down" / "two").stat().st_size == 3_000_000
    location.delete("a/one")
    location.delete("a/one")
    assert location.names() == ["a/b/two"]
    with pytest.raises(FileNotFoundError):
        location.read("a/one")


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match=f"{tmp_path}/file: cannot write there"):
        Location(f"{tmp_path}/file").write("x", b"")
    with pytest.raises(RecordError, match="no such kind of location"):
        Location("ftp://somewhere/else")


def test_a_bucket_that_is_not_there_is_named(s3_url: str) -> None:
    url = s3_url.replace("@results/", "@nowhere/")
    with pytest.raises(RecordError, match="cannot write there"):
        Location(url).write("x", b"1")


@pytest.mark.parametrize("url", ["gs://bucket/place", "az://container@account.dfs.core.windows.net/place"])
def test_other_stores_have_their_file_system(url: str) -> None:
    assert Location(url).path is None
