"""Bodies: what is a person's own, and what changes when one part of them is written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers import online_meetings
from handlers.blocks import CLOSING, HEADING, Block, block_of
from handlers.bodies import compose, holds, notes_of, plain
from handlers.guards import GUARD
from schemas.items import Related
from tests.support.invitations import LONG, TEAMS_HTML, TEAMS_LINK, TEAMS_TEXT, ZOOM_TEXT, around

FORMATS = pytest.mark.parametrize("html", [False, True], ids=["text", "HTML"])


def a_block(*titles: str) -> Block:
    block = block_of(
        tuple(Related("case", title, title, "https://crm.example/c?a=1&b=2", "x\ny") for title in titles or ("A",))
    )
    assert block is not None
    return block


INVITING = "Xaver Xu is inviting you to a scheduled Zoom meeting."
ZOOM_LINK = "https://zoom.us/j/123456789"
BLOCK, OTHER = a_block(), a_block("B", "C")


@pytest.mark.parametrize(
    ("notes", "shown"),
    [
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree"),
        ("one \t\ntwo\xa0", "one\ntwo"),
        ("\n \n  one\n\n  two\n\n", "  one\n\n  two"),
        ("10\xa0000", "10 000"),
        ("a\x00b\x1f\ud800\ufffe\tc", "a\ufffdb\ufffd\ufffd\ufffd\tc"),
        ("\u2028\u2003é😀", "\u2028\u2003é😀"),
        (" \t\r\n\xa0", ""),
        ("one\u2003 \ntwo\u2003 ", "one\u2003\ntwo\u2003"),
        ("\nXmas \nXX ", "Xmas\nXX"),
    ],
)
@FORMATS
def test_notes_compare_in_one_form(notes: str, shown: str, html: bool) -> None:
    """In which they come back from Exchange, too; to put them into it again changes nothing."""
    assert plain(notes) == plain(shown) == shown
    assert notes_of(compose("", html=html, notes=notes), html=html) == shown


@pytest.mark.rule("CON-4")
@pytest.mark.parametrize(
    "body", ["One\nTwo", "One\r\nTwo", "One\r\nTwo\r\n\r\n", "One \t\nTwo  ", "One\xa0\nTwo\xa0\n", "\nOne\rTwo"]
)
def test_con_4_line_ends_and_trailing_blanks_do_not_differ(body: str) -> None:
    assert notes_of(body, html=False) == "One\nTwo"


def test_text_is_not_read_as_markup() -> None:
    assert notes_of("a <b>c</b> &amp; d", html=False) == "a <b>c</b> &amp; d"


@pytest.mark.rule("MAP-3")
@FORMATS
def test_map_3_the_same_notes_leave_the_body_as_it_is(html: bool) -> None:
    """However they are spelt; somebody's bold letters are not worth a trailing blank."""
    body = "<body><b>one</b><br>two</body>" if html else "one  \ntwo"
    assert compose(body, html=html, notes="one\r\ntwo \n") == body
    assert compose(body, html=html, notes=None) == body


@pytest.mark.rule("MAP-3")
def test_map_3_html_stays_html_and_keeps_its_head() -> None:
    body = "<html><head><style>p {}</style></head><body lang=EN-US><p>old</p></body></html>"
    assert compose(body, html=True, notes="<i>new\n\n  words  here\tand there") == (
        "<html><head><style>p {}</style></head><body lang=EN-US>"
        "<div>&lt;i&gt;new<br><br>&nbsp;&nbsp;words&nbsp; here"
        '<span style="white-space:pre">&#9;</span>and there</div></body></html>'
    )


@pytest.mark.rule("MAP-4")
@FORMATS
def test_map_4_empty_notes_empty_the_body(html: bool) -> None:
    assert compose("<body><p>old</p></body>", html=html, notes="") == ("<body></body>" if html else "")


@pytest.mark.parametrize(
    ("body", "block_there"), [("one\ntwo", "\n\n{}"), ("one\r\ntwo", "\r\n\r\n{}"), ("one", "\r\n\r\n{}"), ("", "{}")]
)
@pytest.mark.rule("NOTE-2")
def test_note_2_the_block_ends_a_text_in_its_line_ends(body: str, block_there: str) -> None:
    end = "\n" if "\r" not in block_there and body else "\r\n"
    wanted = body + block_there.format(BLOCK.text.replace("\n", end))
    assert compose(body, html=False, notes=None, block=BLOCK) == wanted


