"""Which of the ready calls starts next: by rank, within lanes and slots.

Calls that need the same lane and the same slots are of one class; only the best of each class has
to be looked at, however many are ready. The best call that lacks a slot, or a place in its lane,
reserves the slots that it needs: those after it in rank do not get in between, so that a call that
needs many slots does not wait for ever.

A lane may have extra places, beside those that carry calls out: in them calls are sent ahead of
their turn, so that a carrier that is far away has the next call before it has ended one. They are
for patient calls alone, which take no slot, and have no time limit that would run meanwhile.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

Demand = Tuple[Tuple[str, int], ...]  # names of slots and how many of each
Waiting = Tuple[int, int, int]  # rank, item, step
_Class = Tuple[int, Demand, bool]  # lane, demand, is patient
_ANY = 1 << 60  # more calls than there are


class SlotQueue:
    """Ready calls and what is free for them.

    Attributes:
        free: of each lane, the places that are not taken; below 0 where it has been narrowed.
        extra: of each lane, how many places it has beside its capacity.

    Args:
        capacity: of each lane, how many calls it makes at once.
        slots: the capacity of each named slot.
        width: how many calls may be under way in all lanes together; None for any number.
    """

    def __init__(
        self, capacity: Sequence[int], slots: Mapping[str, int], width: Optional[int] = None
    ) -> None:
        self.free = list(capacity)
        self.extra = [0] * len(capacity)
        self.slots: Dict[str, int] = dict(slots)
        self.width = _ANY if width is None else width
        self._classes: Dict[_Class, List[Waiting]] = {}
        self.count = 0

    def push(self, waiting: Waiting, lane: int, demand: Demand, *, is_patient: bool = True) -> None:
        """Add a call that may start as soon as there is room; if it is patient, an extra place."""
        which = (lane, demand, is_patient and not demand)
        heappush(self._classes.setdefault(which, []), waiting)
        self.count += 1

    def widen(self, lane: int, extra: int) -> None:
        """Have a lane have so many extra places from now on; nobody has to leave one."""
        self.free[lane] += extra - self.extra[lane]
        self.extra[lane] = extra

    def take(self) -> Optional[Tuple[Waiting, int, Demand]]:
        """Return the best call that may start now, its place taken; None where none may."""
        if self.width < 1 or not self.count:
            return None
        heads = sorted([(heap[0], which) for which, heap in self._classes.items()])
        reserved: Dict[str, int] = {}
        held: Set[int] = set()  # lanes in which a better call waits for a place
        for waiting, which in heads:
            lane, demand, _ = which
            has_place = lane not in held and self._has_place(which)
            if not has_place or not self._fits(demand, reserved):
                for name, count in demand:
                    reserved[name] = reserved.get(name, 0) + count
                if not has_place:
                    held.add(lane)
                continue
            heap = self._classes[which]
            heappop(heap)
            if not heap:
                del self._classes[which]
            self.count -= 1
            self._change(lane, demand, -1)
            return waiting, lane, demand
        return None

    def take_after(self, lane: int, may_follow: Sequence[int]) -> Optional[Waiting]:
        """Return the call to go on with in the place of one that has ended, or None.

        It is the best that could start there, has no demand, and its step *may_follow*.
        The place stays taken.
        """
        heap = self._classes.get((lane, (), True))
        if not heap or not may_follow[heap[0][2]] or self.free[lane] < 0:
            return None
        best, is_narrow = heap[0], self.width < 1
        if len(self._classes) > 1:
            for (other, demand, _), rivals in self._classes.items():
                is_near = other == lane or (is_narrow and self.free[other] > 0)
                if is_near and rivals[0] < best and self._fits(demand, {}):
                    return None
        heappop(heap)
        if not heap:
            del self._classes[lane, (), True]
        self.count -= 1
        return best

    def take_next_item(self, lane: int, step: int, count: int) -> int:
        """Return the item of a step to go on with in the place of one that has ended, or -1.

        Nothing else waits. The item after it does so now, up to the *count* of them.
        """
        heap = self._classes.get((lane, (), True)) if self.count == 1 else None
        if heap is None or heap[0][2] != step or self.free[lane] < 0:
            return -1
        rank, item, _ = heap[0]
        if item + 1 < count:
            heap[0] = (rank, item + 1, step)
        else:
            del self._classes[lane, (), True]
            self.count = 0
        return item

    @property
    def could_start(self) -> bool:
        """Whether any call has a place to start in, slots that are reserved aside."""
        if self.width < 1:
            return False
        for each in self._classes:  # noqa: SIM110 - asked after each call of a plain stage
            if self._has_place(each) and self._fits(each[1], {}):
                return True
        return False

    def release(self, lane: int, demand: Demand) -> None:
        """Give back the place of a call that has ended."""
        self._change(lane, demand, 1)

    def clear(self, step: Optional[int] = None) -> List[Waiting]:
        """Take out the calls of one step, or all; return them in order of rank."""
        gone: List[Waiting] = []
        for which, heap in list(self._classes.items()):
            kept = [] if step is None else [each for each in heap if each[2] != step]
            gone += [each for each in heap if step is None or each[2] == step]
            if kept:
                self._classes[which] = sorted(kept)
            else:
                del self._classes[which]
        self.count -= len(gone)
        return sorted(gone)

    def steps(self) -> List[int]:
        """Return the step of each call that waits."""
        return [step for heap in self._classes.values() for _, _, step in heap]

    def validate(self) -> None:
        """Check that nothing is taken that there is not; for tests."""
        assert self.count == len(self.steps())  # noqa: S101 - this is a test
        assert min([0, self.width, *self.slots.values()]) == 0  # noqa: S101 - as above

    def _has_place(self, which: _Class) -> bool:
        lane, _, is_patient = which
        return self.free[lane] - (0 if is_patient else self.extra[lane]) > 0

    def _fits(self, demand: Demand, reserved: Mapping[str, int]) -> bool:
        if not demand:
            return True
        return all(self.slots[name] - reserved.get(name, 0) >= count for name, count in demand)

    def _change(self, lane: int, demand: Demand, by: int) -> None:
        self.width += by
        self.free[lane] += by
        for name, count in demand:
            self.slots[name] += by * count
