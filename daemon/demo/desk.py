"""A CRM user at his desk: what he makes and changes in the CRM, over its HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp

_AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """One user, by his id. He never asks for anybody to be notified."""

    session: aiohttp.ClientSession
    url: str
    user: str

    async def meets(self, subject: str, *, start: datetime, users: list[str], **fields: Any) -> dict[str, Any]:
        """Makes a meeting of an hour, which is his own; the CRM's record."""
        times = {"start": start.isoformat(), "end": (start + _AN_HOUR).isoformat(), "zone": "Europe/Berlin"}
        item = {"subject": subject, "owner": self.user, "assign_to": users, **times, **fields}
        return await self._post({"kind": "schedule_item", "item": item})

    async def assigns(self, subject: str, *, due: datetime, users: list[str], **fields: Any) -> dict[str, Any]:
        """Makes a task; the CRM's record."""
        item = {"subject": subject, "owner": self.user, "assign_to": users, "due": due.date().isoformat(), **fields}
        return await self._post({"kind": "task", "item": item})

    async def changes(self, record: str, **fields: Any) -> None:
        """Changes these fields of an item or a task."""
        body = {"actor": {"user": self.user}, "item": fields}
        async with self.session.put(f"{self.url}/items/{record}", json=body, raise_for_status=True) as response:
            await response.read()

    async def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        asked = {"actor": {"user": self.user}, **body}
        async with self.session.post(f"{self.url}/items", json=asked, raise_for_status=True) as response:
            return dict(await response.json())
