"""Damaged files of a run on many hosts, and damaged settings: each is read in words, and no file is changed."""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from damage import damage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_closing import Place

from stacks.catalogue import UsageError
from stacks.check.thresholds import read_limits
from stacks.hosts import closing
from stacks.hosts.collecting import collect
from stacks.hosts.fleet_file import EXAMPLE, read_fleet
from stacks.hosts.location import Location
from stacks.lifecycle.parts import DAMAGED_DIR
from stacks.lifecycle.records import RUN_FILE, RecordError

CASES = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SEEDS = st.integers(0, 2**32)
LITERALS = ("1", "-1", "1.5", "nan", '""', '"x"', "true", "[]", "[1]", "{}", "1979-05-27", "9" * 19, '"\\u0000"')


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Locations of a run whose observer has ended, and of one whose observer was lost."""
    folders = []
    for is_whole in (True, False):
        place = Place(tmp_path_factory.mktemp("place"))
        for host in "ab":
            place.put_part(host, is_whole=is_whole)
        place.put_observer(is_whole=is_whole)
        folders.append(place.path)
    return folders


@given(seed=SEEDS)
@CASES
def test_a_damaged_location_is_closed_and_collected_in_words(places: list[Path], seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copytree(chance.choice(places), Path(folder) / "night"))
        files = sorted(file for file in path.rglob("*") if file.is_file())
        damaged = chance.choice(files)
        damage(damaged, chance)
        before = {file: file.read_bytes() for file in files if file.name != RUN_FILE}
        for act in (lambda: closing.close(Location(str(path))), lambda: collect(Location(str(path)), Path(folder))):
            with contextlib.suppress(RecordError):
                act()
        # A part that was cut off stands aside, as it was, with a piece that has its readable rows in its place.
        kept = {file: file if file.exists() else path / DAMAGED_DIR / file.name for file in before}
        assert {file: place.read_bytes() for file, place in kept.items()} == before


@given(seed=SEEDS)
@CASES
def test_damaged_settings_are_refused_in_words(seed: int) -> None:
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for text, read in (
            (EXAMPLE, read_fleet),
            ('[check]\nmax-lost = "1%"\np99 = "200ms"\n', lambda path: read_limits({}, path)),
        ):
            file = Path(folder) / "settings.toml"
            lines = text.splitlines()
            number = chance.randrange(len(lines))
            key, is_pair, _ = lines[number].partition(" = ")
            lines[number] = f"{key} = {chance.choice(LITERALS)}" if is_pair else lines[number]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
            if chance.random() < 0.6:
                damage(file, chance)
            with contextlib.suppress(UsageError, ValueError):
                read(file)
