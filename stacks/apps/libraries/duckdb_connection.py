"""duckdb: a database in memory that is filled in the master; a request queries it through a cursor."""

import duckdb

DATABASE = duckdb.connect()
DATABASE.execute("CREATE TABLE numbers AS SELECT range AS number FROM range(1000)")


def application(environ, start_response):
    duckdb.connect().execute("SELECT count(*) FROM range(1000)").fetchall()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
