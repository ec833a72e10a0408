"""Tasks between a CRM and task lists: made, changed, completed and deleted on either side."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from exchangelib import Task

from daemon.sandbox.exchange.values import Day
from daemon.store import parked
from schemas import catalogue, ids
from tests.support import task_invariants
from tests.support.house import Clock, House, a_house, house_time, options, running, user
from tests.support.invariants import as_it_came
from tests.support.outlook import Outlook

DUE = date(2027, 3, 5)
ALARM = datetime(2027, 3, 4, 8, tzinfo=UTC)
ANNA, BOB = "anna@bank.example", "bob@bank.example"


def task(**more: Any) -> dict[str, Any]:
    """A task as a CRM user makes it."""
    known = {"subject": "Call back", "due": DUE.isoformat(), "owner": "u-anna", "assign_to": ["u-anna", "u-bob"]}
    return known | more


async def made(house: House, **more: Any) -> str:
    """A CRM user makes a task; its id, when all that follows has happened."""
    record = await house.crm.create({"actor": {"user": "u-anna"}, "kind": "task", "item": task(**more)})
    await house.quiet()
    return str(record["id"])


async def edited(house: House, crm_id: str, **fields: Any) -> None:
    await house.crm.edit(crm_id, {"actor": {"user": "u-anna"}, "item": fields})
    await house.quiet()


async def only(house: House, name: str) -> Task:
    """The one task in somebody's list."""
    found = await house.does(house.outlook(name).tasks)
    assert len(found) == 1, f"{name} has {len(found)} tasks"
    return found[0]


async def acts(house: House, name: str, act: str, *args: Any, **kwargs: Any) -> None:
    """What somebody does to the one task in his list, and all that follows."""
    person, found = house.outlook(name), await only(house, name)
    await house.does(getattr(person, act), str(found.id), *args, **kwargs)
    await house.quiet()


def held(house: House) -> dict[str, Any]:
    """The one task that the CRM holds."""
    [record] = [item for item in house.items() if item["kind"] == "task"]
    return dict(record["item"])


def answers(house: House, direction: str = "outbound") -> list[tuple[str, str | None]]:
    return [(said["result"], said["reason"]) for said in house.outcomes(direction=direction)]


@pytest.mark.rule("ID-5", "ID-7", "MAP-1", "CON-3")
@pytest.mark.scenario("S27")
async def test_s27_a_task_of_the_crm_is_completed_in_one_list_and_seen_in_the_other(store: Path) -> None:
    """Given a task in two lists, when Bob completes his, then it is completed in the CRM and for Anna."""
    async with a_house(store, "anna", "bob") as house:
        await made(house, notes="about the plan", start="2027-03-01", priority="A")
        for name in ("anna", "bob"):
            found = await only(house, name)
            assert (found.subject, found.start_date, found.due_date) == ("Call back", date(2027, 3, 1), DUE)
            assert (found.importance, found.text_body) == ("High", "about the plan")

        await acts(house, "bob", "complete_task")

        assert held(house)["status"] == "completed"
        annas = await only(house, "anna")
        assert (annas.status, annas.percent_complete) == ("Completed", 100)
        assert annas.complete_date is not None
        [said] = house.outcomes(direction="inbound")
        assert said["writes"] == [{"mailbox": ANNA, "operation": "update", "fields": ["status"]}]


@pytest.mark.rule("ID-7", "ID-8", "MAP-2")
@pytest.mark.scenario("S27")
@pytest.mark.parametrize("zone", ["Pacific/Pago_Pago", "Europe/Berlin", "Pacific/Kiritimati"])
async def test_s27_a_due_day_is_the_same_day_in_every_zone(store: Path, zone: str) -> None:
    """Given a task made in Outlook anywhere, then the CRM has its day, and the CRM's next one is its day there."""
    async with a_house(store, "anna") as house:
        anna = house.outlook("anna", zone=zone)
        task_id = await house.does(anna.make_task, "Call", start=DUE - timedelta(days=1), due=DUE)
        await house.quiet()
        assert (held(house)["start"], held(house)["due"]) == ("2027-03-04", "2027-03-05")
        [record] = house.items()
        assert record["link"] == ids.link_of_uid(task_id)

        await edited(house, record["id"], start="2027-03-06", due="2027-03-07")

        found = await only(house, "anna")
        assert (found.start_date, found.due_date) == (date(2027, 3, 6), date(2027, 3, 7))


