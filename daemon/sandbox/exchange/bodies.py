"""Bodies in the format a client asks for: HTML to text, text to HTML, and HTML without scripts."""

from __future__ import annotations

import html
import re

from lxml import etree

from daemon.sandbox.exchange.values import Body

_BLOCKS = frozenset(("p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol"))
_SILENT = frozenset(("script", "style", "head", "title"))
_SCRIPT = re.compile(r"<script\b.*?</script\s*>", re.IGNORECASE | re.DOTALL)


def as_type(body: Body, wanted: str) -> Body:
    """The body as `Text`, `HTML` or as it is (`Best`)."""
    if wanted == body.type or wanted == "Best":
        return body
    return Body("Text", to_text(body.text)) if wanted == "Text" else Body("HTML", to_html(body.text))


def without_scripts(body: Body) -> Body:
    return Body(body.type, _SCRIPT.sub("", body.text)) if body.type == "HTML" else body


def to_html(text: str) -> str:
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>\r\n")
    return f"<html>\r\n<head></head>\r\n<body>\r\n{lines}\r\n</body>\r\n</html>\r\n"


def to_text(markup: str) -> str:
    """The words of an HTML body, a line for each block; however deep or broken the markup is."""
    if not markup.strip():
        return ""
    root = etree.fromstring(markup, etree.HTMLParser(huge_tree=True))
    if root is None:
        return ""
    parts: list[str] = []
    silent = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "start":
            silent += tag in _SILENT
            parts.append("\n" if tag in _BLOCKS else "")
            parts.append("" if silent or not tag else _words(element.text))
            continue
        silent -= tag in _SILENT
        parts.append("\n" if tag in _BLOCKS and tag != "br" else "")
        parts.append("" if silent else _words(element.tail))
    return _lines("".join(parts))


def _words(text: str | None) -> str:
    return re.sub(r"[ \t\r\n]+", " ", text or "")


def _lines(text: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip().replace("\n", "\r\n")
