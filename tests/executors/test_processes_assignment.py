"""Who of a pool gets which call, whatever workers and callers do meanwhile; simulated by seeds."""

from __future__ import annotations

import random
from collections import deque
from types import SimpleNamespace
from typing import Any, Deque, Dict, List, Set

import pytest

from stagekit.executors._processes.assignment import Assignment

STEPS = 80  # that are drawn in each world


class Worker:
    """A worker and the pool's end of it: a call is in ``claims`` until it is begun or taken back.

    Attributes:
        begun: the call that it makes, if any.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent: Deque[Any] = deque()
        self.claims: Deque[Any] = deque()
        self.begun: Any = None
        self.is_ready = self.is_ending = False

    @property
    def wants_more(self) -> bool:
        """As of a link."""
        return len(self.sent) <= 2

    @property
    def waiting(self) -> int:
        """As of a link."""
        return len(self.sent) - 1 if self.is_ready else len(self.sent)

    def fits(self, call: Any) -> bool:
        """As of a link: large calls are not sent ahead."""
        return not self.is_ending and len(self.sent) <= 3 and not call.is_large

    def add(self, call: Any) -> None:
        """As of a link."""
        assert not self.is_ending, "it gets no more"
        call.link = self
        self.sent.append(call)
        self.claims.append(call)

    def take_back(self, most: int) -> List[Any]:
        """As of a link."""
        taken = [self.claims.popleft() for _ in range(min(most, len(self.claims)))]
        for call in taken:
            self.sent.remove(call)
            call.link = None
        return taken


class World:
    """A assignment, its workers, and all calls that there ever were."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a story, no secret
        self.size = self.chance.randint(1, 3)
        self.started = 0
        assignment: Any = Assignment(self.size, self.start)  # Any: its links are workers
        self.assignment = assignment
        self.calls: List[Any] = []
        self.open: Dict[int, Any] = {}
        self.begun: Set[int] = set()

    def start(self) -> Any:
        """Start a worker."""
        self.started += 1
        self.assignment.links[self.started] = Worker(self.started)
        return self.assignment.links[self.started]

    def submit(self) -> None:
        """Have a call made."""
        number, batch = len(self.calls), self.chance.choice([None, "one", "two"])
        is_large = self.chance.random() < 0.1
        call = SimpleNamespace(number=number, link=None, batch=batch, is_large=is_large)
        self.calls.append(call)
        self.open[number] = call
        self.assignment.queue.append(call)

    def withdraw(self) -> None:
        """Have a call not made after all."""
        call = self.chance.choice(list(self.open.values()) or [None])
        if call is not None and self.assignment.withdraw(call):
            self.end(call, begun=False)

    def recall(self) -> None:
        """Have no call of a batch made."""
        for call in self.assignment.recall("one"):
            assert "one" == call.batch
            self.end(call, begun=False)
        left = {number for number, call in self.open.items() if "one" == call.batch}
        assert left <= self.begun

    def work(self) -> None:
        """Have a worker be ready, begin a call, or answer it."""
        worker = self.chance.choice(list(self.assignment.links.values()) or [None])
        if worker is None:
            return
        if not worker.is_ready:
            worker.is_ready = True
        elif worker.begun is None and worker.claims:
            worker.begun = worker.claims.popleft()
            assert worker.begun.number not in self.begun, "made twice"
            self.begun.add(worker.begun.number)
            return  # of which nobody hears
        elif worker.begun is not None:
            assert worker.sent.popleft() is worker.begun
            worker.begun.link = None
            self.end(worker.begun, begun=True)
            worker.begun = None
        if not worker.sent and not worker.is_ending:
            self.assignment.idle(worker)

    def stop(self) -> None:
        """Have a worker leave, which it does later."""
        for worker in self.assignment.links.values():
            if worker.begun is not None:
                self.assignment.spare(worker)
                break

    def die(self) -> None:
        """Have a worker die."""
        worker = self.chance.choice(list(self.assignment.links.values()) or [None])
        if worker is not None:
            begun = self.assignment.bury(worker)
            assert begun == ([] if worker.begun is None else [worker.begun])
            for call in begun:
                self.end(call, begun=True)

    def end(self, call: Any, *, begun: bool) -> None:
        """Note that a call is over."""
        assert (call.number in self.begun) == begun
        del self.open[call.number]

    def settle(self) -> None:
        """Give out what waits; then nobody who could make a call has nothing to do."""
        self.assignment.give_out()
        assignment, links = self.assignment, self.assignment.links.values()
        assert len(links) <= self.size
        free = [link for link in links if link.is_ready and not link.is_ending and not link.sent]
        room = len(links) < self.size
        assert not assignment.queue or not (free or room), "a call waits for nobody"
        unbegun = [call for link in links for call in link.claims if link.begun is not None]
        assert not unbegun or not (free or room), "a call waits behind another one"
        places = [call for link in links for call in link.sent] + list(assignment.queue)
        assert sorted(call.number for call in places) == sorted(self.open)


@pytest.mark.parametrize("block", range(10))
def test_no_call_waits_while_a_worker_is_free(block: int) -> None:
    """Each is begun once at most, none is lost, and all of them end once nothing else happens."""
    for seed in range(block * 100, block * 100 + 100):
        world = World(seed)
        deeds = [world.submit, world.submit, world.work, world.work, world.work]
        deeds += [world.withdraw, world.recall, world.stop, world.die]
        for _ in range(STEPS):
            world.chance.choice(deeds)()
            world.settle()
        turns = 0
        while world.open:
            turns += 1
            assert turns < 10_000, f"seed {seed}: it never ends"
            world.chance.choice([world.work, world.work, world.die])()
            world.settle()
