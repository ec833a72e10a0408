"""Bodies as Exchange keeps them: what in them is a person's own, and how to change one part and no other.

A body has up to three parts: what people wrote, the part by which one joins an online meeting, and our block of
related information. The CRM's notes are the first alone (NOTE-3, NOTE-5); the block is replaced in place (NOTE-2); a
body stays what it is, HTML or text (MAP-3). Nothing here raises, whatever the body is.

Notes compare in one form, `plain`: line feeds, ordinary blanks, none at the end of a line, no blank lines around, and
U+FFFD for what no request can carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from handlers import blocks, markup, online_meetings, pages
from handlers.blocks import Block
from handlers.guards import GUARD, is_guarded, unguarded
from handlers.pages import Line, Page, Span
from schemas.edits import UNSET, Unset

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HINTS = (blocks.PRODUCT, GUARD, *online_meetings.HINTS)
"""A text without any of these is a person's own from end to end."""

_WIDE = re.compile(r"^ +| {2,}|\t")
_LINE_BREAK = "<br>"
_TAB = '<span style="white-space:pre">&#9;</span>'


def plain(notes: str) -> str:
    """Notes in the form in which they compare, and in which they come back from Exchange."""
    if "\r" in notes:
        notes = notes.replace("\r\n", "\n").replace("\r", "\n")
    notes = _NO_TEXT.sub("\ufffd", notes.replace("\xa0", " "))
    if " \n" in notes or "\t\n" in notes:
        notes = "\n".join([line.rstrip(" \t") for line in notes.split("\n")])
    return notes.rstrip(" \t\n").lstrip("\n")


def notes_of(body: str, *, html: bool) -> str:
    """What people wrote, without our block and without an online meeting's part, as `plain` has it."""
    if not html and not any(hint in body for hint in _HINTS):
        return plain(body)
    return _notes(body, html)


def holds(body: str, *, html: bool, block: Block | None) -> bool:
    """Whether this block and no other is what a person finds in the body; None: no block."""
    if blocks.PRODUCT not in body and markup.OURS not in body:
        return block is None
    layout = _layout(body, html)
    if block is None or len(layout.blocks) != 1:
        return block is None and not layout.blocks
    [found] = layout.blocks
    shown = " ".join(line.text for line in layout.page.lines[found.first : found.last + 1])
    return shown.split() == block.text.split()


def compose(body: str, *, html: bool, notes: str | None, block: Block | Unset | None = UNSET) -> str:
    """The body with other notes, another block, or both.

    `notes` None, or equal to what is there: all that people wrote keeps its bytes. Else they take the place of all but
    the online meetings' parts, which keep theirs. `block` None takes it away, with exactly what came with it;
    UNSET leaves it as it is.
    """
    layout = _layout(body, html)
    found = _raw_block(layout)
    if notes is not None and plain(notes) != notes_of(body, html=html):
        layout = _layout(_with_notes(layout, plain(notes)), html)
    elif isinstance(block, Unset):
        return body
    raw = found if isinstance(block, Unset) else _raw(layout, block)
    return _with_html_block(layout, raw) if html else _with_text_block(layout, raw)


@dataclass(frozen=True, slots=True)
class _Layout:
    """A body's lines, and which of them are not a person's own."""

    body: str
    html: bool
    page: Page
    blocks: list[Span]
    meetings: list[tuple[int, int]]


def _layout(body: str, html: bool) -> _Layout:
    page = markup.read(body) if html else pages.read_text(body)
    found = _blocks(page)
    meetings: list[tuple[int, int]] = []
    first = 0
    for block in found:
        if block.first <= block.last:
            meetings.extend(online_meetings.parts(page.lines, first, block.first))
            first = block.last + 1
    meetings.extend(online_meetings.parts(page.lines, first, len(page.lines)))
    return _Layout(body, html, page, found, meetings)


@lru_cache(maxsize=16)
def _notes(body: str, html: bool) -> str:
    """Kept for a while, because one decision asks for the same body's notes several times."""
    layout = _layout(body, html)
    lines = layout.page.lines
    kept: list[Line] = []
    position = 0
    for first, last in sorted([_lines_of(layout, block) for block in layout.blocks] + layout.meetings):
        kept += lines[position:first]
        position = max(position, last + 1)
        if kept and kept[-1].is_gap and position < len(lines) and lines[position].is_gap:
            position += 1  # without what stood between, the paragraphs around it are parted once
    kept += lines[position:]
    return plain("\n".join(_released(line.text) for line in kept))


def _lines_of(layout: _Layout, block: Span) -> tuple[int, int]:
    """A block's lines; in a text with the blank line before it, which came with it."""
    is_parted = not layout.html and _with_blank_line(layout.body, block) is not block
    return block.first - is_parted, block.last


def _blocks(page: Page) -> list[Span]:
    """Every block in order, also one of which only a part is left; none within another."""
    marks = [index for index in page.shown if _is_mark(page.lines[index].text)]
    found = [Span(0, -1, box.start, box.end) for box in page.boxes if not page.shown_in(box)]
    position = 0
    while position < len(marks):
        index = marks[position]
        following = marks[position + 1] if position + 1 < len(marks) else len(page.lines)
        position += 1
        if _is_closing(page, index):
            found.append(_remains(page, index, index))
        elif following < len(page.lines) and _is_closing(page, following):
            found.append(page.box(index, following) or page.span(index, following))
            position += 1
        else:
            found.append(_remains(page, index, _before_blank(page, index, following)))
    return _apart(found)


