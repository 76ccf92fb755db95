from tiny import application  # noqa: F401
