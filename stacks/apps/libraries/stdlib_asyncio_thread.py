"""An asyncio loop in a daemon thread that each request hands a coroutine to."""

import asyncio
import threading

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, name="loop", daemon=True).start()


async def work():
    return 1


def application(environ, start_response):
    asyncio.run_coroutine_threadsafe(work(), LOOP).result()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
