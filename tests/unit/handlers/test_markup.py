"""HTML as lines that a person reads, and where they stand."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers import markup

TWO_ADDRESSES = "x.example/?u=https://y.example"
ANOTHER_ADDRESS = "x.example/?u=y.example <https://x.example/?u=https://y.example>"


def shown(source: str) -> list[str]:
    return [line.text for line in markup.read(source).lines]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("plain words", ["plain words"]),
        ("one<br>two<br/>three", ["one", "two", "three"]),
        ("one<br><br>three", ["one", "", "three"]),
        ("one</br></br>three", ["one", "", "three"]),
        ("<div>one</div><div>two</div>", ["one", "two"]),
        ("<div>one</div><div><br></div><div>three</div>", ["one", "", "three"]),
        ("<div>one<br></div><div>two</div>", ["one", "two"]),
        ("<p>one</p><p>two</p>", ["one", "", "two"]),
        ("<p>one<p>two", ["one", "", "two"]),
        ("<p>one</p>two<br>three", ["one", "", "two", "three"]),
        ("<p>one</p><div>two</div>", ["one", "", "two"]),
        ("<h1>one</h1>two", ["one", "", "two"]),
        ("one<blockquote>two</blockquote>", ["one", "", "two"]),
        ("<p>one</p>\r\n<p>&nbsp;</p>\r\n<p>three</p>", ["one", "", "three"]),
        ("<p class=MsoNormal>one</p><p class=MsoNormal>two</p>", ["one", "two"]),
        ('<p class="MsoListParagraph">one</p><p class="MsoListParagraph">two</p>', ["one", "two"]),
        ('<p style="margin:0.5em">one</p><p style="margin-left:0">two</p>', ["one", "", "two"]),
        ('<p style="margin-top:0; margin-bottom:0">one</p><p style="MARGIN: 0px">two</p>', ["one", "two"]),
        ("<p class=MsoNormal>one<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>", ["one", ""]),
        ("<o:p/>one<v:shape a=b/>two", ["onetwo"]),
        ("one<hr>two", ["one", "two"]),
        ("a  b\r\n\tc", ["a b c"]),
        ("<b> a </b> <i> b</i>", ["a b"]),
        ("a<b> </b>b", ["a b"]),
        ("&nbsp; a&nbsp;&nbsp;b", ["  a  b"]),
        ("a&nbsp;<br>b", ["a", "b"]),
        ("<pre>  a\tb\r\n\nc</pre>", ["  a\tb", "", "c"]),
        ("<pre>a</pre>b\nc", ["a", "", "b c"]),
        ("<pre>a&#10;b</pre>", ["a b"]),
        ("<pre><b>a  b</b></pre>", ["a  b"]),
        ("<pre> ", [""]),
        ("<pre>  ", [""]),
        ("a\u2003", ["a\u2003"]),
        ('<span style="white-space:pre-wrap">a  b</span>  c', ["a  b c"]),
        ('<span style="white-space: nowrap">a  b</span>', ["a b"]),
        ("<ul><li>a<li>b</ul>", ["- a", "- b"]),
        ("<ul><li><p>a</p></li><li><div>b</div></li></ul>", ["- a", "", "- b"]),
        ("<ol><li>a</li><li>b<ol><li>c</li></ol></li><li>d</li></ol>", ["1. a", "2. b", "  1. c", "3. d"]),
        ("<ul><li></li><li>b</li></ul>c", ["- b", "c"]),
        ("<ul><li></li></ul>c", ["c"]),
        ("<ul><li><b></b>a</ul>", ["- a"]),
        ("<ul><li>&nbsp;a</ul>", ["- a"]),
        ("<ul><li><pre>\ta</pre></ul>", ["- \ta"]),
        ("<ul><li>Xmas</ul>", ["- Xmas"]),
        ("<div><ul><li>a</ul></div>", ["- a"]),
        ("<ul><li>a<br>b</ul>", ["- a", "b"]),
        ("<li>a", ["- a"]),
        ("<ul><li>a<ul><li>b<ul><li>c</ul></ul></ul>", ["- a", "  - b", "    - c"]),
        ("<ol><li>a<li>b</ol>", ["1. a", "2. b"]),
        ("<ul><li><div id='exsyncd-related'>a</div>b</li></ul>", ["a", "- b"]),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c<td>d</table>", ["a\tb", "c\td"]),
        ("<table><tr><td></td><td>b</td></tr></table>", ["b"]),
        ("<table><tr><td>a</td><td> b</td></tr></table>", ["a\tb"]),
        ("<table><tr><th>a<th>b</table>", ["a\tb"]),
        ("&lt;b&gt; &amp;amp; &eacute; &#233; &#xe9; &euro;", ["<b> &amp; é é é €"]),
        ("&#13;a&#10;b", ["a b"]),
        (f"a&#{'9' * 5000};b&#x{'f' * 9};c", ["a\ufffdb\ufffdc"]),
        ("a & b &unknown; c", ["a & b &unknown; c"]),
        ("<head><title>t</title><style>s{}</style><script>'</p>'</script></head>a", ["a"]),
        ("<style>s{}</STYLE >a<script>x</scripted></script>b", ["ab"]),
        ("a<!-- hidden <p> -->b<!-->c<!--->d", ["abcd"]),
        ("<!--[if gte mso 9]><xml><w:x>1</w:x></xml><![endif]-->a<![if !vml]>b<![endif]>", ["ab"]),
        ("<xml><a>hidden</a></xml>b", ["b"]),
        ("<?xml:namespace prefix = o />a<!DOCTYPE html>b</>c</ x>d", ["abcd"]),
        ("<span style='display: none'>a<br>b</span>c", ["c"]),
        ("<p hidden>a</p><p style='mso-hide:all'>b</p>c", ["c"]),
        ("<p hidden>a<b>b</b></p>c", ["c"]),
        ("<o:p style='display:none'>a</o:p>b", ["b"]),
        ("<o:p style='display:none'/>a", ["a"]),
        ("<table><tr><td hidden>a<td>b</table>", ["b"]),
        ("<b hidden/>a</b>b", ["b"]),
        ("<b>a</b></b>b", ["ab"]),
        ("<b title='x>y'>a</b>b", ["ab"]),
        ('<b title="x>y">a</b>b', ["ab"]),
        ('<b lang="x" title="x>y">a</b>b', ["ab"]),
        ("<a href='https://x.example/1'>here</a>", ["here <https://x.example/1>"]),
        ("<a href='https://x.example/1'>here</a> or there", ["here <https://x.example/1> or there"]),
        ("<a href='mailto:anna@bank.example'>Anna</a>!", ["Anna <mailto:anna@bank.example>!"]),
        ("<a href='https://x.example/'>https://x.example</a>", ["https://x.example"]),
        ("<a href='http://www.x.example/'>WWW.x.example</a>", ["WWW.x.example"]),
        ("<a href='https://x.example/'>https://<b>x.example</b></a>", ["https://x.example"]),
        ("<a href='https://x.example/X'>x.example</a>", ["x.example <https://x.example/X>"]),
        ("<a href='https://x.example/?u=https://y.example'>x.example/?u=https://y.example</a>", [TWO_ADDRESSES]),
        ("<a href='https://x.example/?u=https://y.example'>x.example/?u=y.example</a>", [ANOTHER_ADDRESS]),
        ("<a href='mailto:anna@bank.example'>anna@bank.example</a>", ["anna@bank.example"]),
        ("<a href='tel:+1'>a</a><a href='javascript:x'>b</a><a name=x>c</a><a href=' '>d</a>", ["abcd"]),
        ("<a href='https://x.example/1'><img src=x></a>b", ["b"]),
        ("<a href='https://x.example/1'>a<div>b</div></a>c", ["a", "b", "c"]),
        ("<a href='https://x.example/1'>a<br>b</a>", ["a", "b <https://x.example/1>"]),
        ("x<a href='https://x.example/1'>a<br>b</a>", ["xa", "b <https://x.example/1>"]),
        ("<a href='https://x.example/1'>a<br></a>", ["a"]),
        ("<a href='https://x.example/1'><div>b", ["b"]),
        (f"<a href='https://x.example/{'1' * 2030}'>a</a>", [f"a <https://x.example/{'1' * 2030}>"]),
        (f"<a href='https://x.example/{'1' * 2031}'>a</a>", ["a"]),
        ("<a title='a>b' href=\"https://x.example/'\">c</a>", ["c <https://x.example/'>"]),
        ("<a title=it's href=https://x.example/1>c</a>", ["c <https://x.example/1>"]),
        ("<a title='never closed href=https://x.example/1>c</a>", ["c <https://x.example/1>"]),
        ('<a title=5" lang="x>y">a</a>b', ["ab"]),
        ('<a lang="a=" title=b="x>y">c', ['y">c']),
        ("a < b > c <3 <", ["a < b > c <3 <"]),
        ("a <b", ["a"]),
        ("a<!-- never closed", ["a"]),
        ("a<script>never closed", ["a"]),
        ("a<script>hardly closed</script ", ["a"]),
        ("</style>a<style>s{}</style>b", ["ab"]),
        ("a<![never closed", ["a"]),
        ("</p></div>a</b></i><b></p>b", ["a", "b"]),
        ("", []),
    ],
)
def test_markup_is_read_as_a_person_sees_it(source: str, lines: list[str]) -> None:
    assert shown(source) == lines


@pytest.mark.parametrize(
    "around", ["<i>" * (markup.MOST_DEPTH - 1), "<b id='exsyncd-related'>" + "<i>" * (2 * markup.MOST_DEPTH - 2)]
)
def test_elements_that_lie_too_deep_begin_and_end_nothing(around: str) -> None:
    """The innermost that is known ends with its own end tag, not with that of one within it."""
    known = f"{around}<span style='white-space:pre'>"
    assert shown(f"{known}<u hidden>a</u>") == ["a"]
    assert shown(f"{known}<span><span>a  b</span>c  d</span>e  f</span>g  h") == ["a  bc  de  fg h"]
    assert shown(f"{known}<span><u>a  b</span></u>c  d</u>e  f</span>g  h") == ["a  bc  de  fg h"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("<html><head></head><body lang=EN><p>a</p></body></html>", "<p>a</p>"),
        ("<HTML><BODY>a</BODY></HTML>", "a"),
        ("<html><style>x</style>a</html>", "<style>x</style>a"),
        ("<head><style>x</style></head>a", "a"),
        ("<p>a</p>", "<p>a</p>"),
        ("<head>a", "a"),
        ("<body></body>", ""),
        ("<body>a</body></html>  ", "a"),
        ("before<body>a</body>", "before<body>a"),
        ("<body>a</body>after", "a</body>after"),
        ("<body>a<body>b</body>c</body>", "a<body>b</body>c"),
        ("<body>a<!-- never closed </body>", "a"),
        ("<body>a<script>never closed </body>", "a"),
        ("<body>a <b", "a "),
        ("</body><body>a", "a"),
    ],
)
def test_words_stand_between_the_tags_that_are_not_theirs(source: str, words: str) -> None:
    """Where nothing else is right, all that shows lies between, and nothing after it is taken for markup."""
    page = markup.read(source)
    assert source[page.opening : page.closing] == words


def test_a_line_knows_its_place() -> None:
    source = "<p>\n one <b>two</b> \n</p><pre>three\nfour</pre><p> Xmas in LUX </p>"
    lines = {line.text: source[line.start : line.end] for line in markup.read(source).lines if line.text}
    assert lines == {"one two": "one <b>two", "three": "three", "four": "four", "Xmas in LUX": "Xmas in LUX"}


def test_a_line_knows_where_its_links_lead() -> None:
    elsewhere = "<a href=''>w</a><a name=n>v</a><b hidden><a href='f'>z</a></b><p>.</p>"
    line = markup.read(f"<a href='a:b'>x</a> and <a href='c?d&amp;e'>y</a>{elsewhere}").lines[0]
    assert line.links == "a:b c?d&e"
    bare = markup.read("<a href='a:b'><a href='c:d'><br>x").lines
    assert [(each.text, each.links) for each in bare] == [("", "a:b c:d"), ("x", "")]


@pytest.mark.parametrize(
    ("source", "first", "last", "span"),
    [
        ("<p>a</p><p>b</p><p>c</p>", "b", "b", "b"),
        ("<p>a</p><p>b</p><p>c</p>", "a", "b", "<p>a</p><p>b</p>"),
        ("<div><b>a</b><br><i>b</i></div>", "a", "b", "<b>a</b><br><i>b</i>"),
        ("<div>x<br>a</div><div>b</div>", "a", "b", "a</div><div>b</div>"),
        ("<div>a</div><div>b<br>x</div>", "a", "b", "<div>a</div><div>b"),
        ("<p>a<p>b", "a", "b", "<p>a<p>b"),
        ("<p>a</p><p>b</p>c", "a", "b", "<p>a</p><p>b</p>"),
    ],
)
def test_lines_are_held_by_the_fewest_whole_elements(source: str, first: str, last: str, span: str) -> None:
    """And never by one that holds somebody else's words."""
    page = markup.read(source)
    places = [line.text for line in page.lines]
    found = page.span(places.index(first), places.index(last))
    assert source[found.start : found.end] == span


