"""What `make ui` starts: looks at what would otherwise end in a traceback, and is Locust from then on."""

import argparse
import os
import shlex
import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCENARIOS = HERE.parent
HOST = "127.0.0.1"


def parser():
    """The options of `make ui`; what it does not know is Locust's."""
    made = argparse.ArgumentParser(prog="make ui", description=__doc__, allow_abbrev=False)
    made.add_argument("--port", default="8089", help="of the web UI (UI_PORT=)")
    made.add_argument("--scenario", default="steady", help="a name in locustfiles/, or the path of any locustfile")
    made.add_argument("--url", default="", help="a stack that is already running, instead of the picker")
    made.add_argument("--args", default="", help="further options of Locust, such as '--processes 2' (ARGS=)")
    made.add_argument("--pid", default="", help="of its uWSGI master: adds what becomes of its workers")
    return made


def find_scenario(name):
    """The file, or None."""
    path = SCENARIOS / f"{name}.py"
    if path.is_file() and not name.startswith("_"):
        return path
    path = Path(name).expanduser().absolute()
    return path if path.suffix == ".py" and path.is_file() else None


def scenarios():
    return sorted(path.stem for path in SCENARIOS.glob("*.py") if not path.name.startswith("_"))


def objection_to_port(text):
    """Why the web UI cannot listen there, or ''."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        return f"UI_PORT={text} is no port; there are 1 to 65535"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, int(text)))
        except OSError as error:
            return (
                f"port {text} cannot be used ({error.strerror}). If a web UI was started before, it is at "
                f"http://{HOST}:{text}; otherwise name another port, as in: make ui UI_PORT={int(text) % 65_535 + 1}"
            )
    return ""


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def explained(path, error):
    """Why a locustfile cannot be loaded, in one sentence."""
    frames, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            frames.append(trace.tb_lineno)
        trace = trace.tb_next
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else frames[-1] if frames else None
    where = f"{path}, line {line}" if line else str(path)
    return f"{where}: the scenario does not import ({type(error).__name__}: {error})"


def say_what_does_not_import(path):
    """Make Locust's loader end with a sentence where the scenario raises."""
    from locust import main

    load = main.load_locustfile

    def loaded(file):
        try:
            return load(file)
        except Exception as error:
            if Path(file) != path:
                raise
            sys.exit(f"make ui: {explained(path, error)}. Correct it, or name another with SCENARIO=.")

    main.load_locustfile = loaded
    return main.main


def main():
    options, more = parser().parse_known_args()
    objections = [objection_to_port(options.port)]
    try:
        more += shlex.split(options.args)
    except ValueError as error:
        objections.append(f"ARGS={options.args}: {error}")
    path = find_scenario(options.scenario)
    if path is None:
        objections.append(
            f"no scenario {options.scenario}; there are: {', '.join(scenarios())}, or the path of a locustfile"
        )
    if options.pid and not (options.url and options.pid.isdecimal() and Path("/proc", options.pid).exists()):
        objections.append(f"PID={options.pid} is no running process; it goes with URL= of the same uWSGI")
    if options.url and not options.url.startswith(("http://", "https://")):
        objections.append(f"URL={options.url} does not name a stack like http://HOST:PORT")
    if any(objections):
        sys.exit("\n".join(f"make ui: {objection}" for objection in objections if objection))
    if any(word.split("=")[0] == "--processes" for word in more):
        # Locust would listen on every interface, and on a port that a second UI has.
        port = str(free_port())
        more += ["--master-bind-host", HOST, "--master-bind-port", port, "--master-port", port]
    # Longer than the scenarios' client timeout of 4 s, so that Stop lets the last answers come.
    arguments = ["-f", f"{path},{HERE / '_web_ui.py'}", "--web-host", HOST, "--web-port", options.port]
    arguments += ["--stop-timeout", "5", "--exit-code-on-error", "0"]
    if options.url:
        os.environ |= {"PACK_UI_URL": options.url, "PACK_UI_PID": options.pid}
    sys.argv = [sys.argv[0], *arguments, *more]
    # As `python -m locust` would: gevent before anything that it patches.
    sys.exit(say_what_does_not_import(path)())


if __name__ == "__main__":
    main()
