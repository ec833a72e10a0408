"""External contacts in the CRM, as viewers switch their display on and off."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.house import a_house, options


@pytest.mark.rule("OPT-3", "OPT-4", "MAP-4")
async def test_external_contacts_come_and_go_with_their_viewers(tmp_path: Path) -> None:
    """Told at the next change after somebody wants to see them, gone when nobody does, and told again."""
    async with a_house(tmp_path / "store.sqlite", "anna") as house:
        anna = house.outlook("anna")
        guests = ["x@else.example"]
        uid = await house.does(anna.meet, "Review", start=datetime(2026, 12, 1, 10), required=guests)  # noqa: DTZ001
        await house.quiet()

        async def after_a_change(*, shown: bool) -> dict[str, Any]:
            await house.announce(options("anna", external_contacts__display=shown))
            await house.does(anna.edit, uid, location=f"Room {len(house.commands())}")
            await house.quiet()
            return dict(house.item(uid)["item"])

        assert "external" not in house.item(uid)["item"]
        assert [each["email"] for each in (await after_a_change(shown=True)).get("external", ())] == guests
        hidden = await after_a_change(shown=False)
        assert "external" not in hidden
        assert "external_shown_to" not in hidden
        assert [each["email"] for each in (await after_a_change(shown=True)).get("external", ())] == guests


@pytest.mark.rule("MAP-1")
async def test_a_command_names_no_external_contacts_that_the_crm_was_not_told(tmp_path: Path) -> None:
    """Nobody has the display on: an answer from Exchange changes the responses alone."""
    async with a_house(tmp_path / "store.sqlite", "anna", "bob") as house:
        guests = ["bob@bank.example", "x@else.example"]
        meet = house.outlook("anna").meet
        uid = await house.does(meet, "Review", start=datetime(2026, 12, 1, 10), required=guests)  # noqa: DTZ001
        await house.quiet()
        await house.does(house.outlook("bob").accept, uid)
        await house.quiet()
        assert house.commands()[-1]["changed"] == ["responses"]
