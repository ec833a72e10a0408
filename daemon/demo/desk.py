"""A CRM user at his desk: what he makes and changes in the CRM, over its HTTP."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp

_AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """One user, by his id. `principal` is whom he acts for, if he does; nobody is notified unless he asks for it."""

    session: aiohttp.ClientSession
    url: str
    user: str
    principal: str | None = None

    def on_behalf_of(self, principal: str) -> Desk:
        """The same user, acting for another."""
        return replace(self, principal=principal)

    async def meets(
        self, subject: str, *, start: datetime, users: list[str], notify: str = "none", **fields: Any
    ) -> dict[str, Any]:
        """Makes a meeting of an hour, which is his own or his principal's; the CRM's record."""
        item = {"subject": subject, "owner": self.principal or self.user, "assign_to": users, **times(start), **fields}
        return await self._post({"kind": "schedule_item", "notify": notify, "item": item})

    async def assigns(self, subject: str, *, due: datetime, users: list[str], **fields: Any) -> dict[str, Any]:
        """Makes a task; the CRM's record."""
        item = {"subject": subject, "owner": self.user, "assign_to": users, "due": due.date().isoformat(), **fields}
        return await self._post({"kind": "task", "item": item})

    async def changes(self, record: str, *, notify: str = "none", **fields: Any) -> None:
        """Changes these fields of an item or a task."""
        body = {"actor": self._actor, "notify": notify, "item": fields}
        async with self.session.put(f"{self.url}/items/{record}", json=body, raise_for_status=True) as response:
            await response.read()

    @property
    def _actor(self) -> dict[str, Any]:
        return {"user": self.user, "on_behalf_of": self.principal}

    async def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = {"actor": self._actor, **body}
        async with self.session.post(f"{self.url}/items", json=asked, raise_for_status=True) as response:
            return dict(await response.json())


def times(start: datetime) -> dict[str, str]:
    """The fields of a meeting of an hour that say when it is."""
    return {"start": start.isoformat(), "end": (start + _AN_HOUR).isoformat(), "zone": "Europe/Berlin"}
