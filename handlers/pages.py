"""A body as lines, and where in its source each of them stands (NOTE-2, NOTE-3, NOTE-5).

What a person reads must be told from what holds it: to take some lines away, or to keep them byte for byte, one needs
the elements that hold these lines and nobody else's. How HTML becomes lines is `markup`'s business.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_ROOTS = frozenset(("", "html", "body"))


@dataclass(slots=True, eq=False)
class Element:
    """An element on the path to where the scanner is, or once was. `end` is after its end tag, or where it ended."""

    name: str
    start: int
    end: int
    parent: Element | None = None
    depth: int = 0
    ours: bool = False
    within_ours: bool = False
    preformatted: bool = False
    hidden: bool = False
    apart: bool = False
    lists: int = 0
    number: int = 0
    bullet: str = ""
    href: str = ""
    text_from: tuple[int, int] = (0, 0)
    untracked: dict[str, int] | None = None


class Line(NamedTuple):
    """A line as a person sees it, without its end; `start` and `end` are where its characters stand in the source.

    `links` are the addresses that its links lead to, by blanks; `first` and `last` the elements that its first and last
    characters stand in. A gap is no line of the source, but the space between two paragraphs.
    """

    text: str
    start: int
    end: int
    links: str = ""
    first: Element | None = None
    last: Element | None = None
    is_gap: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `first` to `last` of a body, and the places in its source they take up; an empty one has no lines."""

    first: int
    last: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """All lines of a body in order, and between which places of the source the person's words stand.

    `shown` are the lines that are not blank, `boxes` our block's elements, and `solid` the places of pictures, which
    are no lines but not nothing.
    """

    lines: list[Line]
    shown: list[int]
    opening: int
    closing: int
    boxes: tuple[Element, ...] = ()
    solid: tuple[int, ...] = ()

    def span(self, first: int, last: int) -> Span:
        """Two lines that are not blank and all between them, in the fewest whole elements that hold nobody else's."""
        start, end, _ = self._cover(first, last)
        return Span(first, last, start, end)

    def box(self, first: int, last: int) -> Span | None:
        """Our outermost element that shows these lines and nothing else."""
        _, _, holder = self._cover(first, last)
        found = None
        while holder is not None and self._holds_only(holder, first, last):
            found = holder if holder.ours else found
            holder = holder.parent
        return None if found is None else Span(first, last, found.start, found.end)

    def whole(self, first: int, last: int) -> Span:
        """As `span`, with all the elements around that hold these lines and nothing else."""
        start, end, holder = self._cover(first, last)
        while holder is not None and holder.name not in _ROOTS and self._holds_only(holder, first, last):
            if self._has_solid(holder.start, start) or self._has_solid(end, holder.end):
                break
            start, end, holder = holder.start, holder.end, holder.parent
        return Span(first, last, start, end)

    def our_box(self, index: int) -> Span | None:
        """Our outermost element around a line, with all it shows."""
        holder, found = self.lines[index].first, None
        while holder is not None:
            found = holder if holder.ours else found
            holder = holder.parent
        if found is None:
            return None
        shown = self.shown_in(found)
        first, last = shown[0], shown[-1]
        return Span(first, last, found.start, found.end) if self._holds_all(found, first, last) else None

    def shown_in(self, element: Element) -> Sequence[int]:
        """The lines of which an element shows anything."""
        lines = self.lines
        first = bisect_right(self.shown, element.start, key=lambda index: lines[index].end)
        return self.shown[first : bisect_left(self.shown, element.end, key=lambda index: lines[index].start)]

    def _holds_all(self, element: Element, first: int, last: int) -> bool:
        return element.start <= self.lines[first].start and self.lines[last].end <= element.end

    def _cover(self, first: int, last: int) -> tuple[int, int, Element | None]:
        head, tail = self.lines[first], self.lines[last]
        start, end = head.start, tail.end
        one, other = head.first, tail.last
        while one is not None and other is not None and one is not other:
            if one.depth >= other.depth:
                start, one = one.start, one.parent
            else:
                end, other = other.end, other.parent
        before, after = self._beside(first, last)
        return (head.start if before > start else start), (tail.end if after < end else end), one

    def _holds_only(self, element: Element, first: int, last: int) -> bool:
        before, after = self._beside(first, last)
        return before <= element.start and element.end <= after

    def _beside(self, first: int, last: int) -> tuple[int, int]:
        """Where the words before these lines end, and where those after them begin."""
        before = bisect_left(self.shown, first) - 1
        after = bisect_right(self.shown, last)
        ends = self.lines[self.shown[before]].end if before >= 0 else -1
        begins = self.lines[self.shown[after]].start if after < len(self.shown) else sys.maxsize
        return ends, begins

    def _has_solid(self, start: int, end: int) -> bool:
        return bisect_left(self.solid, start) < bisect_left(self.solid, end)


def read_text(source: str) -> Page:
    """The page that a text body is."""
    lines, start = [], 0
    for line_end in _LINE_END.finditer(source):
        lines.append(_text_line(source, start, line_end.start()))
        start = line_end.end()
    lines.append(_text_line(source, start, len(source)))
    return Page(lines, [index for index, line in enumerate(lines) if line.text], 0, len(source))


def _text_line(source: str, start: int, end: int) -> Line:
    text = source[start:end].rstrip(" \t\xa0")
    return Line(text, start, start + len(text))
