"""Bodies of a size that somebody sends to do harm: the cost grows with the size alone.

Beside the other tests of the core, because they take their time.
"""

from __future__ import annotations

import pytest

from handlers.blocks import CLOSING, HEADING, block_of
from handlers.bodies import compose, notes_of
from schemas.items import Related
from tests.support.invitations import LONG, TEAMS_LINK

BLOCK = block_of((Related("case", "c-1", "A complaint", "https://crm.example/c/1"),))


@pytest.mark.rule("NOTE-4", "NOTE-5")
@pytest.mark.parametrize("html", [True, False], ids=["HTML", "text"])
def test_note_4_notes_of_five_megabytes_go_out_and_come_back(html: bool) -> None:
    """With markup in every line."""
    notes = "\n".join(f"{number} <b>bold</b> & more, said more than once" for number in range(110_000))
    assert len(notes) > 5_000_000
    body = compose("<body>Agenda</body>" if html else "Agenda", html=html, notes=notes, block=BLOCK)
    assert notes_of(body, html=html) == notes
    assert body.count(HEADING) == 1


@pytest.mark.parametrize(
    ("unit", "html"),
    [
        ("<div>a", True),
        ("<p>", True),
        ("<ol><li>", True),
        ("</p>", True),
        ("<p id=exsyncd-related>", True),
        (f"<p>{HEADING}</p>", True),
        (f"<br>{LONG}", True),
        ("<!--", True),
        ("<script>", True),
        ("<a b='", True),
        ('<a "', True),
        ("<a <", True),
        ("&#", True),
        (f"{LONG}\nTeams\n", False),
        (f"{'_' * 20}\nTeams\n{'_' * 30}\n", False),
        ("Join Zoom Meeting\n", False),
        (f"{HEADING}\n", False),
        (f"\n{CLOSING}", False),
        (f"{LONG}\n{TEAMS_LINK}\n", False),
        (" \t", False),
    ],
)
def test_twenty_thousand_of_anything_are_read_and_written(unit: str, html: bool) -> None:
    """Were the cost quadratic, nobody would wait for the end."""
    body = compose(unit * 20_000, html=html, notes="new", block=BLOCK)
    assert notes_of(body, html=html) == "new"
    assert body.count(HEADING) == 1
