"""Recurring tasks (MS-OXWSTASK)."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.requirements.ids import cdata, tasks
from tests.requirements.test_series import PATTERNS, RANGES, content
from tests.unit.sandbox.bank import Bank, T, id_of, recurring, set_field, task, value, weekly

DONE = set_field("task:Status", "<t:Status>Completed</t:Status>", kind="Task")


def regeneration(unit: str, interval: int) -> str:
    return f"<t:{unit}Regeneration><t:Interval>{interval}</t:Interval></t:{unit}Regeneration>"


@tasks(112, 5666)
@pytest.mark.parametrize(
    "extent",
    [
        pytest.param(RANGES["endless"], marks=cdata(1352)),
        pytest.param(RANGES["until a day"], marks=cdata(1353)),
        pytest.param(RANGES["numbered"], marks=cdata(1354)),
    ],
)
@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(PATTERNS["daily"], marks=(tasks(125, 240), cdata(1109, 1179))),
        pytest.param(PATTERNS["weekly"], marks=(tasks(123, 239), cdata(1307, 1308, 4005))),
        pytest.param(PATTERNS["absolute monthly"], marks=(tasks(121, 238), cdata(995, 997))),
        pytest.param(PATTERNS["relative monthly"], marks=(tasks(119, 237), cdata(1255, 1256, 1257))),
        pytest.param(PATTERNS["absolute yearly"], marks=(tasks(117, 236), cdata(999, 1001, 1003))),
        pytest.param(
            PATTERNS["relative yearly"], marks=(tasks(115, 235), cdata(1259, 1260, 1261, 1262, 1263, 1264, 1265))
        ),
        pytest.param(regeneration("Daily", 3), marks=tasks(241, 70)),
        pytest.param(regeneration("Weekly", 2), marks=tasks(242, 78)),
        pytest.param(regeneration("Monthly", 1), marks=tasks(243, 73)),
        pytest.param(regeneration("Yearly", 1), marks=tasks(244, 81)),
    ],
)
def test_a_tasks_pattern_and_range(bank: Bank, terms: str, extent: str):
    """Come back as they were given."""
    given = extent.format(terms)
    anna = bank.client("anna")
    item = anna.get(id_of(anna.create(task(given)).item)).item
    sent = etree.fromstring(f'<x xmlns:t="{T[1:-1]}">{given}</x>')[0]
    assert value(item, "IsRecurring") == "true"
    assert content(item.find(f"{T}Recurrence")) == content(sent)


@pytest.mark.parametrize(
    ("terms", "days"),
    [
        pytest.param(PATTERNS["daily"], ["2026-12-01", "2026-12-04"], marks=tasks(125)),
        pytest.param(PATTERNS["weekly"], ["2026-12-01", "2026-12-04"], marks=tasks(123)),
        pytest.param(PATTERNS["absolute monthly"], ["2026-12-31", "2027-01-31"], marks=tasks(121)),
        pytest.param(PATTERNS["relative monthly"], ["2026-12-31", "2027-02-26"], marks=tasks(119)),
        pytest.param(PATTERNS["absolute yearly"], ["2026-12-24", "2027-12-24"], marks=tasks(117)),
        pytest.param(PATTERNS["relative yearly"], ["2027-11-25", "2028-11-23"], marks=tasks(115)),
        pytest.param(regeneration("Daily", 3), ["2026-12-01", "2026-11-26"], marks=tasks(127)),
        pytest.param(regeneration("Weekly", 2), ["2026-12-01", "2026-12-07"], marks=tasks(129)),
        pytest.param(regeneration("Monthly", 1), ["2026-12-01", "2026-12-23"], marks=tasks(131)),
        pytest.param(regeneration("Yearly", 1), ["2026-12-01", "2027-11-23"], marks=tasks(133)),
    ],
)
def test_the_next_occurrence(bank: Bank, terms: str, days: list[str]):
    """The pattern's next day, or so long after the completion."""
    anna = bank.client("anna")
    item = anna.create(task(recurring(terms))).item
    shown = [value(anna.get(id_of(item)).item, "DueDate")]
    anna.update(id_of(item), DONE)
    shown.append(value(anna.get(id_of(item)).item, "DueDate"))
    assert [day[:10] for day in shown if day] == days


@pytest.mark.parametrize(
    ("affected", "left"),
    [
        pytest.param("AllOccurrences", [], marks=tasks(174)),
        pytest.param("SpecifiedOccurrenceOnly", ["2026-12-08T00:00:00Z"], marks=tasks(175)),
    ],
)
def test_what_a_delete_takes(bank: Bank, affected: str, left: list[str]):
    """All, or the current occurrence; the task keeps its id."""
    anna = bank.client("anna")
    item_id = id_of(anna.create(task(weekly())).item)
    assert anna.delete(item_id, affected=affected).code == "NoError"
    found = anna.all_in("tasks")
    assert [value(each, "DueDate") for each in found] == left
    assert all(id_of(each).split('"')[1] == item_id.split('"')[1] for each in found)
