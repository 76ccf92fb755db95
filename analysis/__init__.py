"""Results -> tidy frames -> statistics -> figures -> report; imports neither locust nor gevent."""
