#!/bin/sh
# Surprise: py-spy names the main thread of a healthy uWSGI worker by an id that is not in the worker.
#
# The expectation was that `os_thread_id` in `py-spy dump --json` is the id of a thread of the process that was
# asked for, so that an id that is missing in /proc/PID/task means a thread that was lost at a fork. But the main
# thread of each forked worker carries the id of the master's main thread, although the worker answers requests.
# The id was stored in the master, and uWSGI forks without CPython's PyOS_AfterFork_Child, which would renew it;
# with `py-call-uwsgi-fork-hooks` uWSGI calls it, and the id is the worker's own.
#
# Versions: py-spy 0.4.3, pyuwsgi 2.0.30.post1, CPython 3.12. Seen on 2026-11-28:
#     plain: the main thread of the worker has the id of the master
#     py-call-uwsgi-fork-hooks: the main thread of the worker has the id of the worker
#
# Needs a python3.12 with venv (PYTHON= names it). Exits with 1 if the output changes.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.12}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q py-spy==0.4.3 pyuwsgi==2.0.30.post1
cat >"$folder/app.py" <<'APP'
def application(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
APP
cat >"$folder/look.py" <<'LOOK'
import json, os, signal, socket, subprocess, sys, time, urllib.request

folder = sys.argv[1]


def look(name, *options):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [f"{folder}/venv/bin/uwsgi", "--http-socket", f"127.0.0.1:{port}", "--master", "--processes", "1"]
    command += ["--enable-threads", "--die-on-term", "--wsgi-file", f"{folder}/app.py", *options]
    with open(os.devnull, "wb") as null, subprocess.Popen(command, stdout=null, stderr=null) as master:
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                        assert answer.read() == b"ok"
                    break
                except OSError:
                    time.sleep(0.1)
            with open(f"/proc/{master.pid}/task/{master.pid}/children") as children:
                worker = int(children.read().split()[0])
            dump = [f"{folder}/venv/bin/py-spy", "dump", "--nonblocking", "--json", "--pid", str(worker)]
            threads = json.loads(subprocess.run(dump, stdout=subprocess.PIPE, check=True).stdout)
            owner = {master.pid: "master", worker: "worker"}.get(threads[-1]["os_thread_id"], "neither")
            print(f"{name}: the main thread of the worker has the id of the {owner}")
        finally:
            master.send_signal(signal.SIGTERM)


look("plain")
look("py-call-uwsgi-fork-hooks", "--py-call-uwsgi-fork-hooks")
LOOK
seen=$("$folder/venv/bin/python" "$folder/look.py" "$folder")
echo "$seen"
[ "$seen" = "plain: the main thread of the worker has the id of the master
py-call-uwsgi-fork-hooks: the main thread of the worker has the id of the worker" ]