@pytest.mark.scenario("S27")
async def test_s27_what_cannot_be_held_is_refused_loudly(store: Path) -> None:
    """Given a task with a status nobody knows, then it is refused by name, stays as it is, and is taken when mended."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house)
        [copy] = task_invariants.copies_of(house, house.items()[0], ANNA)
        house.sandbox.world.modify(copy, {"DueDate": Day.of(DUE - timedelta(days=1)), "StartDate": Day.of(DUE)}, by="")
        await house.quiet()
        [said] = house.outcomes(direction="inbound")
        assert (said["result"], said["reason"]) == ("failed", "restriction")
        assert said["explain"][0]["because"] == "due_before_start"
        assert held(house) == task()

        await acts(house, "anna", "edit_task", due_date=DUE, start_date=DUE)
        assert (held(house)["start"], held(house)["due"]) == ("2027-03-05", "2027-03-05")
        await edited(house, crm_id, start=None)
        assert (await only(house, "bob")).start_date is None


@pytest.mark.rule("DEL-1", "DEL-5")
async def test_a_task_is_deleted_in_one_list_after_the_other_and_restored(store: Path) -> None:
    """Given a shared task, then each delete takes its user out, the last one ends it, and restored it is the same."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house)
        await acts(house, "bob", "delete_task")
        assert held(house)["assign_to"] == ["u-anna"]
        assert (await only(house, "anna")).subject == "Call back"

        await acts(house, "anna", "delete_task")
        assert house.items() == []

        await house.does(_restore, house.outlook("anna"))
        await house.quiet()
        [record] = house.items()
        assert (record["id"], record["item"]["assign_to"]) == (crm_id, ["u-anna"])


@pytest.mark.rule("DEL-1", "DEL-3")
async def test_a_task_deleted_for_good_and_one_deleted_in_the_crm_are_gone_everywhere(store: Path) -> None:
    """Given two shared tasks, then one ends in the lists, the other in the CRM."""
    async with a_house(store, "anna", "bob") as house:
        await made(house)
        for name in ("anna", "bob"):
            await acts(house, name, "delete_task", for_good=True)
        assert house.items() == []

        crm_id = await made(house, subject="Call again")
        await house.crm.delete(crm_id, {"actor": {"user": "u-anna"}})
        await house.quiet()
        for name in ("anna", "bob"):
            assert await house.does(house.outlook(name).tasks) == []
        assert answers(house)[-1] == ("applied", None)


@pytest.mark.rule("DEL-3")
async def test_whom_the_crm_takes_out_and_puts_in_again_loses_his_copy_and_gets_another(store: Path) -> None:
    """Given a shared task, when Bob is taken out, then his list is empty; put in again, he has it as it is now."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house)
        await edited(house, crm_id, assign_to=["u-anna"])
        assert await house.does(house.outlook("bob").tasks) == []

        await edited(house, crm_id, subject="Call Carla")
        await edited(house, crm_id, assign_to=["u-anna", "u-bob"])
        assert (await only(house, "bob")).subject == "Call Carla"


@pytest.mark.rule("ALM-2", "ALM-6")
async def test_alm_6_reminders_go_both_ways_each_to_its_own_user(store: Path) -> None:
    """Given a shared task, then the CRM's alarm is Anna's alone, and Bob's reminder is Bob's in the CRM."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(task_alarms=True))
        crm_id = await made(house, alarms={"u-anna": ALARM.isoformat()})
        annas, bobs = await only(house, "anna"), await only(house, "bob")
        assert (annas.reminder_is_set, annas.reminder_due_by) == (True, ALARM)
        assert not bobs.reminder_is_set
        alarms = held(house)["alarms"]
        assert (datetime.fromisoformat(alarms["u-anna"]), alarms["u-bob"]) == (ALARM, None)

        await acts(house, "bob", "set_task_reminder", ALARM + timedelta(hours=1))
        assert held(house)["alarms"] == {"u-anna": "2027-03-04T08:00:00Z", "u-bob": "2027-03-04T09:00:00Z"}
        await acts(house, "anna", "set_task_reminder", None)
        assert held(house)["alarms"] == {"u-anna": None, "u-bob": "2027-03-04T09:00:00Z"}
        await edited(house, crm_id, alarms={"u-anna": None, "u-bob": None})
        assert not (await only(house, "bob")).reminder_is_set


