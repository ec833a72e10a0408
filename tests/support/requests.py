"""What an operator asks for, as tests put it on the bus."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from schemas import catalogue
from tests.support.house import House

_NUMBERS = count(1)


async def request(house: House, verb: str, user: str | None = None, **more: Any) -> dict[str, Any]:
    """Asks to `pause`, `resume` ...; the answer."""
    scope = {"level": "user", "id": user} if user else {"level": "system"}
    data = {"scope": scope, "requested_by": "u-admin"} | more
    named = f"r-{next(_NUMBERS)}"
    headers = {"id": named, "source": "/operators", "type": f"sync.{verb}.requested.v1", "specversion": "1.0"}
    house.broker.append(
        catalogue.REQUESTS,
        key=(f"user:{user}" if user else "system").encode(),
        value=json.dumps(data).encode(),
        headers=(
            *((f"ce_{name}", value.encode()) for name, value in headers.items()),
            ("content-type", b"application/json"),
        ),
    )
    await house.quiet()
    [answer] = [said for said in house.outcomes(direction="control") if said["cause"]["id"] == named]
    return answer
