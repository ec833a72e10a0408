"""The four operations on delegates: who acts for whom, with which rights."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from tests.unit.sandbox.bank import SERVICE, SOAP, Bank, Client, M, Reply, T, delegate_user, opened
from tests.unit.sandbox.test_samples import SAMPLES, content_of

FOLDERS = ("Calendar", "Tasks", "Inbox", "Contacts", "Notes", "Journal")


def users(reply: Reply) -> dict[str, dict[str, str]]:
    """What an answer tells of each delegate, by address: tags and texts."""
    found = {}
    for user in reply.body.iter(f"{M}DelegateUser"):
        leaves = {etree.QName(each).localname: each.text or "" for each in user.iter() if len(each) == 0}
        found[leaves["PrimarySmtpAddress"]] = leaves
    return found


def levels(reply: Reply, name: str = "bob") -> dict[str, str]:
    """A delegate's level by folder."""
    told = users(reply)[f"{name}@bank.example"]
    return {folder.lower(): told[f"{folder}FolderPermissionLevel"] for folder in FOLDERS}


def flags(reply: Reply, name: str = "bob") -> tuple[str, str]:
    """Whether a delegate receives copies, and whether he sees private items."""
    told = users(reply)[f"{name}@bank.example"]
    return told["ReceiveCopiesOfMeetingMessages"], told["ViewPrivateItems"]


def delivery(reply: Reply) -> str | None:
    return reply.body.findtext(f"{M}DeliverMeetingRequests")


def user_codes(reply: Reply) -> list[str]:
    """One code for each user, below the answer's own."""
    assert reply.body.findtext(f"{M}ResponseCode") == "NoError", etree.tostring(reply.body)
    return [each.findtext(f"{M}ResponseCode") or "" for each in reply.body.iter(f"{M}DelegateUserResponseMessageType")]


def test_nobody_has_delegates_at_first(bank: Bank):
    """The answer has no list then."""
    reply = bank.client().delegates()
    assert (users(reply), delivery(reply)) == ({}, "NoForward")
    assert reply.body.find(f"{M}ResponseMessages") is None


def test_a_delegate_has_the_rights_he_was_given(bank: Bank):
    """A folder that was not named is closed to him."""
    anna = bank.client("anna")
    given = delegate_user("bob", calendar="Editor", tasks="Reviewer", copies=True, private=False)
    added = anna.add_delegates(given, delegate_user("cleo"), deliver="DelegatesAndMe")
    assert user_codes(added) == ["NoError", "NoError"]
    assert users(added)["bob@bank.example"]["DisplayName"] == "Bob Braun"
    told = anna.delegates()
    closed = dict.fromkeys(("inbox", "contacts", "notes", "journal"), "None")
    assert levels(told) == {"calendar": "Editor", "tasks": "Reviewer", **closed}
    assert set(levels(told, "cleo").values()) == {"None"}
    assert (flags(told), flags(told, "cleo")) == (("true", "false"), ("false", "false"))
    assert (list(users(told)), delivery(told)) == (["bob@bank.example", "cleo@bank.example"], "DelegatesAndMe")


def test_levels_are_told_on_request(bank: Bank):
    """And only then."""
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("bob", calendar="Author"))
    assert anna.delegates(levels=False).body.find(f".//{T}DelegatePermissions") is None
    assert anna.delegates(levels=True).body.find(f".//{T}DelegatePermissions") is not None


def test_one_may_ask_about_some(bank: Bank):
    """By address or SID; who is no delegate is told apart."""
    anna = bank.client("anna")
    sid = users(anna.add_delegates(delegate_user("bob"), delegate_user("cleo")))["cleo@bank.example"]["SID"]
    told = anna.delegates(sid, "xenia")
    assert (list(users(told)), user_codes(told)) == (["cleo@bank.example"], ["NoError", "ErrorNotDelegate"])


def test_an_update_changes_what_it_names(bank: Bank):
    """The other folders, flags and the delivery stay."""
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("bob", calendar="Author", tasks="Editor", copies=True), deliver="DelegatesOnly")
    assert user_codes(anna.update_delegates(delegate_user("bob", calendar="Editor", private=True))) == ["NoError"]
    told = anna.delegates()
    assert (levels(told)["calendar"], levels(told)["tasks"]) == ("Editor", "Editor")
    assert (flags(told), delivery(told)) == (("true", "true"), "DelegatesOnly")


def test_the_delivery_is_changed_without_a_delegate(bank: Bank):
    """It is the mailbox's."""
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("bob", calendar="Author"))
    assert user_codes(anna.update_delegates(deliver="DelegatesAndSendInformationToMe")) == []
    assert delivery(anna.delegates()) == "DelegatesAndSendInformationToMe"