@pytest.mark.rule("ALM-6")
async def test_alm_6_without_the_option_reminders_stay_where_they_are(store: Path) -> None:
    """Given nobody who wants alarms, then none is written and none comes in."""
    async with a_house(store, "anna", "bob") as house:
        await made(house, alarms={"u-anna": ALARM.isoformat()})
        assert not (await only(house, "anna")).reminder_is_set
        await acts(house, "bob", "set_task_reminder", ALARM)
        assert held(house)["alarms"] == {"u-anna": ALARM.isoformat()}


@pytest.mark.rule("ALM-8")
async def test_alm_8_a_dismissed_reminder_is_still_the_crms_alarm(store: Path) -> None:
    """Given an alarm that rang, when Anna dismisses it, then the CRM keeps it."""
    clock = Clock(datetime(2027, 3, 4, 7, 59, tzinfo=UTC))
    async with a_house(store, "anna", clock=clock) as house:
        await house.announce(options(task_alarms=True))
        await made(house, assign_to=["u-anna"], alarms={"u-anna": ALARM.isoformat()})
        clock.pass_by(timedelta(minutes=2))
        anna = house.outlook("anna")
        await house.does(anna.dismiss, await only(house, "anna"))
        await house.quiet()
        assert not (await only(house, "anna")).reminder_is_set
        assert held(house)["alarms"] == {"u-anna": ALARM.isoformat()}


@pytest.mark.rule("NOTE-1", "NOTE-2", "NOTE-3")
async def test_note_1_related_information_stands_in_every_copy_once_and_never_comes_back(store: Path) -> None:
    """Given an owner who wants it, then the block survives an edit around it and is no part of the CRM's notes."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options("anna", related_notes=True))
        related = [{"kind": "opportunity", "id": "o-1", "title": "Pension plan", "url": "https://crm.example/o/1"}]
        await made(house, notes="about the plan", related=related)
        body = str((await only(house, "bob")).text_body)
        assert body.count("Pension plan") == 1

        await acts(house, "bob", "edit_task", body=f"So: {body}")

        assert held(house)["notes"] == "So: about the plan"
        assert str((await only(house, "anna")).text_body).count("Pension plan") == 1


@pytest.mark.rule("PRIV-6")
async def test_priv_6_a_confidential_task_stays_confidential_whatever_the_crm_lifts(store: Path) -> None:
    """Given a task that Anna made confidential, when the CRM lifts the restriction, then it is refused and put back."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house)
        await acts(house, "anna", "edit_task", sensitivity="Confidential")
        assert held(house)["restricted"]
        assert (await only(house, "bob")).sensitivity == "Private"

        await edited(house, crm_id, restricted=False)

        assert (await only(house, "anna")).sensitivity == "Confidential"
        assert held(house)["restricted"]
        assert answers(house)[-1][0] == "refused"


@pytest.mark.rule("CON-1", "CON-2")
@pytest.mark.parametrize(("policy", "name"), [("crm_wins", "the CRM's"), ("exchange_wins", "Anna's")])
async def test_con_2_a_task_changed_on_both_sides_at_once_ends_as_the_policy_says(
    store: Path, policy: str, name: str
) -> None:
    """Given Anna and a CRM user who rename it at the same moment, then one name stands and the outcome says whose."""
    async with a_house(store, "anna", "bob", conflicts={"default": policy}) as house:
        crm_id = await made(house)
        house.hold_hints = True
        annas = await only(house, "anna")
        await house.does(house.outlook("anna").edit_task, str(annas.id), subject="Anna's", importance="High")
        await edited(house, crm_id, subject="the CRM's")
        house.hold_hints = False
        house.deliver(await house.take_hints())
        await house.quiet()

        assert (held(house)["subject"], held(house)["priority"]) == (name, "A")
        for who in ("anna", "bob"):
            assert (await only(house, who)).subject == name


@pytest.mark.rule("CON-6")
async def test_con_6_a_crm_user_who_edits_at_the_same_moment_loses_nothing(store: Path) -> None:
    """Given Bob's change on its way to a CRM that has moved on, then both changes end on both sides."""
    async with a_house(store, "anna", "bob") as house:
        crm_id = await made(house)
        house.hold_hints = True
        bobs = await only(house, "bob")
        await house.does(house.outlook("bob").complete_task, str(bobs.id))
        hints = await house.take_hints()
        house.hold_hints = False
        house.deliver(hints)
        await house.crm.edit(crm_id, {"actor": {"user": "u-anna"}, "item": {"subject": "Call Carla"}})
        await house.quiet()

        assert (held(house)["subject"], held(house)["status"]) == ("Call Carla", "completed")
        assert ((await only(house, "anna")).subject, (await only(house, "bob")).subject) == ("Call Carla",) * 2


