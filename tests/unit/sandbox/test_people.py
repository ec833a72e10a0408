"""The address book."""

from __future__ import annotations

import json

import pytest

from daemon.sandbox.people import People


def people(*entries: dict, services: tuple[dict, ...] = ()) -> People:
    return People.read({"people": list(entries), "services": list(services)})


ANNA = {"name": "Anna", "email": "anna@bank.example", "aliases": ["a.adler@bank.example"]}
BOB = {"name": "Bob", "email": "bob@bank.example"}


@pytest.mark.parametrize(
    "written",
    [
        "anna@bank.example",
        "ANNA@Bank.Example",
        "A.Adler@bank.example",
        " mailto:anna@bank.example",
        "smtp:anna@bank.example",
    ],
)
def test_a_person_is_found_by_any_spelling(written: str):
    """Addresses and aliases, without regard to case or routing prefix."""
    assert people(ANNA, BOB).find(written).name == "Anna"


def test_a_person_is_found_by_his_x500_name():
    """Which is the same for the same address, everywhere."""
    first, second = people(ANNA, BOB), people(BOB, ANNA)
    dn = first.find("anna@bank.example").legacy_dn
    assert dn.startswith("/o=Sandbox/")
    assert second.find(f"EX:{dn}").name == "Anna"


def test_an_address_belongs_to_one_person():
    """Two owners are refused with the address."""
    with pytest.raises(ValueError, match=r"a\.adler@bank\.example"):
        people(ANNA, {"name": "Adam", "email": "a.adler@bank.example"})


def test_lists_reach_the_members_of_their_lists_once():
    """Also lists that hold each other."""
    book = people(
        ANNA,
        BOB,
        {"name": "All", "email": "all@x", "kind": "list", "members": ["some@x", "anna@bank.example", "guest@y"]},
        {
            "name": "Some",
            "email": "some@x",
            "kind": "list",
            "members": ["bob@bank.example", "all@x", "a.adler@bank.example"],
        },
    )
    assert book.members(book.find("all@x")) == ["bob@bank.example", "anna@bank.example", "guest@y"]


def test_the_file_is_read_and_its_mistakes_are_named(tmp_path):
    """As the contract has it."""
    path = tmp_path / "people.json"
    path.write_text(json.dumps({"people": [ANNA], "services": [{"username": "s", "password": "p"}]}))
    assert [person.email for person in People.read(path)] == ["anna@bank.example"]
    path.write_text(json.dumps({"people": [{**ANNA, "kind": "robot"}]}))
    with pytest.raises(ValueError, match="kind"):
        People.read(path)


def test_a_service_impersonates_whom_it_may():
    """Everybody, or a list in which aliases count."""
    book = people(
        ANNA,
        BOB,
        services=(
            {"username": "all", "password": "p", "impersonates": "*"},
            {"username": "few", "password": "p", "impersonates": ["A.ADLER@bank.example"]},
        ),
    )
    anna, bob = book.find("anna@bank.example"), book.find("bob@bank.example")
    assert [book.may_impersonate(book.service("ALL"), each) for each in (anna, bob)] == [True, True]
    assert [book.may_impersonate(book.service("few"), each) for each in (anna, bob)] == [True, False]