@pytest.mark.rule("NOTE-2")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<html><body><p>one</p>", "</body></html>"),
        ("<html><body><p>one", "</body></html>"),
        ("<p>one</p>", ""),
        ("", ""),
        ("<p>one", "<!-- never closed"),
        ("<p>one", "<script>never closed </body>"),
        ("<body>one</body>two", ""),
        ("<body>" + "<div>" * 300 + "one", "</body>"),
        ("<body><pre>one", "</body>"),
        ("<body><span style='display:none'>one", "</body>"),
    ],
)
def test_note_2_the_block_ends_what_is_shown_of_html(before: str, after: str) -> None:
    """And is found there again, also where a person could not see it."""
    body = compose(before + after, html=True, notes=None, block=BLOCK)
    assert body == f"{before}{BLOCK.html}{after}"
    assert holds(body, html=True, block=BLOCK)
    assert compose(body, html=True, notes=None, block=BLOCK) == body
    assert compose(body, html=True, notes=None, block=None) == before + after


@pytest.mark.rule("NOTE-2")
@FORMATS
def test_note_2_a_block_takes_the_place_of_the_one_before(html: bool) -> None:
    """There is one afterwards, also if somebody had copied it, and what people wrote after it stays after it."""
    shown, end = (BLOCK.html, "<br>") if html else (BLOCK.text, "\n")
    twice = f"one{end * 2}{shown}{end}two{end * 2}{shown}{end}three"
    body = compose(twice, html=html, notes=None, block=OTHER)
    assert holds(body, html=html, block=OTHER)
    assert body.count(HEADING) == 1
    assert [word for word in notes_of(body, html=html).split("\n") if word] == ["one", "two", "three"]
    assert notes_of(body, html=html) == notes_of(twice, html=html)
    assert body.endswith(f"{end}three")


@pytest.mark.rule("NOTE-2")
@FORMATS
def test_note_2_other_notes_leave_the_block_and_come_before_it(html: bool) -> None:
    body = compose("old", html=html, notes=None, block=BLOCK)
    edited = compose(f"{body}typed beneath" if html else f"{body}\r\ntyped beneath", html=html, notes="new")
    assert edited == compose("<div>new</div>" if html else "new", html=html, notes=None, block=BLOCK)


# What Outlook and its kind make of our block, of which only the words are sure to survive.
REWRITTEN = {
    "indented": BLOCK.html.replace("<div>", "\r\n <div>\r\n  ").replace(" kept up", "\r\n kept\r\n up"),
    "other id": BLOCK.html.replace('id="exsyncd-related" class="exsyncd-related"', 'id="x_exsyncd-related"'),
    "neither id nor class": BLOCK.html.replace('id="exsyncd-related" class="exsyncd-related"', ""),
    "as Word writes": BLOCK.html.replace('<div id="exsyncd-related" class="exsyncd-related"', "<div")
    .replace("<div>", "<p class=MsoNormal><span lang=EN-US style='color:black'>")
    .replace("</div>", "<o:p></o:p></span></p>", BLOCK.html.count("<div>")),
    "from rich text": "<font size=2>"
    + "<br>\r\n".join(BLOCK.html.split("<div>")[1:]).replace("</div>", "")
    + "</font>",
    "words split by the spelling": BLOCK.html.replace("[Related", "[<span class=SpellE>Rel</span>ated"),
    "edited within": BLOCK.html.replace(">x<", ">what the CRM will not hear<"),
}


@pytest.mark.rule("NOTE-2", "NOTE-3")
@pytest.mark.parametrize("name", REWRITTEN)
def test_note_3_a_rewritten_block_is_recognised(name: str) -> None:
    """It does not come in, takes no new one beside it, and can be taken away."""
    body = f"<html><body><p>one</p>{REWRITTEN[name]}<p>two</p></body></html>"
    assert notes_of(body, html=True) == "one\n\ntwo"
    again = compose(body, html=True, notes=None, block=OTHER)
    assert holds(again, html=True, block=OTHER)
    assert (again.count(HEADING), notes_of(again, html=True)) == (1, "one\n\ntwo")
    gone = compose(body, html=True, notes=None, block=None)
    assert holds(gone, html=True, block=None)
    assert notes_of(gone, html=True) == "one\n\ntwo"