@pytest.mark.rule("CON-4")
@pytest.mark.scenario("S27")
async def test_s27_a_server_that_rewrites_what_it_is_given_moves_nothing(store: Path) -> None:
    """Given an Exchange that trims and cuts, then what the CRM said stands, and nobody is told anything."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(options(task_alarms=True))
        house.fault("rewrite", times=None)
        alarms = {"u-anna": "2027-03-04T08:00:07Z", "u-bob": None}
        crm_id = await made(house, subject=" Call back ", notes="a  b\n\nc", alarms=alarms)
        assert house.commands() == []
        await edited(house, crm_id, subject=" Call Carla ")
        assert house.commands() == []
        assert (held(house)["subject"], held(house)["alarms"]) == (" Call Carla ", alarms)
        assert (await only(house, "anna")).subject == "Call Carla"


@pytest.mark.rule("ID-5")
@pytest.mark.scenario("S08a")
@pytest.mark.parametrize("fault", ["drop_after", "error_after", "drop_before"])
async def test_s08a_a_task_whose_create_was_not_answered_is_made_once(store: Path, fault: str) -> None:
    """Given an Exchange that stores the task, or does not, and says nothing of it, then there is one afterwards."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", clock=clock) as house:
        house.fault(fault, operation="CreateItem", mailbox=BOB)
        await made(house)
        await house.until(lambda: _later(clock) and ("applied", None) in answers(house))
        assert (await only(house, "bob")).subject == "Call back"
        assert (await only(house, "anna")).subject == "Call back"


@pytest.mark.rule("ID-5", "DEL-1")
@pytest.mark.scenario("S08a")
async def test_s08a_who_is_put_in_later_keeps_the_copy_whose_create_was_not_answered(store: Path) -> None:
    """Given that its hint comes before the CRM's event is tried again, then it is not taken for one too many."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", clock=clock) as house:
        crm_id = await made(house, assign_to=["u-anna"])
        house.fault("drop_after", operation="CreateItem", mailbox=BOB)
        await edited(house, crm_id, assign_to=["u-anna", "u-bob"])
        [created] = await house.does(house.outlook("bob").tasks)
        await house.until(lambda: _later(clock) and len(answers(house)) > 1)
        assert [each.id for each in await house.does(house.outlook("bob").tasks)] == [created.id]


@pytest.mark.rule("ID-5", "CON-3")
@pytest.mark.parametrize("fault", ["drop_after", "error_after", "drop_before"])
async def test_a_change_whose_answer_is_lost_is_no_conflict(store: Path, fault: str) -> None:
    """Given an Exchange that changes the task and loses the answer, then it is changed, and nothing else is said."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", clock=clock) as house:
        crm_id = await made(house)
        house.fault(fault, operation="UpdateItem", mailbox=BOB)
        await edited(house, crm_id, subject="Call Carla ", notes="news")
        await house.until(lambda: _later(clock) and len(answers(house)) == 2)
        assert all(not said["conflicts"] for said in house.outcomes())
        assert house.commands() == []


@pytest.mark.rule("ID-8", "ID-5")
@pytest.mark.scenario("S03c")
async def test_s03c_a_lost_store_finds_every_task_again(store: Path, tmp_path: Path) -> None:
    """Given tasks born on both sides, when the store is lost and all is read again, then there is nothing new."""
    async with a_house(store, "anna", "bob", start=False) as house:
        async with running(house):
            await house.furnish()
            await made(house)
            await house.does(house.outlook("anna").make_task, "Buy cake", due=DUE)
            await house.quiet()
            cake = next(item["id"] for item in house.items() if item["item"]["subject"] == "Buy cake")
            await edited(house, cake, assign_to=["u-anna", "u-bob"], subject="Buy bread")
            bobs = next(each for each in await house.does(house.outlook("bob").tasks) if each.subject == "Call back")
            await house.does(house.outlook("bob").edit_task, str(bobs.id), subject="Call Carla")
            await house.quiet()
        house.daemons.clear()
        items, written = house.items(), len(house.watch.written)
        again = house.double(tmp_path / "another.sqlite")
        again.crm, again.clock = house.crm, Clock(house_time() + timedelta(seconds=1))
        for topic in (*_DIRECTORY, catalogue.TASKS):
            again.deliver([as_it_came(record) for record in house.broker.records(topic)])
        again.deliver(house.watch.hints)
        async with running(again, clock=again.clock):
            await again.quiet()
            while not await _nothing_is_parked(again):  # what waits may find that it has to wait once more
                again.clock.pass_by(timedelta(minutes=10))
                await again.quiet()
        assert house.items() == items  # a hint that is heard before the CRM's event makes a command that is not taken
        assert len(house.watch.written) == written


