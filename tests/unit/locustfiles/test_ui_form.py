"""The fields for a stack in Locust's form: a wrong value gets a sentence, and the choice has the names of `serve`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

from stacks import catalogue
from stacks.commands.list import as_json

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._form import add_arguments, choice, errors

CATALOGUE = {
    "stacks": {"threads": "threads on"},
    "versions": ["py312-2.0.26"],
    "limits": {"users": [1, 10_000], "workers": [1, 512], "max_requests": [1, 1_000_000], "threads": [1, 1024]},
}
FORM = {"stack": "threads", "version": "py312-2.0.26", "workers": "4", "max_requests": "10", "threads": "0"}
FORM |= {"user_count": "8", "spawn_rate": "8"}


def test_the_default_choice_says_what_is_expected_of_it() -> None:
    parser = argparse.ArgumentParser()
    loaded = catalogue.load()
    add_arguments(parser, json.loads(as_json(loaded)))
    defaults = parser.parse_args([])
    expected = loaded.expected(loaded.stacks[defaults.stack], loaded.versions[defaults.version])
    assert f"{defaults.stack} at {defaults.version}: {expected}" in " ".join(parser.format_help().split())


def test_a_valid_form_has_no_errors() -> None:
    assert errors(FORM, CATALOGUE) == []
    assert errors(FORM | {"threads": "1024", "spawn_rate": "0.5"}, CATALOGUE) == []


@pytest.mark.parametrize(
    ("field_", "value"),
    [
        ("workers", "0"),
        ("workers", "80000"),
        ("workers", "1e3"),
        ("workers", ""),
        ("max_requests", "-1"),
        ("max_requests", "99999999999999999999"),
        ("threads", "4.5"),
        ("user_count", "100000000"),
        ("user_count", "nan"),
        ("spawn_rate", "inf"),
        ("spawn_rate", "0"),
        ("spawn_rate", "many"),
        ("stack", "../../etc"),
        ("version", "2.0.99"),
    ],
)
def test_a_wrong_value_is_named_in_one_sentence(field_: str, value: str) -> None:
    (found,) = errors(FORM | {field_: value}, CATALOGUE)
    assert repr(value) in found


def test_all_errors_are_reported_at_once() -> None:
    assert len(errors(dict.fromkeys(FORM, "?"), CATALOGUE)) == len(FORM)


def test_the_choice_has_the_option_names_of_serve() -> None:
    class Options:
        stack, version, workers, max_requests, threads = "threads", "v", 4, 10, 0

    assert choice(Options) == {"stack": "threads", "version": "v", "workers": 4, "max_requests": 10, "threads": 0}
