"""What the settings say of conflicts is what decisions are made by."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from daemon.policies import policy_of
from daemon.settings import catalogue
from daemon.settings.models import Settings
from handlers import conflicts
from handlers.conflicts import Moments, Side

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
FIELDS = {group: field for field, group in conflicts.GROUPS.items()}
IN_FORCE = [
    setting.path[-1]
    for setting in catalogue.by_path().values()
    if setting.path[0] == "conflicts" and setting.path[-1] != "default" and not setting.is_later
]


@pytest.mark.rule("CON-2")
@pytest.mark.parametrize("group", IN_FORCE)
def test_each_field_groups_own_policy_wins_over_the_default(group: str) -> None:
    """The others follow the default."""
    policy = policy_of(Settings.model_validate({"conflicts": {group: "exchange_wins"}}))
    won = {
        each
        for each, field in FIELDS.items()
        if conflicts.winner(field, policy=policy, moments=Moments(NOW, NOW)) is Side.EXCHANGE
    }
    assert won == {group}


@pytest.mark.rule("CON-2")
def test_the_default_is_the_crms() -> None:
    policy = policy_of(Settings())
    assert {conflicts.winner(field, policy=policy) for field in conflicts.GROUPS} == {Side.CRM}


@pytest.mark.rule("INV-4")
def test_the_most_recipients_of_a_message_are_as_set() -> None:
    policy = policy_of(Settings.model_validate({"invitations": {"most_recipients": 3}}))
    assert policy.most_recipients == 3
    assert policy_of(Settings()).most_recipients == 250