@pytest.mark.rule("NOTE-2", "NOTE-3")
@pytest.mark.parametrize("blank", ["\xa0", "\t", "  "])
@pytest.mark.parametrize("mark", [HEADING, CLOSING])
def test_note_3_a_block_is_recognised_whichever_of_its_blanks_was_rewritten(mark: str, blank: str) -> None:
    """In a text there is nothing else to recognise it by."""
    for index in (index for index, letter in enumerate(mark) if letter == " "):
        rewritten = BLOCK.text.replace(mark, f"{mark[:index]}{blank}{mark[index + 1 :]}")
        body = f"Agenda\n\n{rewritten}\nTyped after it"
        assert (
            notes_of(body, html=False) == compose(body, html=False, notes=None, block=None) == "Agenda\nTyped after it"
        )


@pytest.mark.rule("NOTE-3")
@FORMATS
def test_note_3_what_is_typed_right_after_the_block_is_a_persons(html: bool) -> None:
    """Though a mail program puts it into our element."""
    body = compose("one", html=html, notes=None, block=BLOCK)
    typed = body.removesuffix("</div>") + "<div>two</div></div>" if html else f"{body}\r\ntwo"
    again = compose(typed, html=html, notes=None, block=OTHER)
    assert notes_of(typed, html=html).split() == notes_of(again, html=html).split() == ["one", "two"]
    assert holds(again, html=html, block=OTHER)


@pytest.mark.rule("NOTE-3")
@pytest.mark.parametrize(
    ("lost", "notes"),
    [
        (f"<div>{HEADING}</div>", "one"),
        (f"<div>{CLOSING}</div>", "one"),
        (HEADING[:20], "one"),
    ],
)
def test_note_3_what_is_left_of_a_block_in_its_element_is_ours(lost: str, notes: str) -> None:
    body = f"<body>one{BLOCK.html.replace(lost, '')}</body>"
    assert notes_of(body, html=True) == notes
    assert compose(body, html=True, notes=None, block=BLOCK) == f"<body>one{BLOCK.html}</body>"


@pytest.mark.rule("NOTE-3", "NOTE-5")
@pytest.mark.parametrize(
    ("body", "notes"),
    [
        (f"one\n{CLOSING}\n{TEAMS_TEXT}", "one"),
        (f"one\n{HEADING}\nA case\n{CLOSING}\n{TEAMS_TEXT}", "one"),
        (f"one\n{HEADING}\n{INVITING} {ZOOM_LINK}\n{CLOSING}\nas said: {ZOOM_LINK}", f"one\nas said: {ZOOM_LINK}"),
        (f"{ZOOM_TEXT}\n{CLOSING}\nas said: {ZOOM_LINK}", f"as said: {ZOOM_LINK}"),
    ],
)
def test_note_5_a_meetings_part_does_not_reach_over_a_block(body: str, notes: str) -> None:
    """Before it, after it, and beside what is left of one."""
    assert notes_of(body, html=False) == notes


@pytest.mark.rule("NOTE-3")
@pytest.mark.parametrize(
    ("body", "notes"),
    [
        (f"one\n\n{HEADING}\n- case: A\nx\n\ntwo", "one\n\ntwo"),
        (f"one\u2003\n\n{HEADING}\n- case: A\nx\n\ntwo", "one\u2003\n\ntwo"),
        (f"one\n\n{HEADING}\n- case: A", "one"),
        (f"one\n\n{HEADING}", "one"),
        (f"one\n{CLOSING}\ntwo", "one\ntwo"),
        (f"{HEADING}\n- case: A\n\ntwo\n{HEADING}\n- case: A\n{CLOSING}", "two"),
        (f"  {HEADING} \none\n  {CLOSING}", ""),
    ],
)
def test_note_3_what_is_left_of_a_block_in_text_is_ours_to_the_next_blank_line(body: str, notes: str) -> None:
    """A person's lines after it are not."""
    assert notes_of(body, html=False) == notes
    again = compose(body, html=False, notes=None, block=BLOCK)
    assert holds(again, html=False, block=BLOCK)
    assert again.count(CLOSING) == 1


@FORMATS
def test_an_element_of_ours_without_any_words_goes_too(html: bool) -> None:
    emptied = "<body>one<div class='x_exsyncd-related'> <br> </div></body>"
    assert holds(emptied, html=True, block=None) is False
    assert compose(emptied, html=True, notes=None, block=None) == "<body>one</body>"


