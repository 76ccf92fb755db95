"""Locust's web UI with a tab for uWSGI's workers. `make ui` starts it.

It is a locustfile: `locust -f locustfiles/steady.py,locustfiles/workers_ui/_web_ui.py` does the same.
The form has fields for a stack and a version. Start starts this stack, the tab Workers shows its workers, and Stop
stops the stack and writes the results directory that `make loadtest` would write.
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
from locust.argument_parser import ui_extra_args_dict
from locust.html import get_html_report, process_html_filename
from locust.runners import MasterRunner, WorkerRunner
from werkzeug.exceptions import HTTPException

# Locust loads this file by its path, so Python finds neither `recording` and `workers_ui` nor `stacks`. Entry 0 of
# sys.path is Locust's own, which Locust removes after loading.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))
from recording import _fault, _part_file, _recorder

from stacks.listen.address import LOOPBACK
from workers_ui._control import RECORDED, Control
from workers_ui._form import add_arguments, choice, errors
from workers_ui._listening import guard
from workers_ui._load import MESSAGE, count_requests, report, report_forever
from workers_ui._locust_fields import field_errors, user_error
from workers_ui._report import FILES, inject, section
from workers_ui._stack import ROOT
from workers_ui._view import episodes_csv, state

_recorder.on_demand = True
STALE_S = 0.4  # browsers that show the same test share an answer for so long
TAB = "uwsgi-workers"

# A uWSGI that is running already: its URL, and the pid of its master. `make ui` (__main__.py) sets both.
URL, PID = os.environ.get("PACK_UI_URL", ""), os.environ.get("PACK_UI_PID", "")
NAMES = os.environ.get("PACK_UI_NAMES", "")  # the host names after LISTEN=ADDRESS,

listing = subprocess.run([sys.executable, "-m", "stacks", "list", "--json"], cwd=ROOT, stdout=subprocess.PIPE)
if listing.returncode:
    sys.exit(
        f"ui: `python -m stacks list` ended with {listing.returncode}, so there is no catalogue to show. Start again."
    )
catalogue = json.loads(listing.stdout)
control = None
environment = None


@events.init_command_line_parser.add_listener
def on_parser(parser):
    """Add the fields of the form."""
    if not URL:
        add_arguments(parser, catalogue)
    parser.set_defaults(web_host=LOOPBACK)  # Locust's own default is every address of this machine
    parser.add_argument("--record-dir", default="", include_in_web_ui=False, help="set by Start, for Locust's workers")


@events.init.add_listener
def on_init(environment, runner, web_ui, **_kwargs):
    """Count requests in each process that sends them, and prepare the page in the process with the web UI."""
    globals()["environment"] = environment
    if not isinstance(runner, MasterRunner):
        count_requests()
        gevent.spawn(report_forever, runner)
    if isinstance(runner, WorkerRunner):
        return
    if web_ui is None:
        sys.exit("_web_ui.py is for Locust's web UI. Without a web UI, use `make loadtest`.")
    gevent.signal_handler(signal.SIGINT, interrupt)
    options = environment.parsed_options
    environment.host = URL or "http://127.0.0.1"  # Start adds the port
    options.num_users = options.num_users or catalogue["plan"]["users"]
    options.spawn_rate = options.spawn_rate or options.num_users
    set_up(Control(environment, scenario(environment), chosen_stack), web_ui, runner)


def interrupt():
    """Deliver Ctrl-C to the main greenlet. Python would raise it in any greenlet, also in one that answers a page."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def chosen_stack():
    """Return the stack to start, with the option names of `python -m stacks serve`."""
    return {"url": URL, "pid": PID} if URL else choice(environment.parsed_options)


def scenario(environment):
    """Return the path of the user's locustfile."""
    return next((path for path in environment.parsed_locustfiles if not Path(path).name.startswith("_")), "")


def set_up(new_control, web_ui, runner):
    """Register the messages between Locust's processes, guard the page, and add the tab and its routes to it."""
    global control
    guard(web_ui, NAMES)
    control = new_control
    runner.register_message(MESSAGE, lambda environment, msg, **_kwargs: control.load.take(msg.data))
    runner.register_message(RECORDED, lambda environment, msg, **_kwargs: control.on_recorded(msg))
    # Without these two settings, Flask sorts the fields of the form by name.
    web_ui.app.json.sort_keys = False
    web_ui.app.jinja_env.policies["json.dumps_kwargs"] = {}
    base = environment.parsed_options.web_base_path or ""
    # With worker processes, Locust has a tab `Workers` of its own.
    title = "uWSGI workers" if isinstance(runner, MasterRunner) else "Workers"
    web_ui.template_args |= {
        "extended_tabs": [{"title": title, "key": TAB}],
        "extended_csv_files": [{"href": "./workers/episodes.csv", "title": "Download worker episodes CSV"}],
    }
    web_ui.app.register_blueprint(pages(web_ui), url_prefix=f"{base}/workers")
    web_ui.app.before_request(check_form)
    web_ui.app.after_request(add_workers)


