"""What a person reads in an HTML body, line by line, and where in the bytes each line stands (NOTE-2, NOTE-3, NOTE-5).

A scanner of our own, because two things are needed that parsers do not give: the place of every line in the source, so
that all else keeps its bytes, and a cost that grows with the size alone, however deep, broken or unfinished the markup
is. It keeps no tree, only the path to where it is, of bounded depth, and never raises. Lists get their bullets and
numbers, a link is followed by where it leads, paragraphs are parted by a blank line unless they have no margin, as
Word's do. What a browser does not show, because it is hidden or never ends, is not there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from types import MappingProxyType

from handlers.pages import Element, Line, Page

OURS = "exsyncd-related"
"""In the id and class of our block's element; a client may put something before it."""

MOST_DEPTH = 200
"""Elements deeper than this are read as if their tags were not there. Ours may lie deeper, or it could not be found."""

LONGEST_LINK = 2048

_TAG = re.compile(r"<(?:(/?)([a-zA-Z][^\s/>]*)|!--|[!?]|/)")
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?""")
_PLAIN = re.compile(r"""(?:[^"'>]*+(?<==)"[^"'>=]*+")*+[^"'>]*+>""")
"""The rest of a tag that ends at the first `>`, whichever of its quotes belong to a value: none opens after an `=`."""

_TELLING = re.compile(r"exsyncd|margin|mso|white-space|display|hid|href", re.IGNORECASE)
_NONE: Mapping[str, str] = MappingProxyType({})
_TAG_END = re.compile(r"[\s/]*+>")
_BLANKS = re.compile(r"[ \t\r\n\f]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_NO_MARGIN = re.compile(r"margin(?:-top|-bottom)?\s*:\s*0(?!\.?\d*[1-9])", re.IGNORECASE)
_PREFORMATTED = re.compile(r"white-space\s*:\s*pre", re.IGNORECASE)
_INVISIBLE = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_SHOWN_LINK = re.compile(r"(?:https?://|mailto:)[^\s<>]+", re.IGNORECASE)
_SCHEME = re.compile(r"\A(?:https?://|mailto:)", re.IGNORECASE)


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


_VOID = _names("area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")
_RAW_END = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in _names("script style title xmp noframes noembed iframe")
}
"""Where the contents of what is no markup, and not shown, end."""

_UNSHOWN = _names("xml svg math template object applet select datalist")
_BLOCKS = _names(
    "address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer"
    " form h1 h2 h3 h4 h5 h6 header html legend li main menu nav ol p pre section summary table tbody tfoot thead tr"
    " ul"
)
_APART = _names("p h1 h2 h3 h4 h5 h6 blockquote pre")
_LISTS = _names("ol ul menu dir")
_CLOSED_BY = {
    "li": _names("li p"),
    "dt": _names("dt dd p"),
    "dd": _names("dt dd p"),
    "td": _names("td th p"),
    "th": _names("td th p"),
    "tr": _names("td th tr p"),
}
"""Which open elements end where one begins that cannot be within them."""


def read(source: str) -> Page:
    """The page that an HTML body shows."""
    scanner = _Scanner(source)
    scanner.run()
    return scanner.page()


class _Scanner:
    """One pass over the source. The last of `path` is the innermost open element; the first stands for the source."""

    def __init__(self, source: str) -> None:
        self._source = source
        root = Element("", 0, len(source))
        self._path = [root]
        self._open: dict[str, int] = {}
        self._lines: list[Line] = []
        self._boxes: list[Element] = []
        self._solid: list[int] = []
        self._opening = 0
        self._in_body = False
        self._closing: int | None = None
        self._ended = len(source)
        self._apart = False
        self._bullet = ""
        self._begin_line()

    def page(self) -> Page:
        closing = self._ended if self._closing is None else self._closing
        shown = [index for index, line in enumerate(self._lines) if line.text]
        if shown and self._lines[shown[-1]].end > closing:
            closing = self._ended
        opening = self._opening if self._opening <= closing else 0
        if shown and self._lines[shown[0]].start < opening:
            opening = 0
        return Page(self._lines, shown, opening, closing, tuple(self._boxes), tuple(self._solid))

    def run(self) -> None:
        source, position = self._source, 0
        while True:
            tag = _TAG.search(source, position)
            if tag is None:
                self._text(position, len(source))
                break
            if tag.start() > position:
                self._text(position, tag.start())
            end = self._markup(tag)
            if end is None:
                break
            position = end
        self._end_line()
        for element in self._path:
            element.end = self._ended

    def _markup(self, tag: re.Match[str]) -> int | None:
        """Where the markup that begins here ends; None if it never does."""
        name = tag[2]
        if name is None:
            return self._unseen(tag)
        name = name.lower()
        attributes, end = self._attributes(tag.end())
        if end is None:
            self._ended = tag.start()
            return None
        if tag[1]:
            self._end_tag(name, tag.start(), end)
            return end
        if name in _RAW_END:
            return self._skip(name, tag.start(), end)
        self._start_tag(name, attributes, tag.start(), end=end)
        return end

    def _unseen(self, tag: re.Match[str]) -> int | None:
        """A comment, a declaration, one of Word's conditions: nothing that anybody sees."""
        closing = "-->" if tag[0] == "<!--" else ">"
        found = self._source.find(closing, tag.start())  # `<!-->` is a whole comment
        if found < 0:
            self._ended = tag.start()
            return None
        return found + len(closing)

    def _skip(self, name: str, start: int, end: int) -> int | None:
        found = _RAW_END[name].search(self._source, end)
        if found is None:
            self._ended = start
            return None
        closed = self._source.find(">", found.end())
        if closed < 0:
            self._ended = start
            return None
        return closed + 1

    def _attributes(self, position: int) -> tuple[Mapping[str, str], int | None]:
        """Those attributes of a tag, whose name ends here, that say something to us; and where the tag ends."""
        if self._source.startswith(">", position):
            return _NONE, position + 1
        plain = _PLAIN.match(self._source, position)
        if plain is None or _TELLING.search(self._source, position, plain.end()):
            return self._read_attributes(position)
        return _NONE, plain.end()

    def _read_attributes(self, position: int) -> tuple[Mapping[str, str], int | None]:
        found: dict[str, str] = {}
        while True:
            closed = _TAG_END.match(self._source, position)
            if closed is not None:
                return found, closed.end()
            attribute = _ATTRIBUTE.match(self._source, position)
            if attribute is None:
                return found, None
            position = attribute.end()
            found.setdefault(attribute[1].lower(), attribute[2] or attribute[3] or attribute[4] or "")

    def _start_tag(self, name: str, attributes: Mapping[str, str], start: int, *, end: int) -> None:
        if name == "br":
            self._end_line(empty_at=start)
            return
        if name in _VOID or (":" in name and self._source[end - 2] == "/"):
            self._void(name, start)
            return
        if name in _BLOCKS:
            self._end_line()
            self._close_implied(name, start)
        elif name in ("td", "th"):
            self._close_implied(name, start)
            self._next_cell()
        if name in ("html", "head", "body"):
            self._open_body(name, end)
        element = self._entered(name, attributes, start)
        self._apart = self._apart or element.apart
        if name == "li":
            self._bullet = self._bullet_of(element)
        if name == "a":
            self._begin_link(element, attributes.get("href", ""))

    def _open_body(self, name: str, end: int) -> None:
        if not self._in_body:
            self._opening = end
            self._in_body = name == "body"

    def _void(self, name: str, start: int) -> None:
        if name == "hr":
            self._end_line()
        if name in ("img", "embed") and not self._path[-1].hidden:
            self._solid.append(start)

    def _entered(self, name: str, attributes: Mapping[str, str], start: int) -> Element:
        parent = self._path[-1]
        element = Element(
            name,
            start,
            len(self._source),
            parent,
            parent.depth + 1,
            within_ours=parent.within_ours,
            preformatted=parent.preformatted or name == "pre",
            hidden=parent.hidden or name in _UNSHOWN,
            apart=name in _APART,
            lists=parent.lists + (name in _LISTS),
        )
        if attributes:
            _apply(element, attributes)
        if element.depth > (2 * MOST_DEPTH if element.within_ours else MOST_DEPTH):
            parent.untracked = parent.untracked or {}
            parent.untracked[name] = parent.untracked.get(name, 0) + 1
            return element
        if element.ours:
            self._boxes.append(element)
            element.bullet, self._bullet = self._bullet, ""  # it is what comes after that is listed
        self._path.append(element)
        self._open[name] = self._open.get(name, 0) + 1
        return element

    def _close_implied(self, name: str, start: int) -> None:
        closed = _CLOSED_BY.get(name, _P)
        while self._path[-1].name in closed:
            self._leave(start)

    def _end_tag(self, name: str, start: int, end: int) -> None:
        if name == "br":
            self._end_line(empty_at=start)
            return
        if name in _BLOCKS:
            self._end_line()
        if name == "head":
            self._open_body(name, end)
        if name == "body" or (name == "html" and self._closing is None):
            self._closing = start
        innermost = self._path[-1]
        if innermost.untracked and innermost.untracked.get(name):
            innermost.untracked[name] -= 1
            return
        if not self._open.get(name):
            return
        while self._path[-1].name != name:
            self._leave(start)
        if name == "a":
            self._end_link(self._path[-1])
        self._leave(end)

    def _leave(self, end: int) -> None:
        if self._path[-1].name in _BLOCKS:
            self._end_line()
        element = self._path.pop()
        element.end = end
        self._open[element.name] -= 1
        self._apart = self._apart or element.apart
        if element.ours:
            self._bullet = element.bullet
        if element.name == "li":
            self._bullet = ""

    def _bullet_of(self, item: Element) -> str:
        holder = item.parent
        indent = "  " * max(0, item.lists - 1)
        if holder is None or holder.name != "ol":
            return f"{indent}- "
        holder.number += 1
        return f"{indent}{holder.number}. "

    def _begin_link(self, element: Element, href: str) -> None:
        href = _unescaped(href).strip()
        if not href or element.hidden:
            return
        self._links.append(href)
        if len(href) <= LONGEST_LINK and href.isprintable() and _SHOWN_LINK.fullmatch(href):
            element.href = href
            element.text_from = (len(self._lines), len(self._parts))

    def _end_link(self, element: Element) -> None:
        """Where it leads, unless that is what it says."""
        if not element.href:
            return
        line, part = element.text_from
        shown = "".join(self._parts[part:] if line == len(self._lines) else self._parts).strip()
        if not shown or _same_address(shown, element.href):
            return
        self._parts.append(f" <{element.href}>")
        self._blank_before = False

    def _next_cell(self) -> None:
        if self._parts:
            self._parts.append("\t")
            self._blank_before = True

    def _text(self, start: int, end: int) -> None:
        innermost = self._path[-1]
        if innermost.hidden:
            return
        if innermost.preformatted:
            self._preformatted(start, end)
            return
        text = _BLANKS.sub(" ", _unescaped(self._source[start:end]))
        if self._blank_before and text[0:1] == " ":
            text = text[1:]
        if not text:
            return
        self._add(text, start, end)
        self._blank_before = text[-1] == " "

    def _preformatted(self, start: int, end: int) -> None:
        line_start = start
        for line_end in _LINE_END.finditer(self._source, start, end):
            self._preformatted_line(line_start, line_end.start())
            self._end_line(empty_at=line_end.start())
            line_start = line_end.end()
        self._preformatted_line(line_start, end)

    def _preformatted_line(self, start: int, end: int) -> None:
        if start == end:
            return
        text = _unescaped(self._source[start:end])
        self._add(_LINE_END.sub(" ", text), start, end)
        self._blank_before = False

    def _add(self, text: str, start: int, end: int) -> None:
        if not self._parts:
            while start < end and self._source[start] in " \t\r\n\f":
                start += 1
            self._start = start
            self._first = self._path[-1]
        self._parts.append(text)
        if text != " ":
            while end > start and self._source[end - 1] in " \t\r\n\f":
                end -= 1
            self._end = end
            self._last = self._path[-1]

    def _begin_line(self) -> None:
        self._parts: list[str] = []
        self._links: list[str] = []
        self._blank_before = True
        self._start = self._end = 0
        self._first = self._last = self._path[0]

    def _end_line(self, *, empty_at: int | None = None) -> None:
        """`empty_at`: where the line ends even if there is nothing on it."""
        if not self._parts:
            if empty_at is not None and not self._path[-1].hidden:
                self._lines.append(Line("", empty_at, empty_at, " ".join(self._links)))
                self._begin_line()
            return
        text = "".join(self._parts).replace("\xa0", " ").rstrip(" \t")
        if text and self._bullet:
            text = self._bullet + text.lstrip(" ")
            self._bullet = ""
        if text and self._apart:
            self._part_from_last()
            self._apart = False
        end = max(self._end, self._start)
        self._lines.append(Line(text, self._start, end, " ".join(self._links), self._first, self._last))
        self._begin_line()

    def _part_from_last(self) -> None:
        if self._lines and self._lines[-1].text:
            at = self._lines[-1].end
            self._lines.append(Line("", at, at, is_gap=True))


_P = frozenset(("p",))


def _apply(element: Element, attributes: Mapping[str, str]) -> None:
    style, classes = attributes.get("style", ""), attributes.get("class", "")
    if OURS in attributes.get("id", "") or OURS in classes:
        element.ours = element.within_ours = True
        element.hidden = False  # it must be found again, wherever somebody put it
        return
    if "hidden" in attributes or _INVISIBLE.search(style):
        element.hidden = True
    if _PREFORMATTED.search(style):
        element.preformatted = True
    if "Mso" in classes or _NO_MARGIN.search(style):
        element.apart = False


def _unescaped(text: str) -> str:
    """With its character references resolved; numbers beyond all characters are not even looked at."""
    if "&" not in text:
        return text
    if "&#" in text:
        text = _HUGE_REFERENCE.sub("\ufffd", text)
    return html.unescape(text)


def _same_address(shown: str, href: str) -> bool:
    return _bare(shown) == _bare(href)


def _bare(address: str) -> str:
    return _SCHEME.sub("", address).rstrip("/").casefold()
