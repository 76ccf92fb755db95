"""pymongo: a MongoClient whose server is absent; a request names a database."""

from pymongo import MongoClient

CLIENT = MongoClient("127.0.0.1", 9, serverSelectionTimeoutMS=200)


def application(environ, start_response):
    CLIENT.get_database("pack")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