@pytest.mark.parametrize(
    ("source", "whole"),
    [
        ("<body><div><p>a</p><p>b</p></div></body>", "<div><p>a</p><p>b</p></div>"),
        ("<body><div><br><div><p>a</p><p>b</p></div></div></body>", "<div><br><div><p>a</p><p>b</p></div></div>"),
        ("<div>x<div><p>a</p><p>b</p></div></div>", "<div><p>a</p><p>b</p></div>"),
        ("<div><div><p>a</p><p>b</p></div>x</div>", "<div><p>a</p><p>b</p></div>"),
        ("<div><img><p>a</p><p>b</p></div>", "<p>a</p><p>b</p>"),
        ("<div><p>a</p><p>b</p><img></div>", "<p>a</p><p>b</p>"),
        ("<div><embed src=x><p>a</p><p>b</p></div>", "<p>a</p><p>b</p>"),
        ("<div><wbr><p>a</p><p>b</p></div>", "<div><wbr><p>a</p><p>b</p></div>"),
        ("<div><i hidden><img></i><p>a</p><p>b</p></div>", "<div><i hidden><img></i><p>a</p><p>b</p></div>"),
        ("<p>a</p><p>b</p>", "<p>a</p><p>b</p>"),
        ("\n<p>a</p><p>b</p>\n", "<p>a</p><p>b</p>"),
    ],
)
def test_what_holds_nothing_else_belongs_to_a_part(source: str, whole: str) -> None:
    """A picture is something else; an empty line is not."""
    page = markup.read(source)
    places = [line.text for line in page.lines]
    found = page.whole(places.index("a"), places.index("b"))
    assert source[found.start : found.end] == whole
    assert (places[found.first], places[found.last]) == ("a", "b")


