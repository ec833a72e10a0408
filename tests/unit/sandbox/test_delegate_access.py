"""What a delegate sees, makes and changes in the calendar of his principal."""

from __future__ import annotations

import pytest

from tests.unit.sandbox.bank import (
    Bank,
    Client,
    T,
    calendar_item,
    delegate_user,
    folder_id,
    id_of,
    occurrence_of,
    set_field,
    task,
    value,
    weekly,
)

ANNAS = folder_id("calendar", of="anna")
PRIVATE = "<t:Sensitivity>Private</t:Sensitivity>"
SUBJECT = set_field("item:Subject", "<t:Subject>New</t:Subject>")


def let(bank: Bank, calendar: str, *, private: bool = False, delegate: str = "bob") -> Client:
    """Anna gives a delegate a level in her calendar; the delegate."""
    anna = bank.client("anna")
    anna.remove_delegates(delegate)
    anna.add_delegates(delegate_user(delegate, calendar=calendar, private=private))
    return bank.client(delegate)


def bare(item_id: str) -> str:
    """The id alone, out of its markup."""
    return item_id.split('"')[1]


def subject_of(bank: Bank, item_id: str) -> str | None:
    return value(bank.client("anna").get(item_id).item, "Subject")


LEVELS = ("None", "Reviewer", "Author", "Editor")


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_opens_the_calendar_or_not(bank: Bank, level: str):
    """By the folder's name or id, in lists, views and synchronization."""
    mine = bank.client("anna").meet(required=())
    bob = let(bank, level)
    folder = f'<t:FolderId Id="{bank.sandbox.world.folder("anna@bank.example", "calendar").id}"/>'
    code = "ErrorAccessDenied" if level == "None" else "NoError"
    view = '<m:CalendarView StartDate="2026-11-30T00:00:00Z" EndDate="2026-12-05T00:00:00Z"/>'
    replies = (bob.find(ANNAS), bob.find(folder), bob.find(ANNAS, view=view), bob.sync(ANNAS), bob.sync(folder))
    assert [reply.code for reply in replies] == [code] * 5
    assert bob.get(mine).code == ("ErrorItemNotFound" if level == "None" else "NoError")


@pytest.mark.parametrize("folder", ["tasks", "inbox", "root", "msgfolderroot", "deleteditems", "sentitems"])
def test_the_other_folders_stay_closed(bank: Bank, folder: str):
    """Each has a level of its own, or none."""
    bob = let(bank, "Editor")
    assert bob.find(folder_id(folder, of="anna")).code == "ErrorAccessDenied"
    bank.client("anna").update_delegates(delegate_user("bob", tasks="Reviewer"))
    expected = "NoError" if folder == "tasks" else "ErrorAccessDenied"
    assert bob.find(folder_id(folder, of="anna")).code == expected


@pytest.mark.parametrize(
    ("level", "makes", "changes_own", "changes_hers"),
    [
        ("None", False, False, False),
        ("Reviewer", False, False, False),
        ("Author", True, True, False),
        ("Editor", True, True, True),
    ],
)
def test_a_level_says_who_writes(bank: Bank, level: str, makes: bool, changes_own: bool, changes_hers: bool):
    """What he made while he was an editor is his own."""
    code = {True: "NoError", False: "ErrorAccessDenied"}
    bob = let(bank, "Editor")
    own, hers = bob.meet(folder=ANNAS), bank.client("anna").meet(required=())
    let(bank, level)
    assert bob.create(calendar_item(), folder=ANNAS).code == code[makes]
    assert [bob.update(each, SUBJECT).code for each in (own, hers)] == [code[changes_own], code[changes_hers]]
    assert [bob.delete(each).code for each in (own, hers)] == [code[changes_own], code[changes_hers]]
    here = {bare(id_of(each)) for each in bank.client("anna").all_in("calendar")}
    assert [bare(each) in here for each in (own, hers)] == [not changes_own, not changes_hers]


def test_what_a_delegate_makes_is_the_principals(bank: Bank):
    """Her calendar, her meeting; only the last name on it is his."""
    bob = let(bank, "Editor")
    made = bank.client("anna").get(bob.meet(folder=ANNAS, required=("cleo",))).item
    assert (value(made, "Organizer/Mailbox/EmailAddress"), value(made, "MyResponseType")) == (
        "anna@bank.example",
        "Organizer",
    )
    assert value(made, "LastModifiedName") == "Bob Braun"
    assert bank.client("bob").all_in("calendar") == []
    (copy,) = bank.client("cleo").all_in("calendar")
    assert value(copy, "Organizer/Mailbox/EmailAddress") == "anna@bank.example"


