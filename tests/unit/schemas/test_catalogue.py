"""The topics are the contract's, with room for dead letters and with the rights the daemon needs."""

from __future__ import annotations

from datetime import timedelta

from schemas import catalogue
from schemas.catalogue import TOPICS, Acl, Cleanup, Flow


def test_topics_are_the_contracts():
    """Name, direction and cleanup."""
    compacted = {"crm.users", "crm.nodes", "crm.contacts", "crm.options", "crm.delegations"}
    by_time = {"crm.schedule-items", "crm.tasks", "exchange.notifications", "sync.requests"}
    out = {"sync.crm-commands", "sync.outcomes", "sync.dead-letters"}

    assert TOPICS.keys() == compacted | by_time | out
    assert {name for name, topic in TOPICS.items() if topic.cleanup is Cleanup.COMPACT} == compacted
    assert {name for name, topic in TOPICS.items() if topic.flow is Flow.OUT} == out


def test_a_record_as_large_as_its_topic_allows_fits_into_the_dead_letters():
    """With our headers around it."""
    largest = max(topic.max_bytes for topic in TOPICS.values() if topic.flow is Flow.IN)

    assert TOPICS["sync.dead-letters"].max_bytes == largest + 64 * 1024


def test_commands_outlive_a_long_outage_of_the_crm():
    """Four weeks, in Kafka's milliseconds."""
    commands = catalogue.topic("sync.crm-commands")

    assert commands.retention == timedelta(weeks=4)
    assert commands.config == {
        "cleanup.policy": "delete",
        "max.message.bytes": "1048576",
        "retention.ms": "2419200000",
    }


def test_a_compacted_topic_is_kept_for_ever():
    """A user who has not changed for a year is still a user."""
    assert "retention.ms" not in catalogue.topic("crm.users").config


def test_the_daemon_may_read_its_inputs_write_its_outputs_and_no_more():
    """The rights as they are on a broker with a prefix."""
    acls = {acl.name: acl for acl in catalogue.acls(prefix="prod.", group="exsyncd")}

    assert acls["prod.crm.users"].operations == ("READ", "DESCRIBE", "DESCRIBE_CONFIGS")
    assert acls["prod.sync.outcomes"].operations == ("WRITE", "DESCRIBE", "DESCRIBE_CONFIGS")
    assert acls["prod.sync.dead-letters"].operations == ("WRITE", "READ", "DESCRIBE", "DESCRIBE_CONFIGS")
    assert acls["exsyncd"] == Acl("group", "exsyncd", ("READ", "DESCRIBE"))
    assert len(acls) == len(TOPICS) + 1


def test_a_type_travels_on_one_topic():
    """So that a type alone says where an event belongs."""
    assert {catalogue.topics_of(each) for topic in TOPICS.values() for each in topic.types} == {
        (topic.name,) for topic in TOPICS.values() if topic.types
    }


def test_an_operator_may_ask_and_read_answers_and_nothing_of_the_daemons_own() -> None:
    """Requests are for operators alone; nobody but the daemon writes commands and outcomes."""
    allowed = {acl.name: acl.operations for acl in catalogue.operator_acls(prefix="p.")}
    assert "WRITE" in allowed["p.sync.requests"]
    assert allowed["p.sync.outcomes"] == allowed["p.sync.dead-letters"] == ("READ", "DESCRIBE")
    assert "p.sync.crm-commands" not in allowed
    daemons = {acl.name: acl.operations for acl in catalogue.acls(group="exsyncd")}
    assert "WRITE" not in daemons["sync.requests"]
