"""The generated documents are up to date, well formed, and say what the models say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import schemas
from schemas import documents
from schemas.catalogue import TOPICS
from schemas.events import TYPES
from tests.unit.schemas.samples import GOOD, good, spoiled, without

COMMITTED = Path(schemas.__file__).parent


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for each in part for found in references(each)] if isinstance(part, list) else []


def resolved(document: dict[str, Any], pointer: str) -> Any:
    place: Any = document
    for step in pointer.removeprefix("#/").split("/"):
        place = place[step]
    return place


def test_the_committed_documents_are_up_to_date():
    """A changed model is a changed document, in the same commit."""
    assert documents.differences(COMMITTED) == []


def test_differences_are_told_file_by_file(tmp_path: Path):
    """Missing, changed and left over."""
    assert len(documents.differences(tmp_path)) == len(TYPES) + 1
    written = documents.write(tmp_path)
    assert documents.differences(tmp_path) == []

    written[0].write_text("{}")
    written[1].unlink()
    (tmp_path / "json" / "crm.old.v1.json").write_text("{}")

    assert documents.differences(tmp_path) == [
        f"{written[0]}: is not up to date",
        f"{written[1]}: is missing",
        f"{tmp_path / 'json' / 'crm.old.v1.json'}: no such type any more",
    ]


@pytest.mark.parametrize("event_type", TYPES)
def test_a_schema_is_valid_and_takes_the_good_example(event_type: str):
    """Draft 2020-12, by an independent reader."""
    schema = documents.json_schema(event_type)
    Draft202012Validator.check_schema(schema)

    assert schema["$id"] == f"urn:exsyncd:{event_type}"
    assert list(Draft202012Validator(schema).iter_errors(good(event_type))) == []
    assert Draft202012Validator(schema).is_valid({**GOOD[event_type], "a_field_of_next_year": 1})


@pytest.mark.parametrize(
    "data",
    [
        without("crm.schedule-item.updated.v1", "after.start"),
        spoiled("crm.schedule-item.updated.v1", "version", "3"),
        spoiled("crm.schedule-item.updated.v1", "after.subject", None),
        spoiled("crm.schedule-item.updated.v1", "after.status", "maybe"),
        spoiled("crm.schedule-item.updated.v1", "id", "   "),
    ],
)
def test_a_schema_refuses_what_the_daemon_refuses(data: dict[str, Any]):
    """As far as a schema can say it."""
    schema = documents.json_schema("crm.schedule-item.updated.v1")

    assert not Draft202012Validator(schema).is_valid(data)


def test_the_schema_of_options_names_and_describes_each():
    """And admits no other."""
    schema = documents.json_schema("crm.options.changed.v1")
    unknown = {"scope": {"level": "system"}, "version": 1, "options": {"mine": True}}

    assert schema["properties"]["options"]["properties"]["for_contacts.inbound"]["description"].endswith("on.")
    assert not Draft202012Validator(schema).is_valid(unknown)


def test_the_asyncapi_document_has_every_topic_and_every_reference_leads_somewhere():
    """In the file as it is committed."""
    document = yaml.safe_load((COMMITTED / documents.ASYNCAPI).read_text(encoding="utf-8"))

    assert document["asyncapi"] == "3.0.0"
    assert document["channels"].keys() == TOPICS.keys()
    assert document["channels"]["crm.users"]["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"] == ["compact"]
    assert {operation["action"] for operation in document["operations"].values()} == {"receive", "send"}
    found = references(document)
    assert found
    for reference in found:
        if reference.startswith("#/"):
            assert resolved(document, reference)
        else:
            assert json.loads((COMMITTED / reference).read_text(encoding="utf-8"))["$schema"] == documents.DRAFT


def test_the_list_of_topics_has_names_as_they_are_on_the_broker():
    """With the prefix, the settings and the rights."""
    listed = documents.topics(prefix="prod.", group="exsyncd")

    assert [topic["name"] for topic in listed["topics"]] == [f"prod.{name}" for name in TOPICS]
    assert listed["topics"][0]["config"] == {"cleanup.policy": "compact", "max.message.bytes": "1048576"}
    assert listed["acls"][-1] == {"resource": "group", "name": "exsyncd", "operations": ["READ", "DESCRIBE"]}
    assert json.loads(json.dumps(listed)) == listed
