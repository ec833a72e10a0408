"""A wrong password must not lock the account."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from daemon.exchange.ews.failures import Failure
from daemon.exchange.ews.sign_in import WAITED_TOO_LONG, SignIn
from tests.unit.exchange.test_limits import Clock


def sign_in(clock: Clock | None = None) -> SignIn:
    return SignIn(timedelta(seconds=30), clock=clock or Clock())


async def attempt(gate: SignIn, code: str | None) -> bool:
    """Whether a call was made; it ends as `code` says."""
    try:
        async with gate.turn():
            await asyncio.sleep(0)
            gate.refused(code) if code else gate.proven()
            return True
    except Failure:
        return False


async def test_a_wrong_password_is_tried_once_however_many_calls_wait() -> None:
    gate = sign_in()
    made = await asyncio.gather(*(attempt(gate, "Http401") for _ in range(500)))
    assert sum(made) == 1


async def test_while_paused_the_refusal_itself_is_the_answer() -> None:
    gate = sign_in()
    await attempt(gate, "Http401")
    with pytest.raises(Failure, match="Http401"):
        async with gate.turn():
            pytest.fail("called while paused")


async def test_at_most_four_attempts_in_any_half_hour() -> None:
    """Fewer than directories allow before they lock."""
    clock = Clock()
    gate, made = sign_in(clock), []
    for _ in range(180):
        if await attempt(gate, "Http401"):
            made.append(clock.now)
        clock.pass_(timedelta(minutes=1))
    assert all(sum(start <= one < start + 1800 for one in made) <= 4 for start in made)
    assert len(made) > 4


async def test_calls_run_side_by_side_once_one_was_answered() -> None:
    gate = sign_in()
    await attempt(gate, None)
    async with gate.turn(), gate.turn(), gate.turn():
        assert await attempt(gate, None)


async def test_those_who_waited_for_the_first_answer_do_not_wait_for_each_other() -> None:
    gate, all_inside = sign_in(), asyncio.Barrier(4)

    async def call(number: int) -> None:
        async with gate.turn():
            if number == 0:
                gate.proven()
                return
            async with asyncio.timeout(30):
                await all_inside.wait()

    await asyncio.gather(*(call(number) for number in range(5)))
    assert not all_inside.n_waiting


async def test_a_later_refusal_pauses_shortly_and_an_answer_forgets_it() -> None:
    """An overloaded server answers 401 now and then."""
    clock = Clock()
    gate = sign_in(clock)
    for _ in range(5):
        assert await attempt(gate, None)
        assert await attempt(gate, "Http401")
        assert not await attempt(gate, None)
        clock.pass_(timedelta(minutes=1))


@pytest.mark.looptime
async def test_nobody_waits_for_ever_for_the_first_answer() -> None:
    gate = sign_in()
    async with gate.turn():
        with pytest.raises(Failure, match=WAITED_TOO_LONG):
            async with gate.turn():
                pytest.fail("a second call before the first was answered")
