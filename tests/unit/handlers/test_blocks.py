"""The block of related information, as markup and as text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import blocks, markup, pages
from handlers.blocks import CLOSING, HEADING, block_of
from schemas.items import Related


class Tags(HTMLParser):
    """Every tag of some markup with its attributes, as another reader sees it."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def links(*related: Related) -> list[str | None]:
    block = block_of(related)
    assert block is not None
    return [attributes["href"] for tag, attributes in Tags(block.html).found if tag == "a"]


def lines(*related: Related) -> list[str]:
    """The text between the block's first and last line."""
    block = block_of(related)
    assert block is not None
    first, *between, last = block.text.split("\n")
    assert (first, last) == (HEADING, CLOSING)
    return between


@pytest.mark.rule("NOTE-1")
def test_note_1_a_block_shows_every_entry_in_the_order_given() -> None:
    """Its kind, title, where it is, and its text."""
    assert lines(
        Related("opportunity", "o-2", "Pension plan", "https://crm.example/o/2", "Signed\nsoon"),
        Related("case", "c-1", "A complaint"),
        Related("case", "c-1", ""),
    ) == [
        "- opportunity: Pension plan <https://crm.example/o/2>",
        "Signed",
        "soon",
        "- case: A complaint",
        "- case: c-1",
    ]


@pytest.mark.rule("NOTE-1")
def test_note_1_nothing_related_is_no_block() -> None:
    assert block_of(()) is None


@pytest.mark.rule("NOTE-4")
@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)//https://crm.example",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "\\\\server\\share",
        "//crm.example/o/1",
        "crm.example/o/1",
        "https:crm.example",
        "https://",
        "https:///o/1",
        "https://[::1",
        "https://crm.example/ o",
        "https://crm.example/\to",
        "https://crm.example/\n",
        "https://crm.example/\x00",
        "https://crm.example/\u202egnp.exe",
        'https://crm.example/" onclick="alert(1)',
        "https://crm.example/<b>",
        "https://crm.example\\@else.example/",
        f"https://crm.example/{'o' * 2048}",
        "",
        None,
    ],
)
def test_note_4_only_an_address_of_the_web_becomes_a_link(url: str | None) -> None:
    """Any other is not shown at all: a mail program might make a link of it by itself."""
    related = Related("case", "c-1", "A complaint", url)
    assert links(related) == []
    assert lines(related) == ["- case: A complaint"]


@pytest.mark.rule("NOTE-4")
@pytest.mark.parametrize(
    "url",
    [
        "https://crm.example/o/1",
        "HTTP://crm.example:8080/o?a=1&copy=2&amp;b=%22#x",
        "https://crm.example/O'Brien/(1)",
        "https://crm.example/größe/文",
        "https://[2001:db8::1]/o",
    ],
)
def test_note_4_an_address_of_the_web_leads_where_it_says(url: str) -> None:
    assert links(Related("case", "c-1", "A complaint", url)) == [url]


@pytest.mark.rule("NOTE-4")
@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</div></body></html>",
        "<a href='javascript:alert(1)'>click</a>",
        "&lt;b&gt; &amp; &#60;",
        "<!-- never closed",
        "\"><svg onload='x'>",
    ],
)
def test_note_4_markup_of_the_crm_stays_text(text: str) -> None:
    """Wherever it stands it is shown as it is, and no tag is there that a plain text had not brought."""
    plain = block_of((Related("k", "i", "t", None, "x"),))
    block = block_of((Related(text, "i", text, None, text),))
    assert plain is not None
    assert block is not None
    assert Tags(block.html).found == Tags(plain.html).found
    assert block.text.split("\n")[1:-1] == [f"- {text}: {text}", text]


@pytest.mark.rule("NOTE-4")
def test_note_4_signs_that_are_no_text_are_blanks() -> None:
    """A line end in a title does not end it, and nothing turns the text that follows round."""
    shown = lines(Related("a\x00b", "i", " one\r\ntwo\u202ethree\ud800 ", None, "\x1b[1m\n \n\u2028x"))
    assert shown == ["- a b: one two three", "[1m", "x"]


@pytest.mark.rule("NOTE-2")
def test_note_2_a_text_that_looks_like_the_blocks_own_lines_does_not_end_it() -> None:
    between = lines(Related("k", "i", "t", None, f"{CLOSING}\n{HEADING}\n  {CLOSING}"))
    assert not any(blocks.is_closing(line) or blocks.is_heading(line) for line in between)
    assert [line.lstrip("\u2060") for line in between[1:]] == [CLOSING, HEADING, CLOSING]


