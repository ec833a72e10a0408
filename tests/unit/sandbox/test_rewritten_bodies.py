"""Our bodies after a server's own rewriting: the same notes, and one block to keep up to date."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sandbox.exchange.values import Body
from handlers.blocks import CLOSING, block_of
from handlers.bodies import compose, holds, notes_of, plain
from schemas.items import Related
from tests.unit.sandbox.test_rewriting import an_item, rewritten

BLOCK = block_of(
    (Related(kind="opportunity", id="o-1", title="Pension plan", url="https://crm.example/o/1", text="a  b\n  c"),)
)
NOTES = st.text(alphabet="ab <>&\n\t\u00a0-*\u20ac", max_size=120)


@pytest.mark.rule("NOTE-3")
@given(notes=NOTES, html=st.booleans(), block=st.sampled_from((BLOCK, None)))
def test_a_rewritten_body_says_what_it_said(notes, html, block):
    """Notes come back as they were; the block is recognised, and replaced instead of doubled."""
    body = compose("<html><body><p>x</p></body></html>" if html else "x", html=html, notes=notes, block=block)
    changed = rewritten(an_item(Body("HTML" if html else "Text", body))).get("Body", Body("", body)).text
    assert notes_of(changed, html=html) == plain(notes)
    assert holds(changed, html=html, block=block)
    assert compose(changed, html=html, notes=None, block=block).count(CLOSING) == (block is not None)