@pytest.mark.parametrize(
    ("body", "block", "is_held"),
    [
        ("CRM", None, True),
        ("CRM", BLOCK, False),
        (f"a{BLOCK.html}b", BLOCK, True),
        (f"a{BLOCK.html}b", OTHER, False),
        (f"a{BLOCK.html}b", None, False),
        (f"a{BLOCK.html}{BLOCK.html}", BLOCK, False),
        ("a", None, True),
        ("a", BLOCK, False),
        (f"a{BLOCK.html.replace('>x<', '>z<')}", BLOCK, False),
        (REWRITTEN["as Word writes"], BLOCK, True),
    ],
)
def test_a_body_holds_a_block_if_that_is_what_is_seen(body: str, block: Block | None, is_held: bool) -> None:
    assert holds(body, html=True, block=block) is is_held


@pytest.mark.rule("NOTE-5")
@FORMATS
def test_note_5_what_looks_like_ours_in_the_crms_notes_stays_notes(html: bool) -> None:
    """Somebody copied an invitation, or a whole body, into the CRM. Nobody sees the sign by which we know."""
    pasted = f"{TEAMS_TEXT}\n\n{ZOOM_TEXT}\n\n{HEADING}\nA case\n{CLOSING}\n{GUARD}{LONG}\n{GUARD}words"
    body = compose(around(TEAMS_HTML if html else TEAMS_TEXT, html=html), html=html, notes=pasted, block=BLOCK)
    assert notes_of(body, html=html) == pasted
    assert (TEAMS_HTML if html else f"\n{TEAMS_TEXT}\n") in body.replace("\r\n", "\n" if not html else "\r\n")
    assert holds(body, html=html, block=BLOCK)


WORDS = st.sampled_from(
    [
        *("a", " ", "  ", "\t", "\n", "\r\n", "\r", "\xa0", "<b>", "</div>", "</body>", "<!--", "&", "&amp;", "&nbsp;"),
        *("[", "- ", '"', "\x00", "é😀", "\u2028", "\ufffe", GUARD, LONG, "." * 30, HEADING, CLOSING, "Teams"),
        *(TEAMS_LINK, "Join Zoom Meeting", "is inviting you to a scheduled Zoom meeting", "https://x.example"),
    ]
)
NOTES = st.lists(WORDS | st.text(max_size=3), max_size=14).map("".join)
FRAGMENTS = [
    *("<div>", "</div>", "<p>", "</p>", "<br>", "<b>", "</b>", "<pre>", "</pre>", "<table><tr><td>", "</table>"),
    *("<html>", "</html>", "<head>", "</head>", "<body>", "</body>", "<title>", "<ul><li>", "<o:p>", "<svg>"),
    *("<span style='display:none'>", "</span>", "<!--", "-->", "<script>", "<![if x]>", "<", ">", "'", '"', "="),
    *(
        f"<a href='{TEAMS_LINK}'>",
        "</a>",
        LONG,
        "Teams",
        "x<y",
        "a",
        "b",
        " ",
        "\n",
        "&nbsp;",
        "<img src=x>",
        TEAMS_HTML,
    ),
]
SOUP = st.lists(st.sampled_from(FRAGMENTS), max_size=20).map("".join)
NOTED = st.tuples(SOUP, st.sampled_from(["", BLOCK.html, OTHER.html]), SOUP).map("".join)
REMNANTS = st.lists(
    st.sampled_from([*FRAGMENTS, HEADING, CLOSING, "<div id='exsyncd-related'>", "<b class=x_exsyncd-related>"]),
    max_size=25,
).map("".join)
BLOCKS = st.sampled_from([None, BLOCK, OTHER])


@pytest.mark.rule("NOTE-2", "NOTE-3", "NOTE-5")
@given(NOTED, NOTES, BLOCKS)
@example("<span style='display:none'>", "a", BLOCK)
@example("<title>", "a", BLOCK)
@example("<ul><li>", "a", BLOCK)
@example(f"one{BLOCK.html}two", "a", OTHER)
@example("<div>" * 500, "a", BLOCK)
def test_whatever_html_there_is_notes_and_block_read_back(body: str, notes: str, block: Block | None) -> None:
    reads_back(body, notes, block, html=True)
    touches_no_word(body, block, html=True)


@pytest.mark.rule("NOTE-2", "NOTE-3")
@given(REMNANTS, NOTES, BLOCKS)
def test_whatever_is_left_of_blocks_there_is_one_afterwards(body: str, notes: str, block: Block | None) -> None:
    reads_back(body, notes, block, html=True)


