"""The search for the version at which a stack changes: few steps, the right neighbours, and words for every end."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stacks.campaign import bisect
from stacks.campaign.bisect import BAD, GOOD, UNKNOWN, Search, answer, candidates, judgement, step, table
from stacks.catalogue import UsageError, Version, load

KNOWN = load()


def search(truth: list[str]) -> tuple[Search, tuple[int, int] | None]:
    made = Search(len(truth), truth.__getitem__)
    return made, made.run()


@given(st.integers(0, 40), st.integers(0, 40), st.booleans())
def test_one_change_is_found_in_logarithmic_steps(before: int, after: int, rising: bool) -> None:
    old, new = (GOOD, BAD) if rising else (BAD, GOOD)
    truth = [old] * before + [new] * after
    made, found = search(truth)
    assert found == ((before - 1, before) if before and after else None)
    if truth:
        assert len(made.seen) <= 2 + math.ceil(math.log2(len(truth) + 1))


@given(st.lists(st.sampled_from([GOOD, BAD, UNKNOWN]), max_size=20))
def test_whatever_the_truth_the_neighbours_differ_and_all_between_cannot_be_told(truth: list[str]) -> None:
    made, found = search(truth)
    ends = [word for word in truth if word != UNKNOWN]
    if not ends or ends[0] == ends[-1]:
        assert found is None
    else:
        assert found is not None
        low, high = found
        assert low < high
        assert {truth[low], truth[high]} == {GOOD, BAD}
        assert all(truth[i] == UNKNOWN for i in range(low + 1, high))
    assert all(made.seen[i] == truth[i] for i in made.seen)


def test_a_python_held_fixed_searches_the_pins_and_a_pin_the_pythons() -> None:
    pins = candidates(KNOWN, "3.12")
    assert [version.pin for version in pins][:4] == ["2.0.22", "2.0.23", "2.0.23.post0", "2.0.26"]
    assert {version.python for version in pins} == {"3.12"}
    pythons = candidates(KNOWN, "2.0.26")
    assert [version.python for version in pythons] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    with pytest.raises(UsageError, match=r"VERSION=2\.0\.99: hold a Python \(3\.10, .*\) or a pin \(2\.0\.22, "):
        candidates(KNOWN, "2.0.99")


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        ("recovers", GOOD),
        ("throttled", GOOD),
        ("invalid", UNKNOWN),
        *((bad, BAD) for bad in ("hung_worker", "hung_master", "hung_exit", "crash_loop")),
    ],
)
def test_what_a_verdict_means_for_the_search(verdict: str, word: str) -> None:
    assert judgement({"status": "done", "verdict": verdict}) == word
    assert judgement({"status": "failed", "verdict": verdict}) == UNKNOWN


def record(verdict: str, respawns: int, hung: int, **more: object) -> dict[str, object]:
    counts = {"respawns": respawns, "hung": hung, "hung_initial": 0}
    row = {"status": "done", "verdict": verdict, "counts": counts, "run_id": "run", "error": None, "reason": "why"}
    return row | {"evidence": "take_gil" if hung else None} | more


def test_a_step_says_what_it_rules_out_or_what_hung() -> None:
    good = step(KNOWN.versions["py312-2.0.30.post1"], record("recovers", 29, 0))
    assert (good["judgement"], good["hung"], good["trials"]) == (GOOD, 0, 29)
    assert good["ruled_out"] == pytest.approx(0.098, abs=0.001)  # success run: 1 - 0.05 ** (1 / 29)
    bad = step(KNOWN.versions["py312-2.0.26"], record("hung_worker", 16, 16))
    assert (bad["judgement"], bad["ruled_out"], bad["evidence"]) == (BAD, None, "take_gil")
    failed = step(KNOWN.versions["py312-2.0.22"], record("invalid", 0, 0, status="failed", error="it did not start"))
    assert (failed["judgement"], failed["reason"]) == (UNKNOWN, "it did not start")
    console = Console(width=200, record=True, file=None, quiet=True)
    with console.capture() as caught:
        console.quiet = False
        console.print(table([good, bad, failed]))
    said = caught.get()
    assert "0 of 29, < 10%" in said
    assert "16 of 16" in said
    assert "it did not start" in said


VERSIONS = [Version("3.12", "pyuwsgi", pin) for pin in ("2.0.22", "2.0.23", "2.0.26", "2.0.27.post1")]


@pytest.mark.parametrize(
    ("seen", "found", "says"),
    [
        ({2: BAD, 3: GOOD}, (2, 3), "threads: last bad py312-2.0.26, first good py312-2.0.27.post1."),
        ({0: GOOD, 1: BAD}, (0, 1), "threads: last good py312-2.0.22, first bad py312-2.0.23."),
        ({0: BAD, 3: GOOD}, (0, 3), "first good py312-2.0.27.post1; 2 between them could not be told."),
        ({0: GOOD, 3: GOOD}, None, "good at both ends (py312-2.0.22 and py312-2.0.27.post1), so there is no change."),
        ({0: UNKNOWN}, None, "threads: no version could be judged."),
    ],
)
def test_the_end_in_a_sentence(seen: dict[int, str], found: tuple[int, int] | None, says: str) -> None:
    assert answer("threads", VERSIONS, seen, found).endswith(says)


def test_every_good_step_rules_out_a_tenth() -> None:
    assert bisect.respawns_to_rule_out(bisect.RULED_OUT) == 29
