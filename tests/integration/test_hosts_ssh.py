"""Machines are reached by the system's ssh, here by a server of this test on the loopback address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.catalogue import ROOT
from stacks.hosts.fleet_file import Fleet, Machine
from stacks.hosts.remote import require_same_pack
from stacks.lifecycle.records import RecordError
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

SSHD = shutil.which("sshd") or shutil.which("/usr/sbin/sshd")


def make_key(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """An ssh command line that reaches this machine as the host `here`."""
    if os.geteuid() != 0 or SSHD is None or not shutil.which("ssh-keygen"):
        pytest.skip("this needs root and an ssh server (openssh-server)")
    tmp_path.chmod(0o700)
    key, port = make_key(tmp_path / "key"), quiet_port()
    Path("/run/sshd").mkdir(exist_ok=True)
    (tmp_path / "keys").write_text(key.with_suffix(".pub").read_text())
    server = [SSHD, "-D", "-e", "-f", "/dev/null", "-h", str(make_key(tmp_path / "host")), "-p", str(port)]
    for option in ("ListenAddress=127.0.0.1", f"AuthorizedKeysFile={tmp_path}/keys", "StrictModes=no", "UsePAM=no"):
        server += ["-o", option]
    server += ["-o", "PermitRootLogin=yes", "-o", "PidFile=none"]
    (tmp_path / "config").write_text(
        f"Host here\n HostName 127.0.0.1\nHost *\n Port {port}\n IdentityFile {key}\n IdentitiesOnly yes\n"
        f" StrictHostKeyChecking no\n UserKnownHostsFile {tmp_path}/known\n User root\n"
    )
    with (tmp_path / "sshd.log").open("wb") as log:
        process = subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + LIMIT_S
        while True:
            assert process.poll() is None, (tmp_path / "sshd.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < end_s
                time.sleep(0.05)
        yield ("ssh", "-F", str(tmp_path / "config"))
    finally:
        process.kill()
        process.wait()


def fleet(ssh: tuple[str, ...], *loads: Machine) -> Fleet:
    here = Machine("here", str(ROOT), address="127.0.0.1:1")
    return Fleet("/nowhere", "127.0.0.1", here, loads, ssh)


def test_machines_with_the_same_pack_are_accepted_and_others_are_named(ssh: tuple[str, ...], tmp_path: Path) -> None:
    require_same_pack(fleet(ssh, Machine("here", str(ROOT))))

    other = tmp_path / "other"
    ignored = shutil.ignore_patterns("*.png", "*.svg", "__pycache__")
    for folder in ("stacks", "locustfiles"):
        shutil.copytree(ROOT / folder, other / folder, ignore=ignored)
    (other / ".venv").symlink_to((ROOT / ".venv").resolve())
    (other / "stacks" / "added.py").write_text("")
    bad = (Machine("here", str(other)), Machine("here", "/nowhere"), Machine("no.such.host.invalid", str(ROOT)))
    with pytest.raises(RecordError) as raised:
        require_same_pack(fleet(ssh, *bad))
    text = str(raised.value)
    assert text.count("files ") == 2  # both versions
    assert "here has another version of the pack" in text
    assert "/nowhere" in text
    assert "no.such.host.invalid" in text
    assert text.endswith("Nothing was started.")


def test_a_key_that_the_machine_does_not_know_is_named(ssh: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(RecordError, match=r"here: .*Permission denied"):
        require_same_pack(fleet(ssh))
