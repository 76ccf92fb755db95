"""Which cells a plan has, for the names of stacks and versions on the command line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.selection import explain_versions
from stacks.catalogue import load

KNOWN = load()
DEFAULT = list(KNOWN.plan.cells)


def pairs(**options: object) -> list[tuple[str, str]]:
    """The pairs of stack and version in the plan for these options."""
    plan, cells, _ = make_plan(KNOWN, PlanOptions(**options))
    assert [(cell.stack.name, cell.version.id) for cell in cells] == list(plan.cells)
    return list(plan.cells)


def test_without_a_name_the_plan_is_the_default_one() -> None:
    plan, cells, scenario = make_plan(KNOWN, PlanOptions())
    assert plan == KNOWN.plan
    assert pairs() == DEFAULT
    assert scenario == KNOWN.scenarios["steady"]
    assert [cell.expected for cell in cells].count("hung_worker") == 3


def test_a_stack_of_the_plan_keeps_its_versions() -> None:
    assert pairs(stack="threads") == [pair for pair in DEFAULT if pair[0] == "threads"]
    assert pairs(stack="threads, plain") == [pair for pair in DEFAULT if pair[0] in ("threads", "plain")]


def test_a_stack_outside_of_the_plan_is_combined_with_every_version_of_the_plan() -> None:
    versions = list(dict.fromkeys(version for _, version in DEFAULT))
    assert pairs(stack="throttle") == [("throttle", version) for version in versions]


def test_a_version_of_the_plan_keeps_its_stacks() -> None:
    assert pairs(version="py311-2.0.26") == [pair for pair in DEFAULT if pair[1] == "py311-2.0.26"]


def test_a_version_outside_of_the_plan_is_combined_with_every_stack_of_the_plan() -> None:
    stacks = list(dict.fromkeys(stack for stack, _ in DEFAULT))
    assert pairs(version="py313-2.0.30.post1") == [(stack, "py313-2.0.30.post1") for stack in stacks]


def test_a_pin_means_its_versions_in_the_plan_or_all_its_versions() -> None:
    assert {version for _, version in pairs(version="2.0.26")} == {"py312-2.0.26", "py311-2.0.26"}
    assert {version for _, version in pairs(version="2.0.29")} == {f"py3{minor}-2.0.29" for minor in range(10, 16)}


def test_stacks_and_versions_together_mean_every_combination() -> None:
    assert pairs(stack="osafterfork threads", version="py313-2.0.30.post1") == [
        ("osafterfork", "py313-2.0.30.post1"),
        ("threads", "py313-2.0.30.post1"),
    ]


def test_a_name_that_comes_twice_is_one_cell() -> None:
    assert pairs(stack="threads,threads", version="2.0.26,py312-2.0.26") == [
        ("threads", "py311-2.0.26"),
        ("threads", "py312-2.0.26"),
    ]


@given(
    st.lists(st.sampled_from(sorted(KNOWN.stacks)), max_size=3),
    st.lists(st.sampled_from(list(KNOWN.versions)), max_size=3),
)
def test_every_name_has_a_cell_and_no_cell_comes_twice(stacks: list[str], versions: list[str]) -> None:
    found = pairs(stack=",".join(stacks), version=" ".join(versions))
    assert len(found) == len(set(found)) > 0
    assert {stack for stack, _ in found} >= set(stacks)
    ids = set(versions)
    assert {version for _, version in found} >= ids
    if stacks:
        assert {stack for stack, _ in found} == set(stacks)
    if versions:
        assert {version for _, version in found} == ids


def test_a_pin_or_a_python_says_which_versions_it_stands_for_and_why() -> None:
    assert explain_versions("2.0.26,py312-2.0.30.post1", KNOWN) == [
        "2.0.26 is the pin of 2 versions in the default plan (stacks/loadtest.toml), and all of them run: "
        "py311-2.0.26, py312-2.0.26. Name an id, such as py312-2.0.26, to run one."
    ]
    [sentence] = explain_versions("2.0.22", KNOWN)
    assert "in stacks/versions.toml" in sentence
    [sentence] = explain_versions("3.12", KNOWN)
    assert sentence.startswith("3.12 is the Python of 3 versions")
    assert explain_versions(None, KNOWN) == explain_versions("py312-2.0.26", KNOWN) == []
