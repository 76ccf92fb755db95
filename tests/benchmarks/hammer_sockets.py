"""Sends requests to a local uWSGI from many clients, a new connection for each, and prints what became of them.

    python -m tests.benchmarks.hammer_sockets PORT CLIENTS SECONDS [PACE_S]

Each client begins a request every PACE_S seconds, or at once after an answer that took longer. One line of JSON comes
five times a second, {"t_s": ..., "answered": ..., "failed": ...}: CLOCK_MONOTONIC, and both counts since it began.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

REQUEST = b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"
PRINT_S = 0.2
TIMEOUT_S = 10.0  # longer than a recycle and the throttle of the master take


async def client(port: int, begin_s: float, end_s: float, pace_s: float, counts: dict[str, int]) -> None:
    await asyncio.sleep(max(0.0, begin_s - time.monotonic()))
    while (began_s := time.monotonic()) < end_s:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(REQUEST)
                answer = await reader.read()
                writer.close()
            counts["answered" if answer.startswith(b"HTTP/1.") and b" 200 " in answer[:20] else "failed"] += 1
        except (OSError, TimeoutError):
            counts["failed"] += 1
        await asyncio.sleep(max(0.0, began_s + pace_s - time.monotonic()))


async def hammer(port: int, clients: int, seconds: float, pace_s: float) -> None:
    counts = {"answered": 0, "failed": 0}
    begin_s = time.monotonic()
    end_s = begin_s + seconds
    first_s = [begin_s + pace_s * number / clients for number in range(clients)]
    tasks = [asyncio.create_task(client(port, one_s, end_s, pace_s, counts)) for one_s in first_s]
    while time.monotonic() < end_s:
        await asyncio.sleep(min(PRINT_S, max(0.0, end_s - time.monotonic())))
        print(json.dumps({"t_s": time.monotonic()} | counts), flush=True)
    await asyncio.gather(*tasks)
    print(json.dumps({"t_s": time.monotonic()} | counts), flush=True)


if __name__ == "__main__":
    asyncio.run(hammer(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float((sys.argv[4:] or ["0"])[0])))
