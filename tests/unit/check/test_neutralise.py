"""Neutralising a configuration: what is removed, moved and added, and that each change is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.check.invocation import CannotCheck
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.neutralise import neutralise, rules
from stacks.check.options import Options, is_set
from stacks.check.recycling import MAX_REQUESTS, MOST_WORKERS
from stacks.check.sockets import PORT

KNOWN = frozenset(
    "module wsgi-file callable http http-socket http11-socket socket https http-to master processes workers threads "
    "enable-threads pidfile daemonize stats hook-master-start hook-post-fork touch-reload uid cheaper route-run listen "
    "max-requests max-requests-delta min-worker-lifetime forkbomb-delay die-on-term disable-logging hook-accepting "
    "spooler cache2 mule cron attach-daemon emperor env chdir shared-socket log-date py-autoreload mount strict "
    "reload-on-rss vacuum".split()
)
APP: Options = [("module", "app"), ("http-socket", ":8000")]


def neutral_of(*options: tuple[str, str], tmp_path: Path = Path("/private"), **more: object) -> NeutralConfiguration:
    return neutralise([*APP, *options], KNOWN, tmp_path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "option",
    [
        ("daemonize", "/var/log/x"),
        ("pidfile", "/run/x"),
        ("stats", ":1717"),
        ("touch-reload", "/x"),
        ("uid", "www-data"),
        ("cheaper", "2"),
        ("hook-post-fork", "exec:touch /x"),
        ("cron", "1 1 1 1 1 x"),
        ("attach-daemon", "redis-server"),
        ("emperor", "/etc/vassals"),
        ("log-date", "true"),
        ("mule", "x.py"),
    ],
)
def test_an_option_that_would_disturb_is_removed_and_recorded(option: tuple[str, str]) -> None:
    neutral = neutral_of(option)
    assert option not in neutral.options
    change = next(c for c in neutral.changes if c.option == option[0])
    assert (change.original, change.replacement) == (option[1], "")
    assert change.why


def test_a_flag_that_stands_alone_is_set_and_not_absent() -> None:
    neutral = neutral_of(("master", ""), ("log-date", ""), ("die-on-term", "false"))
    assert ("master", "true") in neutral.options
    changes = {change.option: (change.original, change.replacement) for change in neutral.changes}
    assert "master" not in changes
    assert "processes" not in [change.option for change in neutral_of(("workers", "3"), ("processes", "2")).changes]
    assert changes["log-date"] == ("true", "")
    assert changes["die-on-term"] == ("false", "true")


@pytest.mark.parametrize(
    "option",
    [
        ("threads", "4"),
        ("env", "A=1"),
        ("hook-master-start", "unix_signal:15 gracefully_kill_them_all"),
        ("reload-on-rss", "512"),
        ("vacuum", "true"),
        ("mount", "/api=app.py"),
    ],
)
def test_an_option_that_affects_a_recycle_stays(option: tuple[str, str]) -> None:
    assert option in neutral_of(option).options


def test_the_sockets_keep_their_kind_and_get_new_addresses() -> None:
    neutral = neutral_of(
        ("socket", "/run/x.sock"), ("http-socket", ":8001"), ("http", ":80"), ("http-to", "/run/x.sock")
    )
    assert neutral.front == "http"
    assert ("http", PORT) in neutral.options
    addresses = dict(neutral.options)
    assert addresses["socket"].startswith("/private/")
    assert addresses["http-to"] == addresses["socket"]
    text = neutral.ini_text()
    assert not any(address in text for address in (":8000", ":8001", ":80\n", "/run/x.sock"))
    assert [key for key, _ in neutral.options].count("http-socket") == 2


def test_a_configuration_without_http_gets_an_http_socket() -> None:
    neutral = neutralise([("module", "app"), ("socket", ":3031")], KNOWN, Path("/private"))
    assert ("http-socket", PORT) in neutral.options


def test_https_alone_becomes_the_same_router_without_tls() -> None:
    neutral = neutralise([("module", "app"), ("https", ":443,a.crt,a.key")], KNOWN, Path("/private"))
    assert ("http", PORT) in neutral.options
    assert "443" not in neutral.ini_text()


def test_the_workers_recycle_quickly() -> None:
    neutral = neutral_of(("workers", "64"), ("max-requests", "5000"), ("max-requests-delta", "500"), ("listen", "9000"))
    options = dict(neutral.options)
    assert options["max-requests"] == str(MAX_REQUESTS)
    assert options["min-worker-lifetime"] == options["forkbomb-delay"] == "0"
    assert options["processes"] == str(MOST_WORKERS) == str(neutral.workers)
    assert options["listen"] == "4096"
    assert "max-requests-delta" not in options
    assert "workers" not in options
    assert options["die-on-term"] == "true"


def test_an_option_that_is_already_right_is_no_change() -> None:
    neutral = neutral_of(("master", "1"), ("die-on-term", ""))
    assert not {"master", "die-on-term"} & {change.option for change in neutral.changes}


def test_an_option_that_implies_threads_leaves_them_on() -> None:
    assert is_set(neutral_of(("py-autoreload", "1")).options, "enable-threads")


def test_directories_are_moved(tmp_path: Path) -> None:
    neutral = neutral_of(("spooler", "/var/spool/x"), ("cache2", "name=a,items=9,store=/x"), tmp_path=tmp_path)
    assert dict(neutral.options)["spooler"] == str(tmp_path / "spool")
    assert dict(neutral.options)["cache2"] == "name=a,items=9"


def test_another_app_and_directory() -> None:
    neutral = neutral_of(("chdir", "/opt/x"), ("mount", "/=x.py"), app="other:app", directory=Path("/here"))
    options = dict(neutral.options)
    assert options["module"] == "other:app"
    assert options["chdir"] == "/here"
    assert "mount" not in options
    assert dict(neutral_of(app="/srv/a.py:app").options)["callable"] == "app"


def test_percent_signs_survive_the_second_reading() -> None:
    assert "env = A=%%d" in neutral_of(("env", "A=%d")).ini_text()


def test_an_option_that_the_binary_does_not_have_is_left_out_and_listed() -> None:
    neutral = neutral_of(("project", "x"), ("strict", "true"))
    assert neutral.unknown_options == ["project"]
    assert not {"project", "strict"} & {key for key, _ in neutral.options}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ([("module", "app")], "no address to listen on"),
        ([("emperor", "/etc/x"), ("http", ":80")], "vassals"),
    ],
)
def test_a_configuration_with_nothing_to_check_is_refused(options: Options, text: str) -> None:
    with pytest.raises(CannotCheck, match=text):
        neutralise(options, KNOWN, Path("/private"))


def test_every_rule_says_why() -> None:
    for rule in rules():
        assert rule["options"]
        assert len(rule["why"]) > 20


@pytest.mark.parametrize(
    ("value", "workers"), [("3 ; three", 3), ("2", 2), ("many", 1), ("", 1), ("99 # all", MOST_WORKERS)]
)
def test_workers_are_counted_by_the_number_at_the_beginning_as_uwsgi_does(value: str, workers: int) -> None:
    assert neutral_of(("processes", value)).workers == workers
