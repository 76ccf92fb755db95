"""The ways of a configuration: which there are, which are selected, how the copies look, and how the result is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from check_builders import HEALTHY, recycled, stopped, taken

from stacks.catalogue.triggers import parse
from stacks.check.neutralise import neutralise
from stacks.check.options import Options
from stacks.check.ways import copies, recordings, selection, way_plans
from stacks.check.ways.derivation import derive
from stacks.check.ways.known_defects import explain
from stacks.check.ways.taken import TakenWay, merged, worst_first
from stacks.check.ways.way import ONE_BY_ONE, RELOAD, STOP, Way
from stacks.check.ways.way_json import way_case
from stacks.check.ways.ways_text import table_lines, ways_lines
from stacks.lifecycle.way_results import WayResult
from stacks.lifecycle.way_steps import ALL, END, FEWER, MORE

APP: Options = [("module", "app"), ("http-socket", ":8000"), ("master", "true"), ("processes", "2")]
KNOWN = frozenset(
    "module http-socket master processes touch-reload touch-chain-reload master-fifo max-requests reload-on-rss "
    "max-worker-lifetime harakiri die-on-term route-run hook-master-start".split()
)


def names(*options: tuple[str, str]) -> list[str]:
    return [way.name for way in derive([*APP, *options])]


def named(name: str, *options: tuple[str, str], slow_url: str = "") -> Way:
    return next(way for way in derive([*APP, *options], slow_url) if way.name == name)


def test_every_stack_has_the_deaths_a_reload_the_stops_and_a_recycle() -> None:
    assert names() == "max-requests worker-kill worker-segv worker-term hup int term quit".split()


def test_the_ways_that_the_options_switch_on_come_first() -> None:
    options = [("touch-reload", "/x"), ("master-fifo", "/f"), ("max-worker-lifetime", "60"), ("reload-on-rss", "300")]
    found = names(*options)
    fifo = "fifo-c fifo-w fifo-W fifo-r fifo-R fifo-q fifo-Q"
    expected = f"max-requests max-worker-lifetime reload-on-rss touch-reload {fifo}"
    assert found[: found.index("worker-kill")] == expected.split()
    assert "touch-reload" not in names(("touch-reload", "false"))


def test_every_trigger_can_be_carried_out() -> None:
    touches = ("touch-reload", "touch-workers-reload", "touch-chain-reload", "master-fifo")
    for way in derive([*APP, *((name, "/x") for name in touches)]):
        if way.is_asked:
            assert str(parse(way.trigger)) == way.trigger


def test_die_on_term_exchanges_what_term_and_quit_do() -> None:
    die = ("die-on-term", "true")
    wants = {name: [named(name).wants, named(name, die).wants] for name in ("int", "term", "quit")}
    assert wants == {"int": [END, END], "term": [ALL, END], "quit": [END, ALL]}
    assert named("term", ("hook-master-start", "unix_signal:15 gracefully_kill_them_all")).kind == STOP


def test_a_hook_puts_another_effect_behind_a_signal() -> None:
    hooks = [
        ("hook-master-start", "unix_signal:15 gracefully_kill_them_all"),
        ("hook-master-start", "unix_signal:12 uwsgi_chain_reload"),
        ("hook-master-start", "unix_signal:99 uwsgi_chain_reload"),
        ("hook-master-start", "unix_signal:10 stats"),
    ]
    assert names(*hooks)[-5:] == ["hup", "int", "term", "quit", "usr2"]
    chain = named("usr2", *hooks)
    assert (chain.kind, chain.wants, chain.risk, chain.option) == (RELOAD, ALL, ONE_BY_ONE, "hook-master-start")
    assert "open requests" in named("term", *hooks).what


def test_cheaper_takes_a_worker_away_and_adds_one_on_a_copy_of_its_own() -> None:
    options = [*APP, ("cheaper", "1"), ("cheaper-algo", "busyness"), ("idle", "60")]
    way = next(way for way in derive(options) if way.name == "cheaper")
    assert way.steps == (("fifo -", FEWER), ("fifo +", MORE))
    plan = way_plans.asked_plan([way], 2, "/", 0.5, 60.0, "socket")
    assert [(step["way"], step["trigger"], step["wants"]) for step in plan["ways"]] == [
        ("cheaper", "fifo -, after 1 s", FEWER),
        ("cheaper", "fifo +, after 0 s", MORE),
    ]
    known = KNOWN | {"cheaper", "cheaper-algo", "cheaper-initial", "idle"}
    copy = dict(neutralise(options, known, Path("/private"), prepare=copies.calm([way])).options)
    assert (copy["cheaper"], copy["cheaper-initial"], copy["cheaper-algo"]) == ("1", "2", "manual")
    assert copy["master-fifo"] == "$(PACK_RUN)/fifo"
    idle = next(way for way in derive(options) if way.name == "idle")
    limited = dict(neutralise(options, known, Path("/private"), prepare=copies.limited(idle)).options)
    assert (limited["idle"], "cheaper" in limited) == ("1", False)
    plan = way_plans.limited_plan(idle, 2, "/", 0.5, 60.0, "socket", deep=False)
    assert plan["respawns"] == 2
    assert way_plans.IDLE_WINDOW_S < plan["quiet_s"] < plan["limit_s"]


def test_harakiri_needs_a_page_that_outlives_it() -> None:
    assert "--slow-url" in named("harakiri", ("harakiri", "30")).why_not
    assert named("harakiri", ("harakiri", "30"), slow_url="/slow").why_not == ""


def test_a_stuck_request_beside_other_threads_is_a_known_defect() -> None:
    way = named("harakiri", ("harakiri", "30"), slow_url="/slow")
    nothing = TakenWay(way, WayResult("invalid", "0 respawns seen", replaced=0))
    found = explain(nothing, 4, "2.0.31")
    assert "unbit/uwsgi#2706" in found.result.reason
    assert found.cause == "harakiri-put-off"
    assert explain(nothing, 1, "2.0.31") is nothing
    assert explain(taken("harakiri"), 4, "2.0.31").cause is None


@pytest.mark.parametrize(
    ("version", "threads", "lost", "cause"),
    [
        ("2.0.21-debian", 4, {"reset": 3}, "lifetime-cuts"),
        ("2.0.23", 4, {"truncated": 1}, "lifetime-cuts"),
        ("2.0.21-debian", 4, {"timeout": 3}, None),
        ("2.0.21-debian", 1, {"reset": 3}, None),
        ("2.0.26", 4, {"reset": 3}, None),
    ],
)
def test_requests_that_a_lifetime_cuts_off_are_a_known_defect(
    version: str, threads: int, lost: dict[str, int], cause: str | None
) -> None:
    way = explain(taken("max-worker-lifetime", reason="4 of 4", lost=lost, requests=60), threads, version)
    assert way.cause == cause
    assert ("of 60 requests cut off" in way.result.reason) == (cause is not None)
    assert any("loses requests" in line for line in ways_lines([way])) == (cause is not None)
    assert explain(taken("reload-on-rss", lost=lost), threads, version).cause is None


@pytest.mark.parametrize(
    ("respawns", "exit_s", "verdict"), [(0, 20.4, "hung_exit"), (0, 3.0, "invalid"), (2, 20.4, "invalid")]
)
def test_exits_at_a_limit_that_never_end_hang_without_a_proof(respawns: int, exit_s: float, verdict: str) -> None:
    directory = str(Path(__file__).parents[2] / "data" / "ways" / "recovers")
    run = replace(HEALTHY, directory=directory, verdict="invalid", respawns=respawns, exit_max_s=exit_s)
    result = recordings.read_limited_way(run)
    assert result.verdict == verdict
    assert ("still there 20 s later" in result.reason) == (verdict == "hung_exit")
    quick = recordings.read_limited_way(replace(run, exit_max_s=None, respawns=0), "harakiri")
    assert (quick.verdict, "--slow-url" in quick.reason) == ("invalid", True)


def test_a_way_that_a_copy_cannot_take_says_why() -> None:
    assert "die-on-idle" in named("idle", ("idle", "60"), ("die-on-idle", "true")).why_not
    assert "2 processes" in named("cheaper", ("cheaper", "1"), ("processes", "1")).why_not


def test_the_calm_copy_has_no_limit_and_its_own_file_and_fifo() -> None:
    asked = [("touch-reload", "/srv/reload"), ("master-fifo", "/run/fifo")]
    options: Options = [*APP, *asked, ("max-requests", "1000"), ("reload-on-rss", "300")]
    neutral = neutralise(options, KNOWN, Path("/private"), prepare=copies.calm(derive(options)))
    got = dict(neutral.options)
    assert (got["touch-reload"], got["master-fifo"]) == ("$(PACK_RUN)/touch-reload", "$(PACK_RUN)/fifo")
    assert not {"max-requests", "reload-on-rss", "die-on-term"} & set(got)
    assert "touch-chain-reload" not in got


def test_the_copy_for_a_limit_has_only_this_limit() -> None:
    options: Options = [*APP, ("max-requests", "1000"), ("reload-on-rss", "300"), ("max-worker-lifetime", "3600")]
    way = named("max-worker-lifetime", *options)
    got = dict(neutralise(options, KNOWN, Path("/private"), prepare=copies.limited(way)).options)
    assert got["max-worker-lifetime"] == "2"
    for lazy, expected in (("true", "3"), ("false", "2")):
        slow = [*options, ("lazy-apps", lazy)]
        prepare = copies.limited(way, start_s=1.3)
        copy = neutralise(slow, KNOWN | {"lazy-apps"}, Path("/private"), prepare=prepare)
        assert dict(copy.options)["max-worker-lifetime"] == expected
    assert not {"max-requests", "reload-on-rss"} & set(got)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", "max-requests touch-reload worker-kill worker-segv worker-term hup int term quit"),
        ("reload", "touch-reload hup term"),
        ("hup, death", "worker-kill worker-segv worker-term hup"),
        ("fifo-r", "fifo-r"),
    ],
)
def test_ways_are_selected_by_name_and_by_kind(text: str, expected: str) -> None:
    chosen = selection.select(derive([*APP, ("touch-reload", "/x")]), text)
    assert [way.name for way in chosen] == expected.split()


def test_a_named_way_that_the_configuration_lacks_is_not_taken() -> None:
    (way,) = selection.select(derive(APP), "touch-chain-reload")
    assert way.why_not == "the configuration has no touch-chain-reload"


def test_a_word_that_is_no_way_is_a_usage_error() -> None:
    assert "did you mean touch-reload" in selection.usage_error("touch-relaod")
    assert selection.usage_error(" , ") == "WAYS= names no way"
    assert selection.usage_error("all,hup,stop") == ""


def test_deep_takes_a_way_as_often_as_rules_out_five_percent() -> None:
    reload, death, stop = named("hup"), named("worker-kill"), named("int")
    assert [way_plans.times(way, 4, deep=False) for way in (reload, death, stop)] == [1, 1, 1]
    # 0 of 73 is the least whose 95 % interval (Wilson) ends below 5 %: 1.96^2 / (73 + 1.96^2).
    assert [way_plans.times(way, 4, deep=True) for way in (reload, death, stop)] == [19, 73, 1]


def test_deep_takes_a_limit_as_often_and_tells_how_long_all_takes() -> None:
    harakiri = named("harakiri", ("harakiri", "30"), slow_url="/slow")
    plan = way_plans.limited_plan(harakiri, 2, "/", 0.5, 60.0, "socket", deep=True)
    assert (plan["respawns"], plan["duration_s"]) == (73, 73 * 4.0)
    assert plan["limit_s"] > plan["duration_s"]
    kill, hup = named("worker-kill"), named("hup")
    assert way_plans.deep_way_s(kill, 2, 0.5) == 73 * 3.5
    assert way_plans.deep_s([kill, hup, named("harakiri", ("harakiri", "30"))], 2, 0.5, 3) == 73 * 3.5
    assert way_plans.deep_s([kill] * 6, 2, 0.5, 3) == 2 * 73 * 3.5
    assert way_plans.deep_s([], 2, 0.5, 3) == 0.0


def test_the_longest_run_begins_first() -> None:
    deaths = [named(f"worker-{name}") for name in ("kill", "segv", "term")]
    lifetime, idle = named("max-worker-lifetime", ("max-worker-lifetime", "60")), named("idle", ("idle", "60"))
    many, stop = deaths * 20, [named("int")]
    runs = [stop, [lifetime], deaths, [idle], many]
    assert sorted(runs, key=way_plans.usual_s, reverse=True) == [many, [idle], deaths, [lifetime], stop]


def test_ways_are_told_with_the_worst_first() -> None:
    ways = [
        taken("hup", nothing_s=0.5),
        taken("fifo-r", nothing_s=1.5),
        taken("int", "not_taken"),
        taken("touch-reload", "old_workers"),
        taken("fifo-c", "hung_worker"),
        taken("harakiri", "invalid"),
    ]
    assert [one.way.name for one in worst_first(ways)] == "fifo-c touch-reload harakiri fifo-r hup int".split()


def test_a_way_that_was_taken_several_times_has_the_worst_verdict_and_the_sums() -> None:
    parts = [
        taken("hup", replaced=4, ended_s=1.0, lost={"reset": 1}, new_code=True),
        taken("hup", "hung_exit", "why", replaced=0, lost={"reset": 2, "refused": 1}, nothing_s=2.0),
        taken("hup", replaced=4, ended_s=3.0, new_code=True),
    ]
    result = merged(parts).result
    assert (result.verdict, result.reason, result.times, result.replaced) == ("hung_exit", "why", 3, 8)
    assert (result.ended_s, result.nothing_s, result.lost) == (3.0, 2.0, {"reset": 3, "refused": 1})


def test_the_first_lines_say_what_comes_back_and_what_does_not() -> None:
    ways = worst_first(
        [
            recycled(HEALTHY),
            taken("hup", "dead_master", "the master ended"),
            taken("touch-reload", "dead_master", "the master ended"),
            taken("fifo-w", new_code=False),
            taken("harakiri", "not_taken", "name a page"),
            stopped("int"),
            stopped("term", "hung_exit", reason="still there"),
        ]
    )
    text = "\n".join(ways_lines(ways))
    assert "comes back: max-requests, fifo-w; stops when asked: int\n" in text
    assert "does NOT come back: hup, touch-reload (dead_master: the master ended)\n" in text
    assert "does NOT stop when asked: term (hung_exit: still there)\n" in text
    assert "OLD code, because the master had loaded it before: fifo-w\n" in text
    assert "not measured: harakiri (name a page)" in text
    table = table_lines(ways)
    assert len(table) == 1 + 6
    assert table[1].split()[:2] == ["term", "hung_exit"]


def test_a_way_is_one_test_case() -> None:
    cases = [way_case(taken("hup", verdict, "why")) for verdict in ("recovers", "dead_master", "invalid", "not_taken")]
    assert [(case.failure, case.error, case.skipped) for case in cases] == [
        (None, None, None),
        ("dead_master: why\n", None, None),
        (None, "why", None),
        (None, None, "why"),
    ]
