"""``Plan``: the immutable product of planning, made of index arrays."""

from __future__ import annotations

from stagekit._declare.declaration import Declaration
from stagekit._plan.slots import Binding, Edge, Slot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Mapping, Optional, Tuple, Union

    from typing_extensions import Self

    from stagekit._base.problem import Problem
    from stagekit._base.refs import Ref
    from stagekit._plan.parameters import PlanParameter
    from stagekit._plan.policy import Policy
    from stagekit._plan.references import References
    from stagekit._plan.slots import Call
    from stagekit._plan.wiring import Provenance


class Plan:
    """An immutable plan: steps in order, bindings, edges. Made without calling a stage.

    Can be run many times and from many threads at once. Steps are numbered in a topological
    order: most hops to the end first, then order of declaration.

    Attributes:
        order: the stage id of each step.
        stages: the declaration of each step.
        parents: for each step, the steps that must have ended before it starts, ascending.
        children: the inverse of *parents*.
        needs: for each step, the parents whose value it cannot do without.
        turns: the rank by which one worker takes the steps: ``priority``, then step number.
        policies: by step, what was said of it beyond its needs: retries, a time limit, an
            executor, slots, how to undo it; and that it is a resource, or takes one item at a
            time. Empty where there is nothing of the kind.
        per_attempt: by step, the arguments that are made anew for every attempt: position, or
            name where it is passed by keyword, and class, such as ``CancelToken``.
        warnings: what planning wants to be known.
        target: what was planned, as text; empty for a whole registry.
        targets: the steps of the target; none for a whole registry, or a module.

    Example:
        >>> from stagekit import Registry, plan
        >>> registry = Registry()
        >>> a = registry.add(lambda: 1, id="a")
        >>> b = registry.add(lambda: 2, id="b", depends_on="a")
        >>> plan(registry=registry).order
        ('a', 'b')
    """

    __slots__ = (
        *("__weakref__", "_is_of_failure", "_provenance", "_references", "_ranks", "_width"),
        *("calls", "children"),
        *("constants", "critical", "has_priorities", "has_tuples", "indegree", "is_async"),
        *("needs", "order"),
        *(
            "overridden",
            "parents",
            "per_attempt",
            "policies",
            "replaced",
            "slots",
            "stages",
            "target",
            "targets",
        ),
        *("total", "turns", "warnings"),
    )

    order: Tuple[str, ...]
    stages: Tuple[Declaration, ...]
    calls: Tuple[Call, ...]
    is_async: bytes
    critical: bytes
    parents: Tuple[Tuple[int, ...], ...]
    children: Tuple[Tuple[int, ...], ...]
    needs: Tuple[Tuple[int, ...], ...]
    indegree: Tuple[int, ...]
    turns: Tuple[int, ...]
    has_priorities: bool
    has_tuples: bool
    slots: Tuple[Slot, ...]
    policies: Mapping[int, Policy]
    per_attempt: Mapping[int, Tuple[Tuple[Union[int, str], type], ...]]
    constants: int
    warnings: Tuple[Problem, ...]
    overridden: Mapping[str, int]
    replaced: Tuple[Declaration, ...]
    target: str
    targets: Tuple[int, ...]
    total: int
    _provenance: Provenance
    _references: Optional[References]
    _width: Optional[int]
    _is_of_failure: Optional[bool]
    _ranks: Optional[Tuple[Tuple[int, ...], Tuple[int, ...]]]

    def __init__(self, columns: Mapping[str, Any], provenance: Provenance) -> None:
        put = object.__setattr__
        for name, value in columns.items():
            put(self, name, value)
        put(self, "_provenance", provenance)
        put(self, "_references", None)
        put(self, "_width", None)
        put(self, "_is_of_failure", None)
        put(self, "_ranks", None)

    def _with_calls(self, calls: Tuple[Call, ...]) -> Self:
        """Return a plan of the same stages that are called in another way."""
        made = object.__new__(type(self))
        for cls in type(self).__mro__:
            for name in getattr(cls, "__slots__", ()):
                if name != "__weakref__":
                    object.__setattr__(made, name, getattr(self, name))
        object.__setattr__(made, "calls", calls)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a plan cannot be changed; plan anew to change {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a plan cannot be changed; plan anew to change {name!r}")

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[str]:
        return iter(self.order)

    def __contains__(self, stage: object) -> bool:
        try:
            self.step_of(stage)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # anything may be asked for
        except LookupError:
            return False
        return True

    def __repr__(self) -> str:
        return f"<Plan of {len(self)} stages>"

    @property
    def steps(self) -> Tuple[Declaration, ...]:
        """The declarations in the order of their steps."""
        return self.stages

    @property
    def rank(self) -> Tuple[int, ...]:
        """Ready steps start in ascending rank where several can run at once."""
        return self._both_ranks()[0]

    @property
    def by_rank(self) -> Tuple[int, ...]:
        """The steps by ascending rank."""
        return self._both_ranks()[1]

    def _both_ranks(self) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
        found = self._ranks
        if found is None:
            from stagekit._plan.rank import ranks_by_hops

            priorities = [stage.priority for stage in self.stages]
            found = ranks_by_hops(self.parents, self.children, priorities)
            object.__setattr__(self, "_ranks", found)
        return found

    @property
    def bindings(self) -> Tuple[Tuple[Binding, ...], ...]:
        """For each step, what fills each parameter."""
        from stagekit._plan.provenance import bindings_of

        return bindings_of(self._provenance, len(self))

    @property
    def parameters(self) -> Tuple[PlanParameter, ...]:
        """The parameters that can be set, or are: those that nothing fills, of plain types."""
        made = self._provenance
        if not made.wirings:
            return ()
        from stagekit._plan.parameters import described, settables

        own = [reading.parameters or () for reading in made.readings]
        found = settables(self.stages, own, made.wirings)
        return tuple([described(each, made.wirings[each.row]) for each in found])

    @property
    def provides(self) -> Tuple[Tuple[object, ...], ...]:
        """For each step, the keys that it provides."""
        from stagekit._plan.provenance import provided_by

        return provided_by(self._provenance, self.stages)

    @property
    def edges(self) -> Tuple[Edge, ...]:
        """Every edge with its kind and reason, by step number."""
        from stagekit._plan.provenance import edges_of

        return edges_of(self._provenance, self.parents)

    def step_of(self, stage: Ref, /) -> int:
        """Return the step number of a stage.

        Raises:
            LookupError: the stage is not in the plan; the text has near misses.
        """
        references = self._references
        if references is None:
            from stagekit._plan.references import References

            references = References(self.stages)
            object.__setattr__(self, "_references", references)
        found = references.find(stage)
        if isinstance(found, int):
            return found
        raise LookupError("; ".join([found.message, *found.notes]))

    def generations(self) -> Tuple[Tuple[str, ...], ...]:
        """Return the ids by level: a stage's level is one more than its parents' highest."""
        level = [0] * len(self)
        for step, above in enumerate(self.parents):
            level[step] = 1 + max([level[parent] for parent in above], default=-1)
        levels: List[List[str]] = [[] for _ in range(max(level, default=-1) + 1)]
        for step, number in enumerate(level):
            levels[number].append(self.order[step])
        return tuple(map(tuple, levels))

    def closure(self, stage: Ref, /) -> Tuple[str, ...]:
        """Return the ids of a stage and all its ancestors, in plan order."""
        seen = {self.step_of(stage)}
        stack = list(seen)
        while stack:
            for parent in self.parents[stack.pop()]:
                if parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return tuple(self.order[step] for step in sorted(seen))

    def ranked(self, durations: Optional[Mapping[str, float]] = None) -> Tuple[int, ...]:
        """Return a rank for each step by priority, then by longest remaining path.

        Args:
            durations: seconds by stage id; a stage without one counts with their mean. Without
                any, paths are measured in hops.
        """
        known = {self.step_of(stage): s for stage, s in (durations or {}).items() if stage in self}
        if not known:
            return self.rank
        from stagekit._plan.rank import ranks_by_seconds

        priorities = [stage.priority for stage in self.stages]
        return ranks_by_seconds(self.children, priorities, known)
