"""newrelic: the agent is initialised in developer mode, and each request is a transaction."""

import newrelic.agent

newrelic.agent.global_settings().developer_mode = True
newrelic.agent.global_settings().app_name = "pack"
newrelic.agent.register_application(timeout=5.0)


@newrelic.agent.background_task()
def work():
    return 1


def application(environ, start_response):
    work()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
