"""Which of the ready calls starts next: nothing is exceeded, and nobody waits for ever."""

from __future__ import annotations

import random
from typing import List, Tuple

from hypothesis import given
from hypothesis import strategies as st

from stagekit._run.state.slots import Demand, SlotQueue

Running = List[Tuple[int, int, Demand]]  # step, lane, demand

DEMANDS: Tuple[Demand, ...] = ((), (("db", 1),), (("db", 2),), (("db", 1), ("gpu", 1)))


class Traffic:
    """A queue that is never empty: wherever something ends, others have come meanwhile."""

    def __init__(self, seed: int, capacity: List[int], db: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        self.capacity = capacity
        self.queue = SlotQueue(capacity, {"db": db, "gpu": 1})
        self.running: Running = []
        self.step = 0

    def widen(self) -> None:
        """Give each lane another number of extra places."""
        for lane in range(len(self.capacity)):
            self.queue.widen(lane, self.chance.randint(0, 4))

    def come(self) -> None:
        """Have more calls wait, all of them of a worse rank than those before."""
        for _ in range(self.chance.randint(1, 4)):
            lane = self.chance.randrange(len(self.capacity))
            self.push(lane, self.chance.choice(DEMANDS))

    def push(self, lane: int, demand: Demand) -> int:
        """Have one call wait; return its step."""
        self.step += 1
        is_patient = self.chance.random() < 0.5
        self.queue.push((self.step, -1, self.step), lane, demand, is_patient=is_patient)
        return self.step

    def start(self) -> None:
        """Start what may start."""
        while True:
            taken = self.queue.take()
            if taken is None:
                return
            (_, _, step), lane, demand = taken
            self.running.append((step, lane, demand))
            self.queue.validate()

    def pass_on(self) -> None:
        """Have all that runs now end, one after another, while others come and start."""
        ending = list(self.running)
        self.chance.shuffle(ending)
        for each in ending:
            self.running.remove(each)
            self.queue.release(each[1], each[2])
            self.come()
            self.start()


@given(
    st.integers(0, 10**9),
    st.lists(st.integers(1, 3), min_size=1, max_size=3),
    st.integers(2, 4),
    st.sampled_from(DEMANDS),
)
def test_the_best_call_starts_once_what_was_before_it_has_ended(
    seed: int, capacity: List[int], db: int, demand: Demand
) -> None:
    """However much comes after it in whatever lane: once for its slots, once for its place."""
    traffic = Traffic(seed, capacity, db)
    traffic.come()
    traffic.start()
    traffic.widen()
    traffic.start()
    # What waited before it is gone: the one that is looked at is the best of all from here on.
    traffic.queue.clear()
    step = traffic.push(traffic.chance.randrange(len(capacity)), demand)
    traffic.start()
    traffic.pass_on()
    traffic.pass_on()
    assert step not in traffic.queue.steps()


def test_who_waits_for_a_place_keeps_the_slots_that_it_needs() -> None:
    """A worse call in another lane does not get what the better one is going to need."""
    queue = SlotQueue([1, 1], {"db": 1})
    queue.push((0, -1, 0), 0, ())
    assert ((0, -1, 0), 0, ()) == queue.take()
    queue.push((1, -1, 1), 0, (("db", 1),))
    queue.push((2, -1, 2), 1, (("db", 1),))
    queue.push((3, -1, 3), 1, ())
    assert ((3, -1, 3), 1, ()) == queue.take()
    assert None is queue.take()
    queue.release(0, ())
    assert ((1, -1, 1), 0, (("db", 1),)) == queue.take()


def test_only_patient_calls_have_extra_places() -> None:
    """What has a time limit waits for a place of its own, and holds the lane until it has one."""
    queue = SlotQueue([1], {})
    queue.widen(0, 2)
    for step in range(4):
        queue.push((step, -1, step), 0, (), is_patient=step != 1)
    assert ((0, -1, 0), 0, ()) == queue.take()
    assert None is queue.take()
    assert None is queue.take_after(0, [1] * 4)
    queue.release(0, ())
    assert ((1, -1, 1), 0, ()) == queue.take()
    assert ((2, -1, 2), 0, ()) == queue.take()
    assert ((3, -1, 3), 0, ()) == queue.take()


def test_a_lane_that_was_narrowed_empties_before_it_fills() -> None:
    """Who is in an extra place keeps it to its end; nobody follows there."""
    queue = SlotQueue([1], {})
    queue.widen(0, 2)
    for step in range(6):
        queue.push((step, -1, step), 0, ())
    for step in range(3):
        assert ((step, -1, step), 0, ()) == queue.take()
    queue.widen(0, 0)
    assert None is queue.take_after(0, [1] * 6)
    for _ in range(2):
        queue.release(0, ())
        assert None is queue.take()
    assert (3, -1, 3) == queue.take_after(0, [1] * 6)
    queue.release(0, ())
    assert ((4, -1, 4), 0, ()) == queue.take()
    assert None is queue.take()