def test_a_delegate_is_removed(bank: Bank):
    """The others stay, and the delivery; he can come again with rights of his own."""
    anna = bank.client("anna")
    both = (delegate_user("bob", calendar="Editor", private=True), delegate_user("cleo", calendar="Editor"))
    anna.add_delegates(*both, deliver="DelegatesAndMe")
    assert user_codes(anna.remove_delegates("bob")) == ["NoError"]
    assert (list(users(anna.delegates())), delivery(anna.delegates())) == (["cleo@bank.example"], "DelegatesAndMe")
    anna.add_delegates(delegate_user("bob", tasks="Reviewer"))
    told = anna.delegates()
    assert (levels(told)["calendar"], levels(told)["tasks"], flags(told)) == ("None", "Reviewer", ("false", "false"))


def test_delegates_are_of_one_mailbox(bank: Bank):
    """A circle is two grants."""
    anna, bob = bank.client("anna"), bank.client("bob")
    anna.add_delegates(delegate_user("bob", calendar="Editor"))
    assert users(bob.delegates()) == {}
    assert user_codes(bob.add_delegates(delegate_user("anna", calendar="Reviewer"))) == ["NoError"]
    assert (levels(anna.delegates())["calendar"], levels(bob.delegates(), "anna")["calendar"]) == ("Editor", "Reviewer")


@pytest.mark.parametrize(
    ("user", "code"),
    [
        (delegate_user("bob"), "ErrorDelegateAlreadyExists"),
        (delegate_user("a.adler"), "ErrorDelegateCannotAddOwner"),
        (delegate_user("nobody"), "ErrorDelegateNoUser"),
        (delegate_user("xaver@else.example"), "ErrorDelegateNoUser"),
        (delegate_user("desk"), "ErrorDelegateNoUser"),
        (delegate_user("S-1-5-21-1-2-3-4"), "ErrorDelegateNoUser"),
        (delegate_user("cleo", calendar="Custom"), "ErrorInvalidDelegatePermission"),
        (
            "<t:DelegateUser><t:UserId><t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId></t:DelegateUser>",
            "ErrorInvalidDelegateUserId",
        ),
    ],
)
def test_who_cannot_be_added_fails_alone(bank: Bank, user: str, code: str):
    """Each for his own reason; the next is added all the same."""
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("bob", calendar="Reviewer"))
    added = anna.add_delegates(user, delegate_user("xenia", calendar="Reviewer"))
    assert user_codes(added) == [code, "NoError"]
    assert list(users(anna.delegates())) == ["bob@bank.example", "xenia@bank.example"]
    assert levels(anna.delegates())["calendar"] == "Reviewer"


@pytest.mark.parametrize("verb", ["update_delegates", "remove_delegates"])
def test_who_is_no_delegate_fails_alone(bank: Bank, verb: str):
    """Removed twice, say."""
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("bob", calendar="Author"))
    named = ("cleo", "bob") if verb == "remove_delegates" else (delegate_user("cleo"), delegate_user("bob"))
    assert user_codes(getattr(anna, verb)(*named)) == ["ErrorNotDelegate", "NoError"]


@pytest.mark.parametrize(
    "content",
    [
        delegate_user("bob", calendar="Editor") + delegate_user("cleo", calendar="Owner"),
        delegate_user("bob", calendar="Editor") + "<t:DelegateUser/>",
    ],
)
def test_a_request_against_the_schema_changes_nothing(bank: Bank, content: str):
    """Not even what comes before the fault in it."""
    bank.validator.of_requests = False
    anna = bank.client("anna")
    anna.add_delegates(delegate_user("xenia", calendar="Reviewer"))
    assert anna.add_delegates(content).code == "ErrorSchemaValidation"
    assert list(users(anna.delegates())) == ["xenia@bank.example"]
    assert anna.add_delegates(delegate_user("bob"), deliver="Sometimes").code == "ErrorSchemaValidation"
    assert (list(users(anna.delegates())), delivery(anna.delegates())) == (["xenia@bank.example"], "NoForward")


def test_only_the_owner_decides(bank: Bank):
    """Even a delegate with all rights sees and changes nobody's delegates but his own."""
    bank.client("anna").add_delegates(delegate_user("bob", calendar="Editor"))
    bob = bank.client("bob")
    replies = (
        bob.delegates(principal="anna"),
        bob.add_delegates(delegate_user("cleo"), principal="anna"),
        bob.update_delegates(delegate_user("bob", private=True), principal="anna"),
        bob.remove_delegates("bob", principal="anna"),
    )
    assert [reply.code for reply in replies] == ["ErrorAccessDenied"] * 4
    assert bob.delegates(principal="nobody").code == "ErrorNonExistentMailbox"


def test_the_service_decides_for_whom_it_impersonates(bank: Bank):
    """And for nobody else."""
    anna = bank.service("anna")
    assert user_codes(anna.add_delegates(delegate_user("bob", calendar="Editor"))) == ["NoError"]
    assert user_codes(bank.service("anna").remove_delegates("bob")) == ["NoError"]
    assert bank.service("cleo").delegates(principal="anna").code == "ErrorAccessDenied"


