"""APScheduler: a BackgroundScheduler with a job every 0.1 s."""

from apscheduler.schedulers.background import BackgroundScheduler

RUNS = []
SCHEDULER = BackgroundScheduler()
SCHEDULER.add_job(lambda: RUNS.append(1), "interval", seconds=0.1)
SCHEDULER.start()


def application(environ, start_response):
    len(SCHEDULER.get_jobs())
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
