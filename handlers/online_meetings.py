"""The part of a body by which one joins an online meeting (NOTE-5).

Teams, Skype for Business, Zoom, Webex and Google Meet write it between two long rules, or after a phrase of their own.
The rules, the product's name and its addresses are the same in every language; the phrases are known in English only.
A part is recognised only if one can join by it. What a person wrote must not be taken for one: in doubt it is not, and
is then among the notes.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from handlers.guards import is_guarded
from handlers.pages import Line

MOST_LINES = 120
"""Of a part. Beyond them nobody looks for its end."""

MOST_LINES_TO_JOIN = 40
"""From its beginning to the address by which one joins."""

HEAD = 3
"""Lines beneath the first rule, blank ones not counted, of which one names the product."""

_RULE = re.compile(r"_{20,}|\.{20,}|[─━]{5,}|-::~[:~]*::-")
_PHRASE = re.compile(
    r"is inviting you to a scheduled Zoom (?:meeting|webinar)|^Join Zoom Meeting$|join your Web[Ee]x meeting here"
    r"|^[\W_]*Do not delete or change any of the following text[\W_]*$"
)
HINTS = ("_" * 20, "." * 20, "─" * 5, "━" * 5, "-::~", "Zoom", "Webex", "WebEx", "of the following text")
"""One of these is in every text that has such a part."""

_PRODUCT = re.compile(r"\b(?:Teams|Skype|Lync|Zoom|Webex|Google Meet)\b", re.IGNORECASE)
_JOIN = re.compile(
    r"\bteams\.(?:microsoft\.(?:com|us)|live\.com)/(?:l/meetup-join|meet)/|\bmeet\.lync\.com/|\bjoin\.skype\.com/"
    r"|go\.microsoft\.com/fwlink/\?LinkId=389737\b|\bzoom(?:gov)?\.(?:us|com)/(?:j|my|s|w)/|\.webex\.com/"
    r"|\bmeet\.google\.com/",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\bteams\.(?:microsoft\.(?:com|us)|live\.com)\b|go\.microsoft\.com/fwlink|aka\.ms/JoinTeamsMeeting"
    r"|microsoft\.com/\S*microsoft-teams|\bmeet\.lync\.com\b|\bjoin\.skype\.com\b|\bzoom(?:gov|crc)?\.(?:us|com)\b|\bwebex\.com\b"
    r"|\bmeet\.google\.com\b|\btel\.meet/",
    re.IGNORECASE,
)
_DETAIL = re.compile(
    r"(?:(?:meeting|webinar|conference|video conference|phone conference|video) (?:id|number)|passcode|password"
    r"|access code|meeting password|numeric password|one tap mobile)\b[^:]{0,40}:",
    re.IGNORECASE,
)


def begins(text: str) -> bool:
    """Whether a line may begin or end such a part."""
    text = text.strip()
    return _RULE.fullmatch(text) is not None or (_PHRASE.search(text) is not None and not is_guarded(text))


def parts(lines: Sequence[Line], first: int, beyond: int) -> list[tuple[int, int]]:
    """The first and last line of each part among the lines from `first` to before `beyond`."""
    beginnings = [index for index in range(first, beyond) if begins(lines[index].text)]
    if not beginnings:
        return []
    joins = [index for index in range(first, beyond) if _JOIN.search(_addresses(lines[index]))]
    search = _Search(lines, beginnings, joins, beyond)
    found: list[tuple[int, int]] = []
    for index in beginnings:
        if found and index <= found[-1][1]:
            continue
        last = search.last_line(index)
        if last is not None:
            found.append((index, last))
    return found


@dataclass(frozen=True, slots=True)
class _Search:
    """Lines, those of them that may begin or end a part, and those by whose address one can join."""

    lines: Sequence[Line]
    beginnings: Sequence[int]
    joins: Sequence[int]
    beyond: int

    def last_line(self, index: int) -> int | None:
        """Of the part that begins with this line; None if none does."""
        text = self.lines[index].text.strip()
        beyond = min(index + MOST_LINES, self.beyond)
        if not _RULE.fullmatch(text):
            return self._last_of_theirs(index, beyond) if self._can_join(index, beyond) else None
        closing = self._like(index, text, beyond)
        inside = beyond if closing is None else closing
        if not self._names_product(index + 1, inside) or not self._can_join(index + 1, inside):
            return None
        return self._last_of_theirs(index + 1, inside) if closing is None else closing

    def _like(self, index: int, rule: str, beyond: int) -> int | None:
        """The next line that is a rule as this one: those within a part are much shorter."""
        following = bisect_right(self.beginnings, index)
        for other in self.beginnings[following : following + MOST_LINES]:
            if other >= beyond:
                return None
            text = self.lines[other].text.strip()
            longer = max(len(text), len(rule))
            if text[0] == rule[0] and _RULE.fullmatch(text) and abs(len(text) - len(rule)) <= longer // 8:
                return other
        return None

    def _names_product(self, first: int, beyond: int) -> bool:
        shown = [self.lines[index] for index in range(first, min(beyond, first + 4 * HEAD)) if self.lines[index].text]
        return any(_PRODUCT.search(line.text) or _JOIN.search(_addresses(line)) for line in shown[:HEAD])

    def _can_join(self, first: int, beyond: int) -> bool:
        found = bisect_left(self.joins, first)
        return found < len(self.joins) and self.joins[found] < min(beyond, first + MOST_LINES_TO_JOIN)

    def _last_of_theirs(self, first: int, beyond: int) -> int:
        """The last line that names one of their addresses, or a detail of the meeting that follows it."""
        last = max(index for index in range(first, beyond) if _ADDRESS.search(_addresses(self.lines[index])))
        for index in range(last + 1, beyond):
            text = self.lines[index].text.strip()
            if text and not _DETAIL.match(text):
                break
            last = index if text else last
        return last


def _addresses(line: Line) -> str:
    """All that may be an address in a line; mail filters wrap one into their own, with its signs encoded."""
    text = f"{line.text} {line.links}"
    return unquote(text) if "%2" in text else text
