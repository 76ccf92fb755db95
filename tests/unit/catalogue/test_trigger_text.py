"""The text of a trigger: which forms a stack may use, and the error for any other text."""

from __future__ import annotations

import pytest

from stacks.catalogue.triggers import Trigger, parse


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("signal HUP", Trigger("signal HUP", 1, False)),
        ("fifo r, 3 times", Trigger("fifo r", 3, False)),
        ("touch reload, 1 time", Trigger("touch reload", 1, False)),
        ("kill SEGV worker, 6 times", Trigger("kill SEGV worker", 6, False)),
        ("signal HUP, while one starts", Trigger("signal HUP", 1, True)),
        ("signal TERM, after 2 s", Trigger("signal TERM", 1, False, 2.0)),
        ("fifo r, 2 times, after 3 s", Trigger("fifo r", 2, False, 3.0)),
    ],
)
def test_every_form_is_parsed_and_written_back(text: str, trigger: Trigger) -> None:
    assert parse(text) == trigger
    assert parse(str(trigger)) == trigger


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HUP",
        "signal",
        "fifo reload",
        "touch ../x/y",
        "kill KILL",
        "signal HUP 3 times",
        "signal HUP, after a while",
    ],
)
def test_the_error_for_another_text_lists_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="`fifo COMMAND`"):
        parse(text)


@pytest.mark.parametrize("text", ["signal WHAT", "kill WHAT worker"])
def test_an_unknown_signal_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="there is no signal WHAT"):
        parse(text)
