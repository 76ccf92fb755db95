"""The results location of a run on many machines: a directory, or an object store, and what can be done there.

A name is a path below the location, with `/`. A reader finds a file whole or not at all: a file of a directory is
renamed when it is complete, and an object of a store exists when it is complete.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stacks.hosts.azure import open_azure
from stacks.lifecycle.records import RecordError

AZURE_SCHEMES = ("az", "abfs", "abfss")
SCHEMES = ("s3", "gs", *AZURE_SCHEMES, "file")
CHUNK_BYTES = 1 << 20


class Location:
    """A directory or an object store. Its methods raise RecordError, whose text names the location."""

    def __init__(self, url: str) -> None:
        """`url` is a path, or s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER@ACCOUNT.../PATH."""
        from pyarrow import fs  # here, because it takes 0.3 s, and not every process that imports this needs it

        scheme, is_url, rest = url.partition("://")
        self.url = _shown(scheme, rest) if is_url else url
        if is_url and scheme not in SCHEMES:
            raise RecordError(f"{url}: no such kind of location. Name a directory, or one of s3://, gs:// and az://.")
        with self._as_record_error("use"):
            if is_url and scheme in AZURE_SCHEMES:
                self._files, self._root = open_azure(url)
            elif is_url:
                self._files, self._root = fs.FileSystem.from_uri(url)
            else:
                self._files, self._root = fs.LocalFileSystem(), str(Path(url).absolute())
        self._is_directory = isinstance(self._files, fs.LocalFileSystem)

    def below(self, name: str) -> Location:
        """Return the location `name` below this one."""
        other = object.__new__(Location)
        other.__dict__ |= self.__dict__ | {"_root": self._path(name), "url": f"{self.url.rstrip('/')}/{name}"}
        return other

    @property
    def path(self) -> Path | None:
        """The directory, if the location is one that this host can reach as such."""
        return Path(self._root) if self._is_directory else None

    def write(self, name: str, data: bytes) -> None:
        """Write a file as a whole, or replace it."""
        with self._as_record_error("write"), self._writing(name) as stream:
            stream.write(data)

    def require_writable(self) -> None:
        """Raise RecordError if no file can be written and deleted here."""
        name = f"probe-{platform.node()}-{os.getpid()}"
        self.write(name, b"")
        self.delete(name)

    def upload(self, source: Path, name: str) -> None:
        """Copy the file `source` to `name`, in pieces: it may be larger than the memory. Then it is on the disk."""
        with self._as_record_error("write"), source.open("rb") as file:
            with self._writing(name, is_synced=True) as stream:
                shutil.copyfileobj(file, stream, CHUNK_BYTES)
            (info,), size = self._files.get_file_info([self._path(name)]), source.stat().st_size
            if info.size != size:
                raise OSError(f"{info.size} of {size} bytes of {name} arrived")

    def read(self, name: str) -> bytes:
        """Return the content of a file. Raises FileNotFoundError if there is none."""
        with self._as_record_error("read"), self._files.open_input_stream(self._path(name)) as stream:
            return bytes(stream.read())

    def open(self, name: str) -> Any:
        """Return a file to read at any place. Raises FileNotFoundError if there is none."""
        with self._as_record_error("read"):
            return self._files.open_input_file(self._path(name))

    def download(self, name: str, target: Path) -> None:
        """Copy a file to `target`, in pieces. A copy that is interrupted leaves no part of a file there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.unfinished")
        with self._as_record_error("read"), self._files.open_input_stream(self._path(name)) as stream:
            with unfinished.open("wb") as file:
                shutil.copyfileobj(stream, file, CHUNK_BYTES)
            unfinished.replace(target)

    def names(self, folder: str = "") -> list[str]:
        """Return the names of all files below `folder`, relative to it, sorted."""
        from pyarrow import fs

        base = self._path(folder) if folder else self._root
        with self._as_record_error("list"):
            found = self._files.get_file_info(fs.FileSelector(base, recursive=True, allow_not_found=True))
        paths = [info.path for info in found if info.type == fs.FileType.File]
        names = [path[len(base.rstrip("/")) + 1 :] for path in paths]
        return sorted(name for name in names if not name.rpartition("/")[2].startswith("."))

    def delete(self, name: str) -> None:
        """Delete a file. It is no error if there is none."""
        try:
            with self._as_record_error("delete"):
                self._files.delete_file(self._path(name))
        except FileNotFoundError:
            pass

    def move(self, name: str, other: str) -> None:
        """Give a file another name."""
        with self._as_record_error("move"):
            # No store can rename: a move is a copy in any case, and pyarrow has none for Azure.
            with self._files.open_input_stream(self._path(name)) as stream, self._writing(other) as target:
                shutil.copyfileobj(stream, target, CHUNK_BYTES)
            self._files.delete_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _writing(self, name: str, *, is_synced: bool = False) -> Iterator[Any]:
        path = self._path(name)
        if not self._is_directory:
            with self._files.open_output_stream(path) as stream:
                yield stream
            return
        folder, _, last = path.rpartition("/")
        self._files.create_dir(folder, recursive=True)
        unfinished = f"{folder}/.{last}.unfinished"
        with self._files.open_output_stream(unfinished) as stream:
            yield stream
        if is_synced:  # a server that loses its power after the next line keeps the file, and not a part of it
            with Path(unfinished).open("rb") as file:
                os.fsync(file.fileno())
        self._files.move(unfinished, path)

    @contextmanager
    def _as_record_error(self, verb: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:  # pyarrow's own errors are among these
            what = (str(error).splitlines() or [type(error).__name__])[0][:300]
            raise RecordError(f"{self.url}: cannot {verb} there ({what}).") from None


def _shown(scheme: str, rest: str) -> str:
    """Return what people see of the URL of a store: neither its keys nor its options."""
    access, at, place = rest.partition("?")[0].rpartition("@")
    names = access.partition(":")[0] + at if scheme not in ("s3", "gs") else ""  # a container or an account
    return f"{scheme}://{names}{place}"
