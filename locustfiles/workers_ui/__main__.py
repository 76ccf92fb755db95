"""`make ui`: it checks the options, reports every mistake in one sentence, and then becomes Locust with its web UI."""

import argparse
import errno
import os
import shlex
import socket
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2]))
from stacks.listen.address import LOOPBACK, Listening, parse_listening

HERE = Path(__file__).resolve().parent
SCENARIOS = HERE.parent


def parser():
    """Return the parser of the options of `make ui`. Options that it does not know are Locust's."""
    options = argparse.ArgumentParser(
        prog="make ui",
        description="Open Locust's web UI with a stack to choose and a tab that shows uWSGI's workers.",
        epilog="make passes UI_PORT= on as --port, and its other variables as the options of the same names.",
        allow_abbrev=False,
    )
    options.add_argument("--port", default="8089", help="port of the web UI (default: %(default)s)")
    options.add_argument(
        "--listen",
        default=LOOPBACK,
        help="address on which it listens, and after commas the host names by which browsers call it (default: "
        "%(default)s, so that only this machine can connect)",
    )
    options.add_argument("--scenario", default="steady", help="a name in locustfiles/, or the path of any locustfile")
    options.add_argument("--url", default="", help="a stack that is running already, instead of a stack of the pack")
    options.add_argument("--args", default="", help="further options of Locust, such as '--processes 2'")
    options.add_argument("--pid", default="", help="pid of the uWSGI master behind --url, to show its workers")
    return options


def find_scenario(name):
    """Return the path of a scenario, given by its name or by its path, or None."""
    path = SCENARIOS / f"{name}.py"
    if path.is_file() and not name.startswith("_"):
        return path
    path = Path(name).expanduser().absolute()
    return path if path.suffix == ".py" and path.is_file() else None


def scenario_names():
    """Return the names of the pack's scenarios."""
    return sorted(path.stem for path in SCENARIOS.glob("*.py") if not path.name.startswith("_"))


def port_error(text, listening):
    """Say why the web UI cannot listen on this port. Return '' if it can."""
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        return f"UI_PORT={text} is not a port. A port is a number from 1 to 65535"
    with socket.socket(listening.family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listening.address, int(text)))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                return f"LISTEN={listening.address} is not an address of this machine"
            return (
                f"port {text} cannot be used ({error.strerror}). If a web UI is running already, open "
                f"{listening.url(text)}; otherwise name another port: make ui UI_PORT={int(text) % 65_535 + 1}"
            )
    return ""


def free_port():
    """Return a port of the loopback address on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def import_error(path, error):
    """Say in one sentence where and why a locustfile cannot be loaded."""
    lines, trace = [], error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = f"{path}, line {line}" if line else str(path)
    return f"{place}: the scenario cannot be imported ({type(error).__name__}: {error})"


def locust_main(path):
    """Return Locust's main function. Change it so that a scenario that cannot be imported ends it with a sentence."""
    from locust import main

    load = main.load_locustfile

    def load_or_exit(file):
        try:
            return load(file)
        except Exception as error:
            if Path(file) != path:
                raise
            sys.exit(f"make ui: {import_error(path, error)}. Correct it, or name another scenario with SCENARIO=.")

    main.load_locustfile = load_or_exit
    return main.main


def main():
    """Check the options, then run Locust in this process."""
    options, locust_options = parser().parse_known_args()
    errors, listening = [], Listening()
    try:
        listening = parse_listening(options.listen)
    except ValueError as error:
        errors.append(str(error))
    errors.append(port_error(options.port, listening))
    try:
        locust_options += shlex.split(options.args)
    except ValueError as error:
        errors.append(f"ARGS={options.args}: {error}")
    path = find_scenario(options.scenario)
    if path is None:
        names = ", ".join(scenario_names())
        errors.append(f"there is no scenario {options.scenario}. Name one of {names}, or the path of a locustfile")
    if options.pid and not (options.url and options.pid.isdecimal() and Path("/proc", options.pid).exists()):
        errors.append(f"PID={options.pid} is not a running process, or URL= of the same uWSGI is missing")
    if options.url and not options.url.startswith(("http://", "https://")):
        errors.append(f"URL={options.url} is not a URL of the form http://HOST:PORT")
    if any(errors):
        sys.exit("\n".join(f"make ui: {error}" for error in errors if error))
    if any(word.split("=")[0] == "--processes" for word in locust_options):
        # By default Locust's master listens on every interface, and on a port that a second UI may use already.
        port = str(free_port())
        locust_options += ["--master-bind-host", LOOPBACK, "--master-bind-port", port, "--master-port", port]
    arguments = ["-f", f"{path},{HERE / '_web_ui.py'}", "--web-host", listening.address, "--web-port", options.port]
    # 5 s are longer than the client timeout of the scenarios (4 s), so Stop waits for the last answers.
    arguments += ["--stop-timeout", "5", "--exit-code-on-error", "0"]
    os.environ["PACK_UI_NAMES"] = ",".join(listening.names)
    if options.url:
        os.environ |= {"PACK_UI_URL": options.url, "PACK_UI_PID": options.pid}
    sys.argv = [sys.argv[0], *arguments, *locust_options]
    # `python -m locust` imports gevent before the modules that gevent patches. So does this import.
    sys.exit(locust_main(path)())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
