"""What stands in the place of every project's app: the inis are the point, not the apps."""


def application(environ, start_response):
    body = environ.get("SCRIPT_NAME", "").encode() + b"ok\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


app = application


def create_app():
    return application