def test_a_task_made_by_a_delegate_is_the_principals(bank: Bank):
    """By the level of her tasks, which is not that of her calendar."""
    bob, annas_tasks = let(bank, "Editor"), folder_id("tasks", of="anna")
    assert bob.create(task(), folder=annas_tasks).code == "ErrorAccessDenied"
    bank.client("anna").update_delegates(delegate_user("bob", tasks="Editor"))
    assert bob.create(task(), folder=annas_tasks).code == "NoError"
    (made,) = bank.client("anna").all_in("tasks")
    assert (value(made, "Owner"), value(made, "LastModifiedName")) == ("Anna Adler", "Bob Braun")
    assert {(change.mailbox, change.folder) for change in bank.changes} == {("anna@bank.example", "tasks")}


def test_hints_are_of_the_principals_mailbox(bank: Bank):
    """Whoever writes there."""
    bob = let(bank, "Editor")
    made = bob.meet(folder=ANNAS, required=())
    bob.update(made, SUBJECT)
    bob.delete(made)
    assert {(change.mailbox, change.folder) for change in bank.changes} == {("anna@bank.example", "calendar")}


def test_the_service_acts_in_the_name_of_a_delegate(bank: Bank):
    """It impersonates him and names her calendar; her own item ids are good, too."""
    let(bank, "Editor")
    service = bank.service("bob")
    made = service.meet(folder=ANNAS, required=())
    hers = bank.client("anna").meet(required=())
    assert [service.update(each, SUBJECT).code for each in (made, hers)] == ["NoError"] * 2
    assert [value(each, "LastModifiedName") for each in bank.client("anna").all_in("calendar")] == ["Bob Braun"] * 2
    assert service.delete(hers).code == "NoError"
    assert bank.service("cleo").create(calendar_item(), folder=ANNAS).code == "ErrorAccessDenied"


@pytest.mark.parametrize("how", ["MoveToDeletedItems", "SoftDelete", "HardDelete"])
def test_deleted_items_stay_in_the_principals_mailbox(bank: Bank, how: str):
    """Not in the delegate's."""
    bob = let(bank, "Editor")
    bob.delete(bob.meet(folder=ANNAS, required=()), how=how)
    assert len(bank.client("anna").all_in("deleteditems")) == (how == "MoveToDeletedItems")
    assert bank.client("bob").all_in("deleteditems") == []


def test_single_occurrences_of_the_principals_series(bank: Bank):
    """Seen, changed and deleted one by one, and the series as a whole."""
    series = bank.client("anna").meet(weekly(count=4), required=())
    bob = let(bank, "Editor")
    assert bob.update(occurrence_of(series, 2), SUBJECT).code == "NoError"
    assert bob.delete(occurrence_of(series, 3)).code == "NoError"
    assert value(bob.get(occurrence_of(series, 2)).item, "Subject") == "New"
    view = '<m:CalendarView StartDate="2026-11-30T00:00:00Z" EndDate="2026-12-30T00:00:00Z"/>'
    seen = [value(each, "Subject") for each in bob.find(ANNAS, view=view).items]
    assert seen == ["Review", "New", "Review"]
    let(bank, "Reviewer")
    assert bob.update(occurrence_of(series, 2), SUBJECT).code == "ErrorAccessDenied"
    assert bob.delete(occurrence_of(series, 2)).code == "ErrorAccessDenied"


@pytest.mark.parametrize("private", [False, True])
def test_private_items_are_hidden(bank: Bank, private: bool):
    """Not in lists, not found, not to be changed, unless he may see them."""
    anna = bank.client("anna")
    public, secret = anna.meet(required=()), anna.meet(PRIVATE, "<t:Subject>Secret</t:Subject>", required=())
    bob = let(bank, "Editor", private=private)
    view = '<m:CalendarView StartDate="2026-11-30T00:00:00Z" EndDate="2026-12-05T00:00:00Z"/>'
    for reply in (bob.find(ANNAS), bob.find(ANNAS, view=view), bob.sync(ANNAS, base="Default")):
        subjects = [each.text for each in reply.body.iter(f"{T}Subject")]
        assert subjects == (["Review", "Secret"] if private else ["Review"])
    assert (bob.get(public).code, bob.get(secret).code) == ("NoError", "NoError" if private else "ErrorItemNotFound")
    code = "NoError" if private else "ErrorAccessDenied"
    assert [bob.update(secret, SUBJECT).code, bob.delete(secret).code] == [code] * 2
    assert len(anna.all_in("calendar")) == (1 if private else 2)


