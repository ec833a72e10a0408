"""When two spellings are one address, and when they are not."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.addresses import fold, identity, normalise

_NO_LETTERS = {"Cn", "Co", "Cs"}  # not assigned, private, surrogates

LOCALS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.+'-]{1,20}", fullmatch=True),
    st.text(alphabet="ışßẞİIiſσςΣéÅñ0.+ａＡ", min_size=1, max_size=8),
)
DOMAINS = st.sampled_from(
    ["bank.example", "Client.Example", "bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "日本.example"]
)
WRAPPINGS = st.sampled_from(
    ["{}", "  {}\t", "mailto:{}", "MAILTO:{}", '"Anna" <{}>', "Anna Adler <mailto:{}>", "<{}>", "'{}'", "{}\u00a0"]
)


def casings(text: str) -> tuple[str, ...]:
    return text.upper(), text.lower(), text.title(), text.swapcase(), text.casefold(), fold(text)


def usable(local: str) -> bool:
    return local[0] not in "'\"" and local[-1] not in "'\""


@st.composite
def addresses(draw: st.DrawFn) -> str:
    return f"{draw(LOCALS.filter(usable))}@{draw(DOMAINS)}"


@pytest.mark.scenario("S15a")
@pytest.mark.rule("PART-3")
@given(address=addresses(), wrapping=WRAPPINGS, casing=st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_s15a_casing_and_wrapping_make_no_other_address(address: str, wrapping: str, casing):
    """For every way a mail program may write it."""
    assert normalise(wrapping.format(casing(address))) == normalise(address)


@pytest.mark.scenario("S15a")
@pytest.mark.rule("PART-3")
@given(st.one_of(addresses(), st.text(max_size=40), st.text(alphabet="a@<>\"' ?:mailto.xn-ß", max_size=30)))
def test_s15a_normalising_is_idempotent(text: str):
    """Of any text at all, address or not."""
    once = normalise(text)

    assert once is None or normalise(once) == once


@pytest.mark.rule("PART-3")
@given(st.text(alphabet="abIMCEAxn.-_1@", min_size=3, max_size=20).filter(lambda text: text[0] != "@"))
def test_an_ordinary_address_is_read_no_other_way_than_one_that_must_be_unwrapped(text: str):
    """There is a short way for those that need nothing but lower case."""
    assert normalise(text) == normalise(f"<{text}>")


def test_s15a_folding_is_idempotent_and_blind_to_case_for_every_character():
    """No character of any alphabet is forgotten."""
    every = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in _NO_LETTERS)
    odd = [character for character in every if any(fold(form) != fold(character) for form in casings(character))]

    assert odd == []


@pytest.mark.scenario("S15a")
@given(st.text(max_size=6))
def test_s15a_folding_a_whole_text_is_idempotent_too(text: str):
    """Characters that meet may combine."""
    assert fold(fold(text)) == fold(text)


@pytest.mark.scenario("S15a")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "anna@XN--BCHER-KVA.EXAMPLE"),
        ("anna＠bank.example", "anna@bank.example"),
        ("ＡＮＮＡ@bank.example", "anna@bank.example"),
        ("İpek@bank.example", "i̇pek@bank.example"),
        ("ılgaz@bank.example", "ILGAZ@bank.example"),
        ("groß@bank.example", "GROSS@bank.example"),
        ("e\u0301va@bank.example", "éva@bank.example"),
        ("anna@bank.example.", "anna@bank.example"),
        ("mailto:anna@bank.example?subject=Hello", "anna@bank.example"),
        ('"Adler, Anna" <Anna@Bank.Example>', "anna@bank.example"),
    ],
)
def test_s15a_two_spellings_of_one_address(one: str, other: str):
    """The cases that a property could miss."""
    assert normalise(one) == normalise(other) is not None


@pytest.mark.rule("PART-3")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna.adler@bank.example", "annaadler@bank.example"),
        ("anna+crm@bank.example", "anna@bank.example"),
        ("anna@faß.example", "anna@fass.example"),
        ("anna@ıbank.example", "anna@ibank.example"),
    ],
)
def test_what_may_be_somebody_elses_stays_apart(one: str, other: str):
    """Dots and tags count; two registered domains are two, however alike they look."""
    assert normalise(one) != normalise(other)


@pytest.mark.scenario("S14b")
@pytest.mark.rule("PART-3")
def test_s14b_a_plus_tag_counts_unless_its_domain_is_configured():
    """Without the setting they are two people."""
    tagged = "Anna+CRM@X.example"

    assert normalise(tagged, plus_tag_domains=["x.example"]) == "anna@x.example"
    assert normalise(tagged, plus_tag_domains=["X.EXAMPLE"]) == "anna@x.example"
    assert normalise(tagged, plus_tag_domains=["y.example"]) == "anna+crm@x.example"
    assert normalise("+crm@x.example", plus_tag_domains=["x.example"]) == "+crm@x.example"


@pytest.mark.scenario("S14c")
@pytest.mark.rule("PART-3")
def test_s14c_an_old_domain_is_the_new_one():
    """After a company was renamed, twice if need be."""
    aliases = {"Old.example": "older.example", "older.example": "new.example"}

    assert normalise("anna@OLD.example", aliases=aliases) == "anna@new.example"
    assert normalise("anna+x@old.example", aliases=aliases, plus_tag_domains=["new.example"]) == "anna@new.example"


@pytest.mark.rule("PART-3")
@given(
    aliases=st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde"), max_size=5),
    domain=st.sampled_from("abcde"),
)
def test_any_table_of_aliases_ends_and_is_idempotent(aliases: dict[str, str], domain: str):
    """A circle in the configuration neither hangs nor flips."""
    once = normalise(f"anna@{domain}", aliases=aliases)

    assert normalise(once, aliases=aliases) == once


@pytest.mark.rule("PART-4")
@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "   ",
        "Anna Adler",
        "/o=Bank/ou=Exchange Administrative Group/cn=Recipients/cn=anna",
        "/O=BANK/OU=X/CN=RECIPIENTS/CN=anna@bank",
        "IMCEAEX-_O=BANK_OU=X@bank.example",
        "@bank.example",
        "anna@",
        "anna@bank..example",
        "anna adler@bank.example",
        "anna@bob@bank.example",
        "anna@ba nk.example",
        "anna@\ud800.example",
        "mailto:",
        "<>",
        '""',
    ],
)
def test_what_no_mail_can_be_sent_to_is_no_address(text: str | None):
    """X500 names, blanks and bare names have no SMTP address."""
    assert normalise(text) is None


@pytest.mark.scenario("S09c")
@given(st.text(max_size=60))
def test_s09c_no_text_breaks_the_reader(text: str):
    """Whatever an address book holds."""
    result = normalise(text)

    assert result is None or result.rpartition("@")[0]


def test_an_external_without_an_address_is_known_by_his_name():
    """In any casing."""
    assert identity("/o=Bank/cn=x", " Xaver Extern ") == identity(None, "XAVER EXTERN") == "xaver extern"
    assert identity("X@Else.example", "whoever") == "x@else.example"
