"""The licences of the installed packages: every one allows commercial use, and an unknown one is named."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from stacks.__main__ import main
from stacks.catalogue import ROOT
from stacks.catalogue.licences import Licence, installed, is_usable


def package(folder: Path, name: str, *fields: str) -> PathDistribution:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *fields, ""]))
    return PathDistribution(info)


def test_every_package_of_the_lock_file_allows_commercial_use() -> None:
    locked = {(one["name"], one["version"]) for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    found = [one for one in installed() if (one.package.lower(), one.version) in locked]
    assert found
    assert [one for one in found if not one.is_usable] == []


def test_the_command_names_every_package_and_the_pack(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["licences"])
    lines = capsys.readouterr().out.splitlines()
    assert any(re.fullmatch(r"locust \S+ +MIT.*", line) for line in lines)
    assert any(line.startswith("The pack itself: MIT") for line in lines)
    assert code == (0 if lines[-1].endswith("every licence allows commercial use.") else 3)


def test_the_newest_field_counts(tmp_path: Path) -> None:
    found = installed(
        [
            package(tmp_path, "a", "License-Expression: MIT OR GPL-3.0-only", "License: GPL"),
            package(tmp_path, "b", "Classifier: License :: OSI Approved :: BSD License", "License: whatever"),
            package(tmp_path, "c", "License: Apache 2.0"),
            package(tmp_path, "d", "License: UNKNOWN"),
        ]
    )
    texts = ["MIT OR GPL-3.0-only", "BSD License", "Apache 2.0", "unknown"]
    assert found == [Licence(name, "1.0", text) for name, text in zip("abcd", texts, strict=True)]
    assert [one.is_usable for one in found] == [True, True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "GPL-3.0-only",
        "MIT AND AGPL-3.0-or-later",
        "BUSL-1.1",
        "CC-BY-NC-4.0",
        "Proprietary",
        "",
        "Free for personal use",
    ],
)
def test_what_forbids_commercial_use_or_is_not_known_is_to_be_looked_at(text: str) -> None:
    assert not is_usable(text)
