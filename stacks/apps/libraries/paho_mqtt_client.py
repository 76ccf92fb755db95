"""paho-mqtt: a client whose loop runs in a thread, without a broker."""

import paho.mqtt.client as mqtt

CLIENT = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
CLIENT.connect_async("127.0.0.1", 9)
CLIENT.loop_start()


def application(environ, start_response):
    CLIENT.is_connected()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
