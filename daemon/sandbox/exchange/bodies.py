"""Bodies in the format a client asks for: HTML to text, text to HTML, HTML without scripts, and only so much of it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from daemon.sandbox.exchange.values import Body

_BLOCKS = frozenset(("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"))
_SILENT = frozenset(("script", "style", "head", "title"))
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)


def as_type(body: Body, wanted: str) -> Body:
    """The body as `Text`, `HTML` or as it is (`Best`)."""
    if wanted in (body.type, "Best"):
        return body
    return Body("Text", to_text(body.text)) if wanted == "Text" else Body("HTML", to_html(body.text))


def without_scripts(body: Body) -> Body:
    return Body(body.type, _SCRIPT.sub("", body.text)) if body.type == "HTML" else body


def cut(body: Body, size: int) -> Body:
    """At most `size` characters of it."""
    return Body(body.type, body.text[:size], is_truncated=True) if len(body.text) > size else body


def to_html(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>\r\n")
    return f"<html>\r\n<head></head>\r\n<body>\r\n{lines}\r\n</body>\r\n</html>\r\n"


def to_text(markup: str) -> str:
    """The words of an HTML body, a line for each block; however deep or broken the markup is."""
    words = _Words()
    words.feed(markup)
    words.close()
    lines = (line.strip() for line in "".join(words.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip().replace("\n", "\r\n")


class _Words(HTMLParser):
    """Collects text; keeps no tree, so that depth costs nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"[ \t\r\n]+", " ", data))
