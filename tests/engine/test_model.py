"""The invariants of the engine, held against whatever order things happen in.

Two members of one group read two partitions. Hypothesis decides who answers what and when, what is acknowledged, what
the broker and the store refuse, and when members come and go. The oracle knows only what was answered. In the end
everything is let go, and nothing may be left over.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import looptime
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from daemon.bus.dispositions import Dead, Disposition, Done, Park, PermanentError, Skip, TransientError
from daemon.bus.engine import Engine, Progress
from daemon.bus.port import BusError, Record, TopicPartition
from daemon.bus.routes import Delivery, Route
from tests.engine.worlds import GROUP, HINTS, LETTERS, MemoryWorld, Spec

ORIGIN_PARTITION, ORIGIN_OFFSET = "x-dlq-original-partition", "x-dlq-original-offset"
KEYS = (b"anna", b"bob", b"carla", None)
PARTITIONS = 2
IN_FLIGHT, PARTITION_IN_FLIGHT, WINDOW, WINDOW_BYTES, POLL = 3, 2, 12, 200, 4
RECORD_BYTES = 40


@dataclass(eq=False)
class Visit:
    """One attempt at a delivery, waiting for its answer."""

    owner: str
    records: tuple[Record, ...]
    answer: asyncio.Future[Disposition] = field(repr=False)


class Oracle:
    """What was answered, by whom."""

    def __init__(self) -> None:
        self.finished: set[tuple[TopicPartition, int]] = set()
        self.settled_by: Counter[tuple[str, TopicPartition, int]] = Counter()
        self.started: dict[tuple[str, TopicPartition, bytes | None], int] = {}

    def visited(self, visit: Visit, others: list[Visit]) -> None:
        first = visit.records[0]
        lane = (visit.owner, first.source, first.key)
        assert first.offset >= self.started.get(lane, -1), "a key's records ran out of order"
        self.started[lane] = first.offset
        beside = [(v.owner, v.records[0].source, v.records[0].key) for v in others]
        assert lane not in beside, "two records of a key ran at once"

    def settled(self, visit: Visit) -> None:
        for record in visit.records:
            self.settled_by[visit.owner, record.source, record.offset] += 1
            assert self.settled_by[visit.owner, record.source, record.offset] == 1, "settled twice in one epoch"


class EngineMachine(RuleBasedStateMachine):
    """See the module."""

    @initialize()
    def begin(self) -> None:
        """A loop of its own, in virtual time."""
        self.loop = looptime.new_event_loop(start=0, end=None)
        self.oracle = Oracle()
        self.visits: list[Visit] = []
        self.acknowledgements: list[tuple[Visit, asyncio.Future[None]]] = []
        self.members: list[tuple[Engine, asyncio.Event, asyncio.Task[None]]] = []
        self.loop.run_until_complete(self._begin())
        self.join()

    async def _begin(self) -> None:
        self.world = MemoryWorld(
            Spec(HINTS, partitions=PARTITIONS),
            in_flight=IN_FLIGHT,
            partition_in_flight=PARTITION_IN_FLIGHT,
            window=WINDOW,
            window_bytes=WINDOW_BYTES,
            poll_records=POLL,
            poll_wait=timedelta(seconds=1),
            commit_interval=timedelta(seconds=1),
        )

    # what may happen

    @rule(key=st.sampled_from(KEYS), times=st.integers(1, 6))
    def produce(self, key: bytes | None, times: int) -> None:
        for _ in range(times):
            self.world.broker.append(HINTS, key=key, value=bytes(RECORD_BYTES - len(key or b"")))
        self.pass_time(0.2)

    @rule(seconds=st.sampled_from([0.01, 0.2, 1.0, 8.0, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), kind=st.sampled_from(["done", "output", "skip", "park", "dead"]))
    def answer(self, data: st.DataObject, kind: str) -> None:
        visit = data.draw(st.sampled_from(self.visits))
        self._answer(visit, kind)
        self.pass_time(0.01)

    @precondition(lambda self: self.visits)
    @rule(data=st.data(), error=st.sampled_from([TransientError("busy"), PermanentError("never"), ValueError("?")]))
    def fail(self, data: st.DataObject, error: Exception) -> None:
        visit = data.draw(st.sampled_from(self.visits))
        self.visits.remove(visit)
        visit.answer.set_exception(error)
        self.pass_time(0.01)

    @precondition(lambda self: self.acknowledgements)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        self._acknowledge(data.draw(st.sampled_from(self.acknowledgements)))
        self.pass_time(0.2)

    @precondition(lambda self: len(self.members) < 2)
    @rule()
    def join(self) -> None:
        self.loop.run_until_complete(self._join())

    @precondition(lambda self: len(self.members) == 2)
    @rule(which=st.integers(0, 1))
    def leave(self, which: int) -> None:
        _, stop, task = self.members.pop(which)
        stop.set()
        self.pass_time(10)
        assert task.done()
        task.result()

    @rule(operation=st.sampled_from(["commit", "send"]), after=st.booleans())
    def break_broker(self, operation: str, after: bool) -> None:
        self.world.broker.faults.fail(operation, BusError("out of order"), after=after)

    @rule(after=st.booleans())
    def break_store(self, after: bool) -> None:
        self.world.positions.faults.fail("save", OSError("disk full"), after=after)

    @rule(source=st.integers(0, PARTITIONS - 1), data=st.data())
    def compact(self, source: int, data: st.DataObject) -> None:
        """Only what is finished is taken away, else the oracle would wait for what nobody can have seen."""
        partition = TopicPartition(HINTS, source)
        done = sorted(offset for where, offset in self._finished() if where == partition)
        if done:
            self.world.broker.compact(partition, removed=data.draw(st.sets(st.sampled_from(done))))

    # what must always hold

    @invariant()
    def commits_only_what_is_finished(self) -> None:
        finished = self._finished()
        for source, offset in self.world.broker.committed(GROUP).items():
            unfinished = [n for n in range(offset) if (source, n) not in finished]
            assert not unfinished, f"{source} was committed up to {offset} without {unfinished}"

    @invariant()
    def commits_only_what_is_stored(self) -> None:
        for source, offset in self.world.broker.committed(GROUP).items():
            assert offset <= self.world.positions.offsets.get(source, 0)

    @invariant()
    def stays_within_limits(self) -> None:
        for engine, _, _ in self.members:
            progress = self.loop.run_until_complete(_progress(engine))
            assert progress.in_flight <= min(IN_FLIGHT, progress.partitions * PARTITION_IN_FLIGHT)
            assert progress.window <= WINDOW * progress.partitions
            for partition in engine._partitions.values():
                assert partition.tracker.window <= WINDOW
                assert partition.tracker.window_bytes < WINDOW_BYTES + POLL * RECORD_BYTES

    @invariant()
    def nobody_failed(self) -> None:
        for _, _, task in self.members:
            assert not task.done() or task.result() is None

    def teardown(self) -> None:
        """Everything is let go: everything that came in is finished and committed."""
        for _ in range(60):
            if self._at_rest():
                break
            while self.visits:
                self._answer(self.visits[0], "done")
                self.pass_time(0.01)
            for waiting in list(self.acknowledgements):
                self._acknowledge(waiting)
            self.pass_time(5)
        assert self._at_rest(), "something was left over"
        for _, stop, _ in self.members:
            stop.set()
        self.pass_time(20)
        for _, _, task in self.members:
            assert task.done(), "a member did not stop"
            task.result()
        self.loop.close()

    # how

    async def _join(self) -> None:
        engine = self.world.member(
            routes=[Route(HINTS, self._process)], park=self._park, carried_over=self._carried_over
        )
        stop = asyncio.Event()
        self.members.append((engine, stop, asyncio.create_task(engine.run(stop))))
        await asyncio.sleep(0.1)

    async def _process(self, delivery: Delivery) -> Disposition:
        position = delivery.position()
        visit = Visit(position.owner, delivery.records, self.loop.create_future())
        self.oracle.visited(visit, self.visits)
        self.visits.append(visit)
        try:
            disposition = await visit.answer
            if isinstance(disposition, Done):
                self.world.positions.settle([delivery.position()])
            return disposition
        finally:
            if visit in self.visits:
                self.visits.remove(visit)

    async def _park(self, delivery: Delivery, until: datetime, reason: str) -> None:
        self.world.positions.settle([delivery.position()])
        self._finish(delivery.records)

    async def _carried_over(self) -> None:
        """What was put out before, by whomever, and has not arrived yet."""
        left_behind = [acknowledged for _, acknowledged in self.acknowledgements]
        if left_behind:
            await asyncio.wait(left_behind)

    def _answer(self, visit: Visit, kind: str) -> None:
        self.visits.remove(visit)
        self.oracle.settled(visit)
        acknowledged: asyncio.Future[None] = self.loop.create_future()
        answers: dict[str, Disposition] = {
            "done": Done(),
            "output": Done(acknowledged),
            "skip": Skip("option_off"),
            "park": Park(datetime.now(UTC) + timedelta(minutes=1), "paused"),
            "dead": Dead("permanent", "never"),
        }
        if kind == "output":
            self.acknowledgements.append((visit, acknowledged))
        if kind in ("done", "skip"):
            self._finish(visit.records)
        visit.answer.set_result(answers[kind])

    def _acknowledge(self, waiting: tuple[Visit, asyncio.Future[None]]) -> None:
        self.acknowledgements.remove(waiting)
        visit, acknowledged = waiting
        self._finish(visit.records)
        if not acknowledged.done():
            acknowledged.set_result(None)

    def _finish(self, records: Any) -> None:
        self.oracle.finished |= {(record.source, record.offset) for record in records}

    def _finished(self) -> set[tuple[TopicPartition, int]]:
        """What was answered and has arrived; a dead record, if its letter has."""
        return self.oracle.finished | {_origin(letter) for letter in self.world.broker.records(LETTERS)}

    def _at_rest(self) -> bool:
        ends = {source: self.world.broker.log(source).end for source in self.world.broker.sources([HINTS])}
        committed = self.world.broker.committed(GROUP)
        return all(committed.get(source, 0) == end for source, end in ends.items())


async def _progress(engine: Engine) -> Progress:
    return engine.progress()


def _origin(letter: Record) -> tuple[TopicPartition, int]:
    headers = {name: int(value or b"") for name, value in letter.headers if name in (ORIGIN_PARTITION, ORIGIN_OFFSET)}
    return TopicPartition(HINTS, headers[ORIGIN_PARTITION]), headers[ORIGIN_OFFSET]


EngineMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestEngine = EngineMachine.TestCase