def test_a_private_occurrence_is_hidden_alone(bank: Bank):
    """The series and its other occurrences are not."""
    anna = bank.client("anna")
    series = anna.meet(weekly(count=3), required=())
    anna.update(occurrence_of(series, 2), set_field("item:Sensitivity", PRIVATE))
    bob = let(bank, "Editor")
    view = '<m:CalendarView StartDate="2026-11-30T00:00:00Z" EndDate="2026-12-30T00:00:00Z"/>'
    assert len(bob.find(ANNAS, view=view).items) == 2
    assert bob.get(occurrence_of(series, 2)).code == "ErrorItemNotFound"
    assert [bob.update(occurrence_of(series, n), SUBJECT).code for n in (1, 2)] == ["NoError", "ErrorAccessDenied"]


def test_what_becomes_private_is_deleted_for_who_synchronizes(bank: Bank):
    """And is new again when it ceases to be; what was private from the start never was."""
    anna = bank.client("anna")
    item = anna.meet(required=())
    bob = let(bank, "Reviewer")
    first = bob.sync(ANNAS)
    anna.update(item, set_field("item:Sensitivity", PRIVATE))
    anna.meet(PRIVATE, required=())
    second = bob.sync(ANNAS, _state(first))
    assert [_changes(first), _changes(second)] == [["Create"], ["Delete"]]


def _state(reply) -> str:
    return reply.body.findtext(".//{*}SyncState")


def _changes(reply) -> list[str]:
    return [each.tag.rpartition("}")[2] for each in reply.body.find(".//{*}Changes")]


def test_a_delegate_may_make_what_he_may_not_see(bank: Bank):
    """A private meeting, as in Outlook."""
    bob = let(bank, "Editor")
    made = bob.meet(PRIVATE, folder=ANNAS, required=())
    assert (bob.get(made).code, subject_of(bank, made)) == ("ErrorItemNotFound", "Review")


def test_rights_end_at_once(bank: Bank):
    """When the delegate is removed."""
    bob = let(bank, "Editor")
    made = bob.meet(folder=ANNAS, required=())
    bank.client("anna").remove_delegates("bob")
    assert bob.create(calendar_item(), folder=ANNAS).code == "ErrorAccessDenied"
    assert [bob.update(made, SUBJECT).code, bob.delete(made).code] == ["ErrorAccessDenied"] * 2
    assert bob.get(made).code == "ErrorItemNotFound"


def test_rights_are_not_handed_on(bank: Bank):
    """Cleo acts for Bob, Bob for Anna; Cleo does not act for Anna."""
    let(bank, "Editor")
    bank.client("bob").add_delegates(delegate_user("cleo", calendar="Editor"))
    cleo = bank.client("cleo")
    assert cleo.create(calendar_item(), folder=folder_id("calendar", of="bob")).code == "NoError"
    assert cleo.create(calendar_item(), folder=ANNAS).code == "ErrorAccessDenied"


def test_nothing_is_moved_between_mailboxes(bank: Bank):
    """The sandbox says so; a copy of what he sees a delegate may take."""
    hers = bank.client("anna").meet(required=())
    bob = let(bank, "Editor")
    to = '<m:ToFolderId><t:DistinguishedFolderId Id="calendar"/></m:ToFolderId>'
    ids = f"<m:ItemIds>{hers}</m:ItemIds>"
    assert bob.call(f"<m:MoveItem>{to}{ids}</m:MoveItem>").code == "ErrorMoveCopyFailed"
    assert bob.call(f"<m:CopyItem>{to}{ids}</m:CopyItem>").code == "NoError"
    assert [len(bank.client(name).all_in("calendar")) for name in ("anna", "bob")] == [1, 1]


def test_a_folder_shows_what_may_be_done_in_it(bank: Bank):
    """Its effective rights are the asker's."""
    shape = (
        "<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        '<t:FieldURI FieldURI="folder:EffectiveRights"/></t:AdditionalProperties></m:FolderShape>'
    )
    asked = f"<m:GetFolder>{shape}<m:FolderIds>{ANNAS}</m:FolderIds></m:GetFolder>"
    assert [let(bank, level).call(asked).body.findtext(f".//{T}CreateContents") for level in LEVELS] == [
        None,
        "false",
        "true",
        "true",
    ]


def test_the_server_touches_what_a_delegate_wrote(bank: Bank):
    """The fault `rewrite` strikes in the principal's calendar."""
    bob = let(bank, "Editor")
    bank.fault("rewrite")
    made = bob.meet("<t:Location> Room 4 </t:Location>", folder=ANNAS, required=())
    assert value(bank.client("anna").get(made).item, "Location") == "Room 4"
