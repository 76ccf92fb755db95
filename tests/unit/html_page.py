"""Parses an HTML page for the tests: its tags, its visible text, and whether its tags nest."""

from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; raises AssertionError where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []
        self.words = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += " " + data

    def named(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of every tag of this name."""
        return [attributes for tag, attributes in self.tags if tag == name]

    def outside_addresses(self) -> list[str | None]:
        """What the page would load from elsewhere."""
        addresses = [v for _, attributes in self.tags for k, v in attributes.items() if k in ("src", "href")]
        return [address for address in addresses if not str(address).startswith("data:")]
