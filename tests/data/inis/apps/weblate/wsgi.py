from tiny import app, application, create_app  # noqa: F401