@pytest.mark.rule("NOTE-2", "NOTE-3", "NOTE-5")
@given(NOTES, NOTES, BLOCKS)
@example("a\n", "", BLOCK)
@example("a\r\n\r\n", "b", OTHER)
def test_whatever_text_there_is_notes_and_block_read_back(body: str, notes: str, block: Block | None) -> None:
    reads_back(body, notes, block, html=False)
    if HEADING not in body and CLOSING not in body:
        touches_no_word(body, block, html=False)


def reads_back(body: str, notes: str, block: Block | None, *, html: bool) -> None:
    """What is written is there, and written twice is written once, to the byte."""
    for wanted in (notes, None):
        written = compose(body, html=html, notes=wanted, block=block)
        assert wanted is None or notes_of(written, html=html) == plain(wanted)
        assert holds(written, html=html, block=block)
        assert compose(written, html=html, notes=wanted, block=block) == written


def touches_no_word(body: str, block: Block | None, *, html: bool) -> None:
    """A block that comes changes no line, and one that goes leaves the body as it was."""
    noted = compose(body, html=html, notes=None, block=block)
    assert lines_of(noted, html=html) == lines_of(body, html=html)
    bare = compose(body, html=html, notes=None, block=None)
    assert lines_of(bare, html=html) == lines_of(body, html=html)
    assert compose(noted, html=html, notes=None, block=None) == bare
    if holds(body, html=html, block=None):
        assert bare == body


def lines_of(body: str, *, html: bool) -> list[str]:
    return [line for line in notes_of(body, html=html).split("\n") if line]


@pytest.mark.rule("NOTE-2", "NOTE-7")
@pytest.mark.parametrize(
    ("body", "left"),
    [
        (f"one\n\n{HEADING}\nx\n", "one\n"),
        (f"\n\n{HEADING}\nx\n{CLOSING}", ""),
        (f"one\n\n{HEADING}\nx\n{CLOSING}\n\ntwo\n", "one\n\ntwo\n"),
    ],
)
def test_note_7_with_a_block_in_text_goes_what_came_with_it_and_no_more(body: str, left: str) -> None:
    """The blank line before it; line ends after it are a person's."""
    assert compose(body, html=False, notes=None, block=None) == left


@pytest.mark.rule("NOTE-5", "MAP-3")
def test_note_5_new_notes_in_text_stand_a_blank_line_before_the_meetings_part() -> None:
    """Which keeps its bytes."""
    assert compose(TEAMS_TEXT, html=False, notes="New") == f"New\n\n{TEAMS_TEXT}"


@pytest.mark.rule("NOTE-5", "MAP-3")
def test_note_5_new_notes_in_html_stand_before_all_meetings_parts() -> None:
    """Which keep their bytes, one after the other; a quotation mark is a sign like any other."""
    body = f"<body>Old{TEAMS_HTML}{TEAMS_HTML}</body>"
    wanted = f'<body><div>"New"</div>{TEAMS_HTML}{TEAMS_HTML}</body>'
    assert compose(body, html=True, notes='"New"') == wanted


@pytest.mark.rule("NOTE-2", "NOTE-7")
def test_note_7_what_blocks_kept_apart_in_html_stays_apart_without_them() -> None:
    """In lines of its own, as people saw it."""
    body = f"one{BLOCK.html}two{BLOCK.html}three"
    assert compose(body, html=True, notes=None, block=None) == "one<br>two<br>three"
    assert compose(body, html=True, notes=None, block=OTHER) == f"one<br>two{OTHER.html}three"


@pytest.mark.rule("NOTE-5", "MAP-3")
def test_note_5_a_broken_meetings_part_that_would_swallow_the_notes_is_left_away() -> None:
    """The notes are what a person wrote last."""
    rule = "_" * 80
    written = compose(f"{rule}</div>a<a href='{TEAMS_LINK}'>", html=True, notes=f"Teams\n{rule}")
    assert notes_of(written, html=True) == f"Teams\n{rule}"
    assert TEAMS_LINK not in written


@pytest.mark.rule("NOTE-3")
def test_note_3_in_a_text_that_names_everything_the_block_is_ours_all_the_same() -> None:
    """Whatever else hints at a meeting."""
    words = " ".join((GUARD, *online_meetings.HINTS))
    assert notes_of(f"{words}\n\n{HEADING}\nA case\n{CLOSING}", html=False) == plain(words)