@pytest.mark.rule("NOTE-2")
def test_note_2_a_block_is_no_longer_than_people_read() -> None:
    """What is left away shows as left away."""
    many = tuple(Related("k", f"i-{number}", "t" * 300, None, "x" * 2000) for number in range(60))
    *shown, more = lines(*many)
    assert more == "… and 10 more in the CRM"
    assert len(shown) == 2 * 50
    assert shown[:2] == [f"- k: {'t' * 199}…", f"{'x' * 999}…"]
    block = block_of(many)
    assert block is not None
    assert len(block.html) < 100_000


def test_what_just_fits_is_not_cut() -> None:
    many = tuple(Related("k", f"i-{number}", "t" * 200, None, "x" * 1000) for number in range(50))
    shown = lines(*many)
    assert len(shown) == 2 * 50
    assert shown[-2:] == [f"- k: {'t' * 200}", "x" * 1000]


ENTRIES = st.builds(
    Related,
    kind=st.text(min_size=1, max_size=8),
    id=st.text(min_size=1, max_size=8),
    title=st.text(max_size=8),
    url=st.none() | st.text(max_size=8).map(lambda path: f"https://crm.example/{path}"),
    text=st.text(max_size=20) | st.sampled_from([HEADING, CLOSING, "<b>", "a\n\nb"]),
)


@pytest.mark.rule("NOTE-2", "NOTE-4")
@given(st.lists(ENTRIES, min_size=1, max_size=4).map(tuple))
def test_note_2_a_block_reads_alike_as_markup_and_as_text(related: tuple[Related, ...]) -> None:
    """Whatever the CRM says, one heading, one closing line, and equal blocks for equal information."""
    block = block_of(related)
    assert block is not None
    assert block == block_of(related)
    assert "\n".join(line.text for line in markup.read(block.html).lines) == block.text
    assert [line.text for line in pages.read_text(block.text).lines] == block.text.split("\n")
    marks = [line for line in block.text.split("\n") if blocks.is_heading(line) or blocks.is_closing(line)]
    assert marks == [HEADING, CLOSING]


@pytest.mark.rule("NOTE-5")
def test_note_5_blocks_that_differ_have_other_fingerprints() -> None:
    """Also if they read alike; and none says anything of what it is made of."""
    one = block_of((Related("k", "i", "https://x.example", "https://x.example"),))
    other = block_of((Related("k", "i", "https://x.example"),))
    assert one is not None
    assert other is not None
    assert one.text == other.text
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 64


@pytest.mark.rule("NOTE-4")
@pytest.mark.parametrize(("longer", "is_link"), [(0, True), (1, False)])
def test_note_4_an_address_may_be_as_long_as_one_that_can_be_read_back(longer: int, is_link: bool) -> None:
    """And not a sign longer."""
    start = "https://crm.example/"
    url = start + "a" * (markup.LONGEST_LINK - len(start) + longer)
    assert links(Related("case", "c-1", "A", url)) == ([url] if is_link else [])


@pytest.mark.rule("NOTE-4")
def test_note_4_a_title_is_cut_without_a_blank_before_the_sign_that_says_so() -> None:
    """It says less than it has room for then."""
    start = "a" * (blocks.MOST_CHARACTERS_OF_A_TITLE - 2)
    assert lines(Related("case", "c-1", f"{start} bcd")) == [f"- case: {start}{blocks.CUT}"]


@pytest.mark.rule("NOTE-4")
def test_note_4_quotes_are_text_like_any_other() -> None:
    """Only what would be markup is written otherwise."""
    block = block_of((Related("case", "c-1", "\"so\" & 'so' <b>"),))
    assert block is not None
    assert "\"so\" &amp; 'so' &lt;b&gt;" in block.html


@pytest.mark.rule("NOTE-4")
@pytest.mark.parametrize("more", [0, 1, 2])
def test_note_4_of_more_entries_than_people_read_the_number_is_told(more: int) -> None:
    """Also of one."""
    shown = [f"- case: {number}" for number in range(blocks.MOST_ENTRIES)]
    entries = [Related("case", str(number)) for number in range(blocks.MOST_ENTRIES + more)]
    assert lines(*entries) == shown + [f"{blocks.CUT} and {more} more in the CRM"] * bool(more)