_DIRECTORY = (catalogue.NODES, catalogue.USERS, catalogue.CONTACTS, catalogue.OPTIONS)


async def _nothing_is_parked(house: House) -> bool:
    return not await house.daemons[-1].store.read(parked.counts)


@pytest.mark.rule("ID-5")
async def test_id_5_a_copy_that_somebody_makes_of_a_task_is_a_task_of_its_own(store: Path) -> None:
    """Given a task with our marker, when Anna copies it, then the copy takes nothing over."""
    async with a_house(store, "anna") as house:
        crm_id = await made(house, assign_to=["u-anna"])
        annas = await only(house, "anna")
        await house.does(lambda: annas.copy(annas.account.tasks))
        await house.quiet()
        assert len(house.items()) == 2

        await house.does(house.outlook("anna").complete_task, str(annas.id))
        await house.quiet()
        statuses = {item["id"]: item["item"].get("status", "outstanding") for item in house.items()}
        assert statuses.pop(crm_id) == "completed"
        assert list(statuses.values()) == ["outstanding"]
        house.excuse(crm_id, "two items of Anna's carry its marker")


@pytest.mark.rule("ID-7")
async def test_id_7_a_task_that_is_moved_to_another_list_keeps_its_link(store: Path) -> None:
    """Given tasks born on both sides, when Anna files them elsewhere, then they are followed there."""
    async with a_house(store, "anna") as house:
        anna = house.outlook("anna")
        await made(house, assign_to=["u-anna"])
        await house.does(anna.make_task, "Buy cake")
        await house.quiet()
        await house.does(_file_elsewhere, anna)
        await house.quiet()
        assert [item["deleted"] for item in house.crm.items()] == [False, False]
        await house.does(_call_out, anna)
        await house.quiet()
        assert sorted(item["item"]["subject"] for item in house.crm.items()) == ["Buy cake!", "Call back!"]
        house.excuse("task-2", "it is not under its first item id any more")


@pytest.mark.rule("INV-7")
async def test_inv_7_an_owner_without_a_mailbox_has_the_others_do_it(store: Path) -> None:
    """Given an owner who is not synchronized, then the task lies with those who are."""
    async with a_house(store, "anna", "bob") as house:
        await house.announce(user("anna", mailbox=None))
        await made(house)
        assert (await only(house, "bob")).subject == "Call back"
        assert await house.does(house.outlook("anna").tasks) == []


async def test_a_list_that_may_not_be_written_waits_and_is_written_later(store: Path) -> None:
    """Given Bob's list under lock, then Anna's change waits for him, and is in both, and in the CRM, afterwards."""
    clock = Clock(house_time())
    async with a_house(store, "anna", "bob", clock=clock) as house:
        await made(house)
        house.fault("access_denied", operation="UpdateItem", mailbox=BOB, times=None)
        await acts(house, "anna", "complete_task")
        assert ("held", "denied") in answers(house, "inbound")
        house.sandbox.faults.clear()
        clock.pass_by(timedelta(minutes=6))
        await house.until(lambda: ("applied", None) in answers(house, "inbound"))
        await house.quiet()
        assert (await only(house, "bob")).status == "Completed"
        assert held(house)["status"] == "completed"


def _later(clock: Clock) -> bool:
    """Lets time pass: what was put away is due, also if it was put away again."""
    clock.pass_by(timedelta(minutes=1))
    return True


def _restore(person: Outlook) -> None:
    for each in person.account.trash.all():
        each.move(person.account.tasks)


def _file_elsewhere(person: Outlook) -> None:
    """Moves all tasks into another folder, where each has another id."""
    for each in person.tasks():
        each.move(person.account.drafts)


def _call_out(person: Outlook) -> None:
    for each in person.account.drafts.all():
        each.subject = f"{each.subject}!"
        each.save(update_fields=["subject"])