def test_exchangelib_sees_the_delegates(bank: Bank):
    """As people's own clients do."""
    assert bank.account("anna").delegates == []
    bank.client("anna").add_delegates(delegate_user("bob", calendar="Editor", private=True))
    (delegate,) = bank.account("anna").delegates
    assert delegate.user_id.primary_smtp_address == "bob@bank.example"
    assert delegate.delegate_permissions.calendar_folder_permission_level == "Editor"
    assert (delegate.view_private_items, delegate.receive_copies_of_meeting_messages) == (True, False)


@pytest.mark.parametrize("fault", ["access_denied", "server_busy_inner", "error_after"])
def test_faults_strike_delegates_too(bank: Bank, fault: str):
    """The answer is then one message, as the schema has it; after `error_after` the work is done."""
    anna = bank.client("anna")
    bank.fault(fault, operation="AddDelegate")
    assert anna.add_delegates(delegate_user("bob")).code != "NoError"
    assert bool(users(anna.delegates())) == (fault == "error_after")


# Microsoft's samples, at a company whose people they name

CONTOSO = {
    "people": [
        {"name": name, "email": f"{name}@{company}", "password": name}
        for company, names in (
            ("contoso.com", ("primary", "calendardelegate", "contactdelegate", "emaildelegate")),
            ("example.com", ("user1", "user2", "user3")),
        )
        for name in names
    ],
    "services": [{"username": SERVICE[0], "password": SERVICE[1]}],
}


@pytest.fixture
def contoso() -> Iterator[Bank]:
    with opened(CONTOSO) as running:
        yield running


def send(contoso: Bank, sample: str, user: str) -> Reply:
    """A sample's answer, sent by the one whose mailbox it names."""
    content = content_of(SAMPLES / f"{sample}.xml")
    _, answer = Client(contoso.url, user, user.partition("@")[0]).send(content)
    return Reply(etree.fromstring(answer).find(f"{SOAP}Body")[0])


def test_microsofts_samples_are_carried_out(contoso: Bank):
    """Added and removed; asked for; updated by one who is none; all valid, requests and answers."""
    added = send(contoso, "AddDelegate--add-and-remove-delegates-0", "primary@contoso.com")
    assert user_codes(added) == ["NoError"] * 3
    held = contoso.sandbox.world.delegates
    assert held.of("primary@contoso.com")["calendardelegate@contoso.com"].level("calendar") == "Editor"
    assert held.of("primary@contoso.com")["contactdelegate@contoso.com"].level("contacts") == "Editor"
    assert held.delivery("primary@contoso.com") == "DelegatesAndSendInformationToMe"
    removed = send(contoso, "RemoveDelegate--add-and-remove-delegates-2", "primary@contoso.com")
    assert (user_codes(removed), held.of("primary@contoso.com")) == (["NoError"] * 3, {})
    assert send(contoso, "GetDelegate--getdelegate-operation-0", "user3@example.com").classes == ["Success"]
    updated = send(contoso, "UpdateDelegate--updatedelegate-operation-0", "user1@example.com")
    assert user_codes(updated) == ["ErrorNotDelegate"] * 2
    removed = send(contoso, "RemoveDelegate--removedelegate-operation-0", "user1@example.com")
    assert user_codes(removed) == ["ErrorNotDelegate", "ErrorDelegateNoUser"]


@pytest.mark.parametrize(
    ("answer", "request_of"),
    [
        ("AddDelegateResponse--add-and-remove-delegates-1", "AddDelegate--add-and-remove-delegates-0"),
        ("RemoveDelegateResponse--removedelegate-operation-1", "RemoveDelegate--add-and-remove-delegates-2"),
        ("RemoveDelegateResponse--removedelegate-operation-2", "RemoveDelegate--add-and-remove-delegates-2"),
    ],
)
def test_answers_are_built_as_microsofts(contoso: Bank, answer: str, request_of: str):
    """The same elements within each other, whoever they are about."""
    theirs = etree.fromstring(content_of(SAMPLES / f"{answer}.xml"))
    body = next(each for each in theirs if etree.QName(each).localname == "Body")[0]
    if "removedelegate-operation-1" in answer:
        send(contoso, "AddDelegate--add-and-remove-delegates-0", "primary@contoso.com")
    ours = send(contoso, request_of, "primary@contoso.com").body
    assert _built(ours) == _built(body)


def _built(element: etree._Element) -> tuple[object, ...]:
    """Tag and children of an element; of equal neighbours the first."""
    inside = list(dict.fromkeys(_built(each) for each in element if isinstance(each.tag, str)))
    return (element.tag, element.get("ResponseClass"), *inside)
