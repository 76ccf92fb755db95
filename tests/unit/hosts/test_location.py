"""The results location: a directory, and servers of object stores on this machine, with the same behaviour."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stacks.hosts.azure import open_azure
from stacks.hosts.location import Location
from stacks.lifecycle.records import RecordError
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

AZURITE = shutil.which("azurite-blob")  # of the npm package azurite
AZURITE_ACCOUNT = "devstoreaccount1"  # as its documentation says, and its key
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def server(log: Path, *command: object, announcement: str) -> Iterator[str]:
    """Run a server. Yields the rest of the line of its output that has `announcement`."""
    with log.open("wb") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=subprocess.STDOUT)
    try:
        end_s = time.monotonic() + LIMIT_S
        rest = ""
        while "\n" not in rest and time.monotonic() < end_s:
            assert process.poll() is None, log.read_text()
            rest = log.read_text().partition(announcement)[2]
            time.sleep(0.05)
        yield rest.partition("\n")[0].strip()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a bucket of an S3 server on a free loopback port."""
    command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0")
    with server(tmp_path_factory.mktemp("s3") / "log", *command, announcement="http://127.0.0.1:") as port:
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{port}/results", method="PUT"), timeout=LIMIT_S
        )
        access = "s3://key:secret@results/night"
        yield f"{access}?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"


@pytest.fixture(scope="module")
def gs_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a bucket of an emulator of Google's storage."""
    pytest.importorskip("gcp_storage_emulator")
    port = quiet_port()
    command = (sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", port)
    options = ("--in-memory", "--default-bucket", "results")
    with server(tmp_path_factory.mktemp("gs") / "log", *command, *options, announcement="All services started"):
        yield f"gs://anonymous@results/night?scheme=http&endpoint_override=127.0.0.1:{port}"


@pytest.fixture(scope="module")
def az_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a container of Azurite."""
    if AZURITE is None:
        pytest.skip("Azurite, the emulator of Azure's storage, is not on PATH (npm install azurite)")
    folder, port = tmp_path_factory.mktemp("az"), quiet_port()
    command = (AZURITE, "--blobHost", "127.0.0.1", "--blobPort", port, "--location", folder)
    options = ("--skipApiVersionCheck", "--disableTelemetry")
    with server(folder / "log", *command, *options, announcement="successfully listens on"):
        key = urllib.parse.quote(AZURITE_KEY, safe="")
        access = f"az://{AZURITE_ACCOUNT}:{key}@127.0.0.1:{port}/results"
        files, container = open_azure(f"{access}?enable_tls=false")
        files.create_dir(container)
        yield f"{access}/night?enable_tls=false"


@pytest.fixture(params=["directory", "s3", "gs", "az"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    if request.param == "directory":
        return Location(str(tmp_path / "place"))
    return Location(request.getfixturevalue(f"{request.param}_url")).below(f"run-{time.monotonic_ns()}")


def test_files_are_written_replaced_listed_and_deleted(location: Location, tmp_path: Path) -> None:
    location.require_writable()
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
        Location(f"{tmp_path}/file").require_writable()
    with pytest.raises(RecordError, match=r"127\.0\.0\.1:1/box: cannot use there .*without TLS needs a key"):
        Location("az://account@127.0.0.1:1/box?enable_tls=false")
    with pytest.raises(RecordError, match="no such kind of location"):
        Location("ftp://somewhere/else")


def test_a_bucket_that_is_not_there_is_named(s3_url: str) -> None:
    url = s3_url.replace("@results/", "@nowhere/")
    with pytest.raises(RecordError, match="cannot write there"):
        Location(url).write("x", b"1")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("gs://anonymous@bucket/place?scheme=http", "gs://bucket/place"),
        ("s3://key:secret@bucket/place?region=x", "s3://bucket/place"),
        ("az://box@account.dfs.core.windows.net/place", "az://box@account.dfs.core.windows.net/place"),
        ("az://box:c2VjcmV0@account.dfs.core.windows.net/place", "az://box@account.dfs.core.windows.net/place"),
        ("az://account:c2VjcmV0@127.0.0.1:10000/box/place?enable_tls=false", "az://account@127.0.0.1:10000/box/place"),
    ],
)
def test_neither_a_key_nor_an_option_of_a_store_is_shown(url: str, shown: str) -> None:
    location = Location(url)
    assert location.path is None
    assert location.below("night").url == f"{shown}/night"