@pytest.mark.rule("NOTE-2")
@pytest.mark.parametrize(
    ("source", "box"),
    [
        ("<div id='exsyncd-related'><i>a<br>b</i></div>c", "<div id='exsyncd-related'><i>a<br>b</i></div>"),
        ("<b class='exsyncd-related'><i id='exsyncd-related'>a<br>b</i></b>", None),
        ("<div id='exsyncd-related'>a<br>b<br>c</div>", ""),
        ("<div>a<br>b</div>", ""),
    ],
    ids=["around", "the outermost", "more in it", "none of ours"],
)
def test_note_2_a_whole_block_is_the_outermost_of_our_elements(source: str, box: str | None) -> None:
    """Unless that shows anything else."""
    page = markup.read(source)
    found = page.box(0, 1)
    assert (source[found.start : found.end] if found else "") == (source if box is None else box)


@pytest.mark.rule("NOTE-2")
@pytest.mark.parametrize(
    ("source", "line", "box"),
    [
        ("<div id='exsyncd-related'>a<br>b</div>c", "b", "<div id='exsyncd-related'>a<br>b</div>"),
        ("<div id='exsyncd-related'>a", "a", "<div id='exsyncd-related'>a"),
        ("<b id='exsyncd-related'>a</b>, and more", "a, and more", None),
        ("x<b id='exsyncd-related'>a<br>b</b>", "b", None),
        ("<div id='exsyncd-related'>a</div>c", "c", None),
        ("<p id='exsyncd-related'>a<p>b", "a", "<p id='exsyncd-related'>a"),
        ("<table><tr><td id='exsyncd-related'>a<td>b</table>", "a\tb", None),
    ],
    ids=[
        "ours",
        "never closed",
        "with a person's words after it",
        "with a person's words before it",
        "beside it",
        "closed by the next",
        "a cell",
    ],
)
def test_note_2_an_element_is_ours_if_it_holds_whole_lines(source: str, line: str, box: str | None) -> None:
    """It goes as a whole: where a person's words share a line with it, it stays."""
    page = markup.read(source)
    found = page.our_box([each.text for each in page.lines].index(line))
    assert (found and source[found.start : found.end]) == box


