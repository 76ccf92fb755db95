"""confluent-kafka: a Producer without a broker, and a message a request."""

from confluent_kafka import Producer

PRODUCER = Producer({"bootstrap.servers": "127.0.0.1:9", "log_level": 0})


def application(environ, start_response):
    PRODUCER.produce("pack", b"item")
    PRODUCER.poll(0)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