def pages(web_ui):
    """Return the routes that the tab needs: its state, the episodes as CSV, and its files."""
    blueprint = Blueprint("workers", __name__)
    answer = {"at": 0.0}

    @blueprint.errorhandler(Exception)
    def tell(error):
        if isinstance(error, HTTPException):
            return error
        return Response(f"{_fault.report(error)}\n", status=500, mimetype="text/plain")

    @blueprint.route("/state")
    @web_ui.auth_required_if_enabled
    def show_state():
        if time.monotonic() - answer["at"] > STALE_S:
            answer["body"] = json.dumps(page_state())
            answer["at"] = time.monotonic()
        return Response(answer["body"], mimetype="application/json", headers={"Cache-Control": "no-store"})

    @blueprint.route("/episodes.csv")
    @web_ui.auth_required_if_enabled
    def download_episodes():
        if control.stack is None:
            return Response("No stack has run yet.\n", status=404, mimetype="text/plain")
        name = Path(control.stack.directory or "workers").name
        headers = {"Content-Disposition": f'attachment; filename="episodes-{name}.csv"'}
        return Response(episodes_csv(control.stack.history), mimetype="text/csv", headers=headers)

    @blueprint.route("/report.html")
    @web_ui.auth_required_if_enabled
    def show_report():
        page = control.stack.page if control.stack is not None else None
        if page is None:
            return Response("There is no page of results yet.\n", status=404, mimetype="text/plain")
        return Response(page.read_bytes(), mimetype="text/html", headers={"Cache-Control": "no-store"})

    @blueprint.route("/static/<path:name>")
    def send_file(name):
        return send_from_directory(FILES, name)

    return blueprint


def page_state(**more):
    """Return the state of the stack, and of its start or stop, as the page shows it."""
    page = {"error": control.error, "waiting": control.waiting, "tab": TAB, "host": environment.host}
    return (state(control.stack, control.load, **more) if control.stack is not None else {"phase": ""}) | page


def check_form():
    """Refuse a Start that cannot work. Locust's form shows the reason."""
    if request.endpoint == "locust.update_user":
        sentence = user_error(request.get_data(), environment.available_user_classes)
        return Response(f"{sentence}\n", status=400, mimetype="text/plain") if sentence else None
    if request.endpoint != "locust.swarm":
        return None
    messages = field_errors(request.form, extra_options()) + errors(request.form, catalogue)
    if not messages and control.stack is not None and control.stack.has_load:
        now = {name: str(value) for name, value in control.stack.choice.items()}
        if any(name in request.form and request.form[name] != now[name] for name in chosen_stack()):
            messages = ["The stack cannot change while a test is running. Press Stop, then New."]
    if messages:
        return jsonify({"success": False, "message": " ".join(messages), "host": environment.host})
    control.error = ""
    return None


def extra_options():
    """Return the present values of the options that the page shows beside Locust's own."""
    options = vars(environment.parsed_options)
    return {name: options[name] for name in ui_extra_args_dict() if name in options}


def add_workers(response):
    """Add the scripts to the page, and the section to the report. An error here leaves Locust's own page."""
    return _fault.told(with_workers)(response) or response


def with_workers(response):
    """Return the response with what the pack adds to it."""
    if request.method != "GET":  # OPTIONS has the same endpoint, and another answer
        return response
    if request.endpoint == "locust.index" and response.status_code == 200:
        response.set_data(inject(response.get_data(as_text=True)))
    if request.endpoint == "locust.request_stats" and response.status_code == 200:
        # The page reads the state only from an answer that differs from the answer before. After a start that failed,
        # only this number differs.
        response.set_data(json.dumps(response.get_json() | {"refused": control.refused}))
    if request.endpoint == "locust.stats_report" and response.status_code == 200 and control.stack is not None:
        response.set_data(section(response.get_data(as_text=True), page_state(report=True)))
    return response


@events.test_start.add_listener
def on_test_start(environment, **_kwargs):
    """Begin the recording in each process that sends requests."""
    if environment.parsed_options.record_dir and not isinstance(environment.runner, MasterRunner):
        _part_file.begin(environment.parsed_options.record_dir)


def on_test_stop(environment, **_kwargs):
    """End the recording. It runs before `Control.on_test_stop`, which tells the run that every row is written."""
    if not isinstance(environment.runner, MasterRunner):
        _part_file.end()
        report(environment.runner)
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(RECORDED, {"pid": os.getpid()})
        # Otherwise Locust's worker waits for the stop timeout a second time, and the page allows no Start meanwhile.
        environment.stop_timeout = 0


events.test_stop.add_listener(on_test_stop)


@events.quit.add_listener
def on_quit(**_kwargs):
    """End the stack, and write the report of --html again: the verdict is known only now."""
    if control is None:
        return
    control.quit()
    options = environment.parsed_options
    if options.html_file:
        # Locust has written this file before, or, after a SIGTERM, not at all.
        process_html_filename(options)
        path = Path(options.html_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        html = get_html_report(environment, show_download_link=False)
        path.write_text(section(html, page_state(report=True)) if control.stack else html, encoding="utf-8")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Locust's own handler would end the rest with a traceback
