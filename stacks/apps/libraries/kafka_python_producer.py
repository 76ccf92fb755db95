"""kafka-python: a KafkaProducer without a broker; a request asks it for its metrics."""

from kafka import KafkaProducer

PRODUCER = KafkaProducer(bootstrap_servers="127.0.0.1:9", api_version=(2, 5, 0))


def application(environ, start_response):
    PRODUCER.metrics()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
