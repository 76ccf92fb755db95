"""Locust's web UI with a tab for uWSGI's workers; `make ui` starts it.

It is a locustfile: `locust -f locustfiles/steady.py,locustfiles/workers_ui/_web_ui.py` does the same.
The form picks a stack and a version, Start brings it up, the tab Workers shows what becomes of its workers, Stop
takes it down and writes the results directory that `make loadtest` would.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gevent
from flask import Blueprint, Response, jsonify, request, send_from_directory
from locust import events
from locust.html import get_html_report, process_html_filename
from locust.runners import MasterRunner, WorkerRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from recording import _recorder

from workers_ui._control import RECORDED, Control
from workers_ui._form import add_arguments, choice, errors
from workers_ui._load import MESSAGE, count_requests, report, report_forever
from workers_ui._report import FILES, inject, section
from workers_ui._stack import ROOT
from workers_ui._view import episodes_csv, state

_recorder.on_demand = True
STALE_S = 0.4  # several browsers that look at one test share an answer
TAB = "uwsgi-workers"

# Of a stack that somebody else runs; set by `make ui` (__main__.py).
URL, PID = os.environ.get("PACK_UI_URL", ""), os.environ.get("PACK_UI_PID", "")

known = json.loads(
    subprocess.run(
        [sys.executable, "-m", "stacks", "list", "--json"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
)
control = None
environment = None


@events.init_command_line_parser.add_listener
def on_parser(parser):
    if not URL:
        add_arguments(parser, known)
    parser.add_argument("--record-dir", default="", include_in_web_ui=False, help="set by Start, for Locust's workers")


@events.init.add_listener
def on_init(environment, runner, web_ui, **_kwargs):
    globals()["environment"] = environment
    if not isinstance(runner, MasterRunner):
        count_requests()
        gevent.spawn(report_forever, runner)
    if isinstance(runner, WorkerRunner):
        return
    if web_ui is None:
        sys.exit("_web_ui.py is for Locust's web UI; without one, use `make loadtest`.")
    gevent.signal_handler(signal.SIGINT, interrupt)
    options = environment.parsed_options
    environment.host = URL or "http://127.0.0.1"  # until Start knows the port
    options.num_users = options.num_users or known["plan"]["users"]
    options.spawn_rate = options.spawn_rate or options.num_users
    set_up(Control(environment, scenario(environment), choose), web_ui, runner)


def interrupt():
    """Ctrl-C is for the main greenlet; Python would raise it in whichever runs, such as one that answers a page."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def choose():
    """The stack that is wanted, in the words of `python -m stacks serve`."""
    return {"url": URL, "pid": PID} if URL else choice(environment.parsed_options)


def scenario(environment):
    """The locustfile beside ours."""
    return next((path for path in environment.parsed_locustfiles if not Path(path).name.startswith("_")), "")


def set_up(made, web_ui, runner):
    """Messages, routes, tab and page."""
    global control
    control = made
    runner.register_message(MESSAGE, lambda environment, msg, **_kwargs: control.load.take(msg.data))
    runner.register_message(RECORDED, lambda environment, msg, **_kwargs: control.on_recorded(msg))
    web_ui.app.json.sort_keys, web_ui.app.jinja_env.policies["json.dumps_kwargs"] = (
        False,
        {},
    )  # the form's fields in the order of add_arguments, unsorted
    base = environment.parsed_options.web_base_path or ""
    title = "uWSGI workers" if isinstance(runner, MasterRunner) else "Workers"  # Locust has a tab of that name then
    web_ui.template_args |= {
        "extended_tabs": [{"title": title, "key": TAB}],
        "extended_csv_files": [{"href": "./workers/episodes.csv", "title": "Download worker episodes CSV"}],
    }
    web_ui.app.register_blueprint(pages(web_ui), url_prefix=f"{base}/workers")
    web_ui.app.before_request(check_form)
    web_ui.app.after_request(add_workers)


def pages(web_ui):
    """What our part of the page asks for."""
    blueprint = Blueprint("workers", __name__)
    seen = {"at": 0.0}

    @blueprint.route("/state")
    @web_ui.auth_required_if_enabled
    def show():
        if time.monotonic() - seen["at"] > STALE_S:
            seen["body"] = json.dumps(shown())
            seen["at"] = time.monotonic()
        return Response(seen["body"], mimetype="application/json", headers={"Cache-Control": "no-store"})

    @blueprint.route("/episodes.csv")
    @web_ui.auth_required_if_enabled
    def episodes():
        if control.stack is None:
            return Response("No stack has run yet.\n", status=404, mimetype="text/plain")
        name = Path(control.stack.directory or "workers").name
        headers = {"Content-Disposition": f'attachment; filename="episodes-{name}.csv"'}
        return Response(episodes_csv(control.stack.history), mimetype="text/csv", headers=headers)

    @blueprint.route("/static/<path:name>")
    def static(name):
        return send_from_directory(FILES, name)

    return blueprint


def shown(**more):
    """The state of the stack, and of what is done about it."""
    head = {"error": control.error, "waiting": control.waiting, "tab": TAB, "host": environment.host}
    return (state(control.stack, control.load, **more) if control.stack is not None else {"phase": ""}) | head


def check_form():
    """Refuse a Start that cannot work, where Locust's form shows it."""
    if request.endpoint != "locust.swarm":
        return None
    found = errors(request.form, known)
    if not found and control.stack is not None and control.stack.has_load:
        now = {name: str(value) for name, value in control.stack.choice.items()}
        if any(name in request.form and request.form[name] != now[name] for name in choose()):
            found = ["The stack of a running test stays as it is: press Stop, then New."]
    if found:
        return jsonify({"success": False, "message": " ".join(found), "host": environment.host})
    control.error = ""
    return None


def add_workers(response):
    """Our script in the page, our section in the report."""
    if request.endpoint == "locust.index" and response.status_code == 200:
        response.set_data(inject(response.get_data(as_text=True)))
    if request.endpoint == "locust.request_stats" and response.status_code == 200:
        # The page takes the state only from an answer that differs from the last, as it would not after a failed start.
        response.set_data(json.dumps(response.get_json() | {"refused": control.refused}))
    if request.endpoint == "locust.stats_report" and response.status_code == 200 and control.stack is not None:
        response.set_data(section(response.get_data(as_text=True), shown(report=True)))
    return response


@events.test_start.add_listener
def on_test_start(environment, **_kwargs):
    if environment.parsed_options.record_dir and not isinstance(environment.runner, MasterRunner):
        _recorder.begin(environment.parsed_options.record_dir)


def on_test_stop(environment, **_kwargs):
    """Before the master's own listener, which then tells the run that every row is there."""
    if not isinstance(environment.runner, MasterRunner):
        _recorder.end()
        report(environment.runner)
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(RECORDED, {"pid": os.getpid()})
        # Locust's worker would stay away for so long once more, and the page would not let anybody press Start.
        environment.stop_timeout = 0


events.test_stop.add_listener(on_test_stop)


@events.quit.add_listener
def on_quit(**_kwargs):
    if control is None:
        return
    control.quit()
    options = environment.parsed_options
    if options.html_file:
        # Locust has written it before this, or not at all after a SIGTERM; and the verdict is known only now.
        process_html_filename(options)
        path = Path(options.html_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        html = get_html_report(environment, show_download_link=False)
        path.write_text(section(html, shown(report=True)) if control.stack else html, encoding="utf-8")
