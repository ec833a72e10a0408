"""The eight options are the ones the rules name, with their defaults."""

from __future__ import annotations

import pytest

from schemas.options import OPTIONS


@pytest.mark.rule("OPT-1")
def test_the_eight_options_and_their_defaults():
    """Off unless said otherwise, but For contacts are found."""
    assert {option.key: option.default for option in OPTIONS.values()} == {
        "external_contacts.display": False,
        "for_contacts.inbound": True,
        "for_contacts.security_check": False,
        "private_meetings.inbound": False,
        "meeting_alarms": False,
        "task_alarms": False,
        "related_notes": False,
        "meeting_invitations": False,
    }


def test_each_has_one_line_that_an_administrator_understands():
    """One sentence, one line."""
    for option in OPTIONS.values():
        assert option.description.endswith(".")
        assert "\n" not in option.description


def test_the_registry_cannot_be_changed():
    """Nobody adds an option in passing."""
    with pytest.raises(TypeError):
        OPTIONS["mine"] = OPTIONS["task_alarms"]  # type: ignore[index]  # that is the point