def _is_closing(page: Page, index: int) -> bool:
    return blocks.is_closing(page.lines[index].text)


def _remains(page: Page, first: int, last: int) -> Span:
    """What is left of a block whose heading or closing line is gone: our element around it, else what hangs on it."""
    box = page.our_box(first)
    return box or page.span(first, last)


def _before_blank(page: Page, first: int, beyond: int) -> int:
    return next((index for index in range(first, beyond - 1) if not page.lines[index + 1].text), beyond - 1)


def _apart(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def _with_notes(layout: _Layout, notes: str) -> str:
    """The body with these notes and the meetings' parts. What hides the notes, in a broken body, is left away."""
    *written, bare = _in_html(layout, notes) if layout.html else _in_text(layout, notes)
    return next((body for body in written if notes_of(body, html=layout.html) == notes), bare)


def _in_html(layout: _Layout, notes: str) -> tuple[str, ...]:
    body, page = layout.body, layout.page
    lines = _LINE_BREAK.join(_html_line(line) for line in notes.split("\n"))
    words = f"<div>{lines}</div>" if notes else ""
    spans = [page.whole(first, last) for first, last in layout.meetings]
    meetings = "".join(body[span.start : span.end] for span in spans)
    return f"{body[: page.opening]}{words}{meetings}{body[page.closing :]}", f"{words}{meetings}", words


def _in_text(layout: _Layout, notes: str) -> tuple[str, ...]:
    end = _line_end(layout.body)
    words = end.join(_guarded(line) for line in notes.split("\n"))
    lines = layout.page.lines
    meetings = [layout.body[lines[first].start : lines[last].end] for first, last in layout.meetings]
    return (end * 2).join(part for part in (words, *meetings) if part), words


def _html_line(line: str) -> str:
    """A line that shows every blank it has."""
    return _WIDE.sub(_html_blanks, escape(_guarded(line), quote=False))


def _html_blanks(match: re.Match[str]) -> str:
    blanks = match[0]
    if blanks == "\t":
        return _TAB
    return "&nbsp;" * len(blanks) if match.start() == 0 else "&nbsp;" * (len(blanks) - 1) + " "


def _with_html_block(layout: _Layout, raw: str) -> str:
    """In the place of the last block there is, else at the end of what is shown."""
    body, closing = layout.body, layout.page.closing
    if not layout.blocks:
        return f"{body[:closing]}{raw}{body[closing:]}"
    *others, last = layout.blocks
    if raw and not others:
        return _replaced(body, [last], raw)
    written = _replaced(body, layout.blocks, raw)
    if notes_of(written, html=True) == notes_of(body, html=True):
        return written
    return _replaced(body, layout.blocks, raw or _LINE_BREAK, others=_LINE_BREAK)  # it kept lines apart


def _with_text_block(layout: _Layout, raw: str) -> str:
    """As in HTML, with a blank line before it, which goes with it."""
    body = layout.body
    if layout.blocks and raw:
        *others, last = layout.blocks
        return _replaced(body, [*(_with_blank_line(body, span) for span in others), last], raw)
    if layout.blocks:
        return _replaced(body, [_with_blank_line(body, span) for span in layout.blocks], "")
    return f"{body}{_line_end(body) * 2}{raw}" if body and raw else body + raw


def _replaced(body: str, spans: list[Span], raw: str, *, others: str = "") -> str:
    """With this in the place of the last span, and nothing, or this, in that of the others."""
    kept: list[str] = []
    position = 0
    for span in spans:
        kept.append(body[position : span.start])
        position = span.end
    return f"{others.join(kept)}{raw}{body[position:]}"


def _with_blank_line(body: str, span: Span) -> Span:
    for blank_line in ("\r\n\r\n", "\n\n"):
        if body.endswith(blank_line, 0, span.start):
            return Span(span.first, span.last, span.start - len(blank_line), span.end)
    return span


def _raw_block(layout: _Layout) -> str:
    return layout.body[layout.blocks[-1].start : layout.blocks[-1].end] if layout.blocks else ""


def _raw(layout: _Layout, block: Block | None) -> str:
    """The block as this body has it."""
    if block is None:
        return ""
    if layout.html:
        return block.html
    around = _replaced(layout.body, [_with_blank_line(layout.body, span) for span in layout.blocks], "")
    return block.text.replace("\n", _line_end(around))


def _line_end(text: str) -> str:
    return "\n" if "\n" in text and "\r\n" not in text else "\r\n"


def _is_mark(text: str) -> bool:
    return blocks.is_heading(text) or blocks.is_closing(text)


def _looks_like_ours(text: str) -> bool:
    return _is_mark(text) or online_meetings.begins(text)


def _guarded(line: str) -> str:
    return f"{GUARD}{line}" if _looks_like_ours(unguarded(line)) else line


def _released(line: str) -> str:
    return line[len(GUARD) :] if is_guarded(line) and _looks_like_ours(unguarded(line)) else line
