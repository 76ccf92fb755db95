"""Any configuration: the check makes a configuration of its own of it, or says in words why it cannot."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.check.effective_configuration import BEGIN, END, _parse
from stacks.check.failure_reasons import explain_failed_start
from stacks.check.invocation import CannotCheck, config_arguments, read_line
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.neutralise import neutralise, rules
from stacks.check.options import Options, numbers
from stacks.check.refusals import explain_refusal
from stacks.check.sockets import HTTP, PORT, SECURE, SOCKETS

CASES = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
# The names that the check acts on, and others.
NAMES = sorted(
    {*SOCKETS, *SECURE, *(re.sub(r"[*?\[\]]", "x", name) for rule in rules() for name in rule["options"])}
    | set(
        "module wsgi-file mount processes workers listen threads master spooler cache2 env chdir http-to paste".split()
    )
)
VALUES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "true", "0", "-1", "99999999999999999999", "²", "٣", ":0", "a=b", "$(x)", "%d", "\x00", "\n"]),
)
OPTIONS = st.lists(st.tuples(st.one_of(st.sampled_from(NAMES), st.text(max_size=20)), VALUES), max_size=12)


@given(options=OPTIONS, app=st.one_of(st.none(), st.text(max_size=20)), backlog=st.integers(1, 4096))
@CASES
def test_any_options_are_neutralised_or_refused(options: Options, app: str | None, backlog: int) -> None:
    known = frozenset(NAMES)
    with tempfile.TemporaryDirectory() as folder:
        try:
            neutral = neutralise(options, known, Path(folder), app, Path(folder), backlog)
        except CannotCheck:
            return
    assert isinstance(neutral, NeutralConfiguration)
    assert neutral.ini_text().startswith("[uwsgi]\n")
    assert 1 <= neutral.workers <= 8
    numbers(neutral.options)
    # No socket of the user's is opened, whatever its value was.
    for key, value in neutral.options:
        assert key not in HTTP or value == PORT or value.startswith(folder)
        assert key not in SECURE


@pytest.mark.parametrize("value", ["²", "٣", "9" * 5000, "9" * 11, "-1", ""])
@pytest.mark.parametrize("name", ["processes", "listen", "threads", "max-requests"])
def test_a_number_that_is_none_is_no_error(name: str, value: str, tmp_path: Path) -> None:
    neutral = neutralise([("http-socket", ":0"), (name, value)], frozenset(NAMES), tmp_path)
    assert neutral.workers == 1
    numbers(neutral.options)


@given(text=st.text(max_size=300))
@CASES
def test_any_output_of_the_binary_is_parsed(text: str) -> None:
    assert all(len(pair) == 2 for pair in _parse(f"{BEGIN}{text}{END}"))
    assert explain_refusal(text, frozenset(NAMES))
    assert explain_failed_start(text, "it ended") != ""


@given(name=st.text(max_size=60), arguments=st.text(max_size=60))
@CASES
def test_any_name_and_arguments_are_words_or_an_error_in_words(name: str, arguments: str) -> None:
    for call in (lambda: config_arguments(name), lambda: read_line(arguments, {})):
        with contextlib.suppress(CannotCheck):
            call()
