"""What deploy/README.md says of rights is what the catalogue asks for."""

from __future__ import annotations

from pathlib import Path

from schemas import catalogue
from schemas.catalogue import Acl

_RIGHTS = Path(__file__).parents[3] / "deploy" / "README.md"


def rows() -> list[list[str]]:
    """The cells of every table row."""
    lines = _RIGHTS.read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_daemons_rights_are_all_there_and_no_others() -> None:
    told = {Acl(row[0], row[1], tuple(row[2].split(", "))) for row in rows() if row[0] in ("topic", "group")}
    assert told == set(catalogue.acls(group="exsyncd"))


def test_whoever_writes_is_named_for_every_topic_that_comes_in() -> None:
    """`crm.*` is the CRM's, the others are named one by one."""
    writers = "\n".join(row[1] for row in rows() if row[0] not in ("topic", "group"))
    coming = [topic.name for topic in catalogue.TOPICS.values() if topic.flow is catalogue.Flow.IN]
    assert "`crm.*`" in writers
    assert [name for name in coming if not name.startswith("crm.") and f"`{name}`" not in writers] == []
