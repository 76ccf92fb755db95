"""polars: a group-by in the master, and one in each request."""

import polars

FRAME = polars.DataFrame({"key": [1, 2] * 50_000, "value": range(100_000)})


def work():
    return FRAME.group_by("key").agg(polars.col("value").sum())


work()


def application(environ, start_response):
    work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
