"""Chromium for the tests of the web UI: a page that collects errors, warnings and requests to other servers."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.patience import LIMIT_S

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LOCAL = re.compile(r"(?:https?://127\.0\.0\.1[:/]|data:|blob:|about:)")


class Page:
    """A page of a new browser, with what went wrong on it in `wrong`."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda m: self.wrong.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda r: self.wrong.append(f"requested {r.url}") if not LOCAL.match(r.url) else None)

    def start(self, form: Any, **fields: str) -> None:
        """Fill in Locust's form, and press Start."""
        for name, value in fields.items():
            where = form.locator(f"[name={name}]")
            if where.evaluate("element => element.tagName") == "SELECT":
                where.select_option(value)
            else:
                where.fill(value)
        form.get_by_role("button", name="Start", exact=True).click()

    def press(self, name: str) -> None:
        """Press a button of Locust's bar."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def see(self, selector: str) -> str:
        """Wait until an element is visible. Return its text."""
        element = self.page.locator(selector).first
        element.wait_for()
        return str(element.text_content())


@contextmanager
def browser(flags: tuple[str, ...] = (), **how: Any) -> Iterator[Page]:
    """Open a page in headless Chromium, started with further `flags`. Skip the test if Chromium is not installed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags], timeout=1000 * LIMIT_S)
        try:
            page = launched.new_page(viewport={"width": 1360, "height": 1000}, **how)
            page.context.set_default_timeout(1000 * LIMIT_S)  # of its requests too
            yield Page(page)
        finally:
            launched.close()


def text_of(download: Any) -> str:
    """Return the text of a downloaded file."""
    return Path(download.path()).read_text()