WRITTEN = st.lists(st.sampled_from([" ", "x", "=", '"', "'", ">", "/", 'y="z"'])).map("".join)


@given(WRITTEN)
@example('x=y" y=">"')
@example("x=y='>'")
@example('x="a=" y=">"')
@example('x=z="y x=">"')
@example("x=y")
def test_attributes_that_tell_nothing_end_where_those_do_that_are_read(written: str) -> None:
    """However broken they are: `hid` makes them be read, and says nothing either."""
    assert shown(f"<b {written}> x") == shown(f"<b hid=x {written}> x")


FRAGMENTS = st.sampled_from(
    ["<", ">", "</", "<!--", "-->", "<![", "<div ", "<a href=", "'", '"', "=", "&", "&#", "&nbsp;", ";", "/", "br>"]
)


@given(st.lists(FRAGMENTS | st.text(max_size=4)).map("".join))
@example("<" * 1000)
@example("<div>" * 5000)
@example("</div>" * 5000)
@example("a<pre>b\n\nc</pre>")
@example("a<br><br>b")
@example("a</br></br>b")
@example("</body><body>")
@example("before<body>a</body>")
@example("<p>a</p><p>b</p>")
def test_whatever_the_markup_its_lines_stand_in_order_within_it(source: str) -> None:
    """Nothing is raised, no line has an end within it, and none reaches into another."""
    page = markup.read(source)
    position = 0
    for line in page.lines:
        assert "\n" not in line.text
        assert position <= line.start <= line.end <= len(source)
        position = line.end
    assert 0 <= page.opening <= page.closing <= len(source)
