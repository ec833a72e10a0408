"""The part by which one joins an online meeting, recognised in every shape in which it is met."""

from __future__ import annotations

import pytest

from handlers import markup, online_meetings, pages
from tests.support.invitations import DOTS, JOIN_PARTS, LONG, TEAMS_LINK, TEAMS_TEXT, ZOOM_TEXT, around


def parts(text: str) -> list[str]:
    """The parts of a text."""
    page = pages.read_text(text)
    found = online_meetings.parts(page.lines, 0, len(page.lines))
    return [text[page.lines[first].start : page.lines[last].end] for first, last in found]


@pytest.mark.rule("NOTE-5")
@pytest.mark.parametrize("name", JOIN_PARTS)
def test_note_5_a_part_is_recognised_from_its_first_line_to_its_last(name: str) -> None:
    html, part = JOIN_PARTS[name]
    before, after = ("<p>Before</p>", "<p>After</p>") if html else ("Before", "After")
    page = (markup.read if html else pages.read_text)(around(part, html=html, before=before, after=after))
    [(first, last)] = online_meetings.parts(page.lines, 0, len(page.lines))
    others = page.lines[:first] + page.lines[last + 1 :]
    assert [line.text for line in others if line.text] == ["Before", "After"]


@pytest.mark.rule("NOTE-5")
def test_note_5_two_parts_are_two() -> None:
    assert parts(f"a\n\n{TEAMS_TEXT}\n\nb\n\n{ZOOM_TEXT}\n\nc") == [TEAMS_TEXT, ZOOM_TEXT]


@pytest.mark.rule("NOTE-5")
@pytest.mark.parametrize(
    "address",
    [
        TEAMS_LINK,
        "https://gov.teams.microsoft.us/l/meetup-join/19",
        "https://teams.live.com/meet/9312345678901",
        "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2Fteams.microsoft.com%2Fl%2Fmeetup-join%2F19",
        "https://join.skype.com/qs7qMduufFjY",
        "https://meet.lync.com/bank/anna/M2NRN65H",
        "http://go.microsoft.com/fwlink/?LinkId=389737",
        "https://us05web.zoom.us/j/82424642846",
        "https://bank.zoomgov.com/j/82424642846",
        "https://bank.webex.com/bank/j.php?MTID=m1",
        "https://meet.google.com/abc-defg-hij",
    ],
)
def test_note_5_between_two_lines_is_a_part_if_one_can_join_by_it(address: str) -> None:
    """In any language: nothing but the address is looked at."""
    part = f"{LONG}\nBesprechung <{address}>\n{LONG}"
    assert parts(f"a\n{part}\nb") == [part]


@pytest.mark.rule("NOTE-5")
@pytest.mark.parametrize(
    "text",
    [
        f"See {TEAMS_LINK}",
        f"Agenda\n{LONG}\nOne\nTwo\n{LONG}",
        f"{LONG}\nOne\nTwo\nThree\nFour\nJoin by {TEAMS_LINK}\n{LONG}",
        f"{LONG}\nTeams of the bank\nhttps://bank.example/teams\n{LONG}",
        f"{LONG}\n{'One' + chr(10):}{'Two' + chr(10):}Three\nMicrosoft Teams {TEAMS_LINK}\n{LONG}",
        f"{'-' * 80}\nMicrosoft Teams\n{TEAMS_LINK}\n{'-' * 80}",
        f"______\nMicrosoft Teams\n{TEAMS_LINK}\n______",
        "Anna is inviting you to a scheduled Zoom meeting. Shall we go?",
        "Do not delete or change any of the following text\nhttps://bank.example/contract",
        f"{LONG}\nMicrosoft Teams\n" + "line\n" * 50 + TEAMS_LINK,
        f"\u2060{LONG}\nMicrosoft Teams\n{TEAMS_LINK}",
        "\u2060Join Zoom Meeting\nhttps://zoom.us/j/1",
        f"\u2060{ZOOM_TEXT.splitlines()[0]}\nhttps://zoom.us/j/1",
        f"Teams\n{LONG}\nOne\nTwo\nThree\nFour\nJoin by {TEAMS_LINK}\n{LONG}",
        f"{TEAMS_LINK}\n{LONG}\nTeams of the bank\nOne\n{LONG}",
        f"{LONG}\n" + "\n" * 12 + f"Teams {TEAMS_LINK}\n{LONG}",
        f"{LONG}\nMicrosoft Teams\n" + "line\n" * 39 + TEAMS_LINK,
        "",
    ],
    ids=range(18),
)
def test_note_5_what_a_person_wrote_is_no_part(text: str) -> None:
    assert parts(text) == []


@pytest.mark.rule("NOTE-5")
def test_note_5_a_link_of_a_persons_own_after_a_part_is_his() -> None:
    """The last line of one part does not begin another."""
    assert parts(f"{TEAMS_TEXT}\nOr come to Teams:\n{TEAMS_LINK}") == [TEAMS_TEXT]


@pytest.mark.rule("NOTE-5")
def test_note_5_a_part_begins_at_the_line_nearest_before_it() -> None:
    """Somebody's own line before it, however alike, is his."""
    assert parts(f"{LONG}\nRegards, Anna\n\n{TEAMS_TEXT}\n\nBob") == [TEAMS_TEXT]


@pytest.mark.rule("NOTE-5")
def test_note_5_lines_of_another_kind_or_length_do_not_end_a_part() -> None:
    part = f"{LONG}\nTeams <{TEAMS_LINK}>\n{DOTS}\nmore\n{'_' * 40}\nyet more\n{'_' * 78}"
    assert parts(f"a\n{part}\nb") == [part]


@pytest.mark.rule("NOTE-5")
@pytest.mark.parametrize("length", [70, 80, 91])
def test_note_5_a_line_nearly_as_long_ends_a_part(length: int) -> None:
    """Mail programs shorten and lengthen it."""
    part = f"{'_' * 80}\nTeams <{TEAMS_LINK}>\nmore\n{'_' * length}"
    assert parts(f"a\n{part}\nb") == [part]


@pytest.mark.rule("NOTE-5")
def test_note_5_nobody_looks_far_for_what_ends_a_part() -> None:
    """Nor for the address by which one joins."""
    most = online_meetings.MOST_LINES
    near = f"{LONG}\nTeams\n{TEAMS_LINK}\n" + "line\n" * (most - 4) + LONG
    assert parts(near) == [near]
    far = f"{LONG}\nTeams\n{TEAMS_LINK}\n" + "line\n" * (most - 3) + LONG
    assert parts(far) == [f"{LONG}\nTeams\n{TEAMS_LINK}"]
    reached = f"{LONG}\nTeams\n" + "line\n" * 38 + TEAMS_LINK
    assert parts(reached) == [reached]


@pytest.mark.rule("NOTE-5")
def test_note_5_details_of_the_meeting_after_its_last_address_belong_to_it() -> None:
    """And what comes after them does not, though it looks alike further down."""
    part = f"{LONG}\nTeams\n{TEAMS_LINK}\n\nPasscode: abc\nPhone conference ID: 1 2 3#"
    assert parts(f"{part}\n\nPlease note\nPasscode: mine") == [part]
