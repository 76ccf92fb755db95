"""The steps of `bisect`: what a verdict means, what a step rules out, and the sentence that answers the search."""

from __future__ import annotations

import pytest
from rich.console import Console

from stacks.campaign.bisect_steps import answer, judgement, step, table
from stacks.campaign.version_search import BAD, GOOD, UNKNOWN
from stacks.catalogue import Version, load

VERSIONS = [Version("3.12", "pyuwsgi", pin) for pin in ("2.0.22", "2.0.23", "2.0.26", "2.0.27.post1")]


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        ("recovers", GOOD),
        ("throttled", GOOD),
        ("invalid", UNKNOWN),
        *((bad, BAD) for bad in ("hung_worker", "hung_master", "hung_exit", "crash_loop")),
    ],
)
def test_a_verdict_is_good_bad_or_unknown_for_the_search(verdict: str, word: str) -> None:
    assert judgement({"status": "done", "verdict": verdict}) == word
    assert judgement({"status": "failed", "verdict": verdict}) == UNKNOWN


def record(verdict: str, respawns: int, hung: int, **more: object) -> dict[str, object]:
    counts = {"respawns": respawns, "hung": hung, "hung_initial": 0}
    row = {"status": "done", "verdict": verdict, "counts": counts, "run_id": "run", "error": None, "reason": "why"}
    return row | {"evidence": "take_gil" if hung else None} | more


def test_a_step_has_the_rate_that_it_rules_out_or_how_many_hung() -> None:
    known = load().versions
    good = step(known["py312-2.0.30.post1"], record("recovers", 29, 0))
    assert (good["judgement"], good["hung"], good["trials"]) == (GOOD, 0, 29)
    assert good["ruled_out"] == pytest.approx(0.117, abs=0.001)  # z^2 / (29 + z^2), the end of Wilson's interval
    bad = step(known["py312-2.0.26"], record("hung_worker", 16, 16))
    assert (bad["judgement"], bad["ruled_out"], bad["evidence"]) == (BAD, None, "take_gil")
    failed = step(known["py312-2.0.22"], record("invalid", 0, 0, status="failed", error="it did not start"))
    assert (failed["judgement"], failed["reason"]) == (UNKNOWN, "it did not start")
    console = Console(width=200, record=True, file=None, quiet=True)
    with console.capture() as caught:
        console.quiet = False
        console.print(table([good, bad, failed]))
    text = caught.get()
    assert "0 of 29, max. 12%" in text
    assert "16 of 16" in text
    assert "it did not start" in text


@pytest.mark.parametrize(
    ("judged", "change", "expected"),
    [
        ({2: BAD, 3: GOOD}, (2, 3), "threads: last bad py312-2.0.26, first good py312-2.0.27.post1."),
        ({0: GOOD, 1: BAD}, (0, 1), "threads: last good py312-2.0.22, first bad py312-2.0.23."),
        ({0: BAD, 3: GOOD}, (0, 3), "first good py312-2.0.27.post1; 2 between them could not be told."),
        ({0: GOOD, 3: GOOD}, None, "good at both ends (py312-2.0.22 and py312-2.0.27.post1), so there is no change."),
        ({0: UNKNOWN}, None, "threads: no version could be judged."),
    ],
)
def test_the_answer_is_a_sentence(judged: dict[int, str], change: tuple[int, int] | None, expected: str) -> None:
    assert answer("threads", VERSIONS, judged, change).endswith(expected)
