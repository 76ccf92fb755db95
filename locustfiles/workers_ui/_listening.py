"""Guards Locust's web server: requests of foreign web pages are refused, and a page for everybody warns."""

import os
import sys

from stacks.listen.address import Listening, as_ip, parse_listening, print_red
from stacks.listen.guard import Guard


def guard(web_ui, names):
    """Refuse requests of foreign web pages, and warn if other machines can reach the page.

    `names` are the host names by which browsers may call it, with commas.
    """
    host = web_ui.host or "0.0.0.0"  # noqa: S104 - Locust's way to say every address
    listening = parse_listening(f"{host},{names}") if as_ip(host) else Listening("0.0.0.0", (host.lower(),))  # noqa: S104
    web_ui.app.wsgi_app = Guard(web_ui.app.wsgi_app, listening)
    if sentence := listening.warning(web_ui.port, "start and stop load tests on this machine"):
        print_red(f"make ui: {sentence}", sys.stderr, no_color="NO_COLOR" in os.environ)
