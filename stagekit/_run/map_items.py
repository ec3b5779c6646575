"""The items that an ``Each`` stage is called for, one after another."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from stagekit._base.nested import NoListError, Shape, flat
from stagekit._declare.context import Context, of_item
from stagekit._run.attempt import arguments, of_attempt
from stagekit.errors import BadValueError

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan
    from stagekit._run.state.columns import Columns

Place = Union[int, str]


class MapItems:
    """The lists of a run that stages take one item of."""

    def __init__(self, plan: Plan, columns: Columns) -> None:
        self._plan = plan
        self._columns = columns
        self._lists = columns.item_lists  # by parameter
        self._names: Dict[int, Dict[Place, str]] = {}
        self._lone: Dict[int, Tuple[Any, str]] = {}  # of stages that take nothing but an item
        self._contexts: Dict[int, List[Place]] = {}  # where a stage hears of its call
        self._left_out: Dict[int, FrozenSet[int]] = {}  # by stage, those that left out items for it
        self._gone: List[Tuple[object, List[Any]]] = []  # iterators, and what they gave

    def expand(
        self, step: int, fetch: Callable[[Any], Any]
    ) -> Tuple[Shape, Optional[BaseException]]:
        """Make the lists of a stage; return their shape, or what is wrong.

        Args:
            step: the stage.
            fetch: brings a list here that may be elsewhere.
        """
        policy = self._plan.policies[step]
        fn, args, kwargs = arguments(self._plan.calls[step], self._columns.values)
        lists: Dict[Place, List[Any]] = {}
        shapes: Dict[Place, Shape] = {}
        for place in policy.each:
            value = args[place] if isinstance(place, int) else kwargs[place]
            try:
                lists[place], shapes[place] = flat(self._again(value), policy.depth, fetch)
            except NoListError as error:
                return 0, self._no_list(step, place, str(error))
            except Exception as error:  # noqa: BLE001 - of what the provider returned
                return 0, error
        gaps = [self._gaps(self._providers(step, place)) for place in policy.each]
        if len(set(shapes.values())) > 1:
            return 0, BadValueError(self._unequal(step, shapes))
        if len(set(filter(None, gaps))) > 1:
            return 0, BadValueError(self._unpaired(step, policy.each, gaps))
        if any(gaps):
            self._left_out[step] = frozenset().union(*gaps)
        bindings = self._plan.bindings[step]
        names = {
            place: bindings[place].parameter if isinstance(place, int) else place for place in lists
        }
        self._names[step] = names
        self._lists[step] = {names[place]: items for place, items in lists.items()}
        places: List[Tuple[Place, Any]] = [*enumerate(args), *kwargs.items()]
        found = [place for place, value in places if type(value) is Context]
        if found:
            self._contexts[step] = found
        elif len(places) == 1 and not kwargs and not hasattr(fn, "for_attempt"):
            self._lone[step] = fn, names[0]
        return next(iter(shapes.values())), None

    def _again(self, value: Any) -> Any:  # Any: whatever the provider returned
        """Return an iterator, which can be gone through once only, as a list."""
        if not hasattr(value, "__next__"):
            return value
        for iterator, items in self._gone:
            if iterator is value:
                return items
        self._gone.append((value, list(value)))
        return self._gone[-1][1]

    def count(self, step: int) -> int:
        """Return how many items a stage is called for."""
        return len(next(iter(self._lists[step].values())))

    def text(self, step: int, item: int) -> str:
        """Return which item this is, for people; empty where the lists could not be had."""
        from stagekit._base.value_text import item_text  # only where one has failed

        return item_text(self._lists.get(step), item)

    def call(
        self, step: int, item: int, attempt: int = 1
    ) -> Tuple[Any, Tuple[Any, ...], Dict[str, Any]]:
        """Return the function and the arguments of the call for one item."""
        if step in self._lone:  # as nearly always
            fn, name = self._lone[step]
            return fn, (self._lists[step][name][item],), {}
        fn, args, kwargs = arguments(self._plan.calls[step], self._columns.values)
        places = list(args)
        named = dict(kwargs)
        lists = self._lists[step]
        for place, name in self._names[step].items():
            if isinstance(place, int):
                places[place] = lists[name][item]
            else:
                named[place] = lists[name][item]
        for place in self._contexts.get(step, ()):
            if isinstance(place, int):
                places[place] = of_item(places[place], item)
            else:
                named[place] = of_item(named[place], item)
        return of_attempt(fn, attempt, item), tuple(places), named

    def _no_list(self, step: int, place: Place, name: str) -> BadValueError:
        """Say that a provider returned no list, where its annotation promises one."""
        providers = [self._plan.order[each] for each in self._providers(step, place)]
        who = f"`{providers[0]}` returned" if providers else "was given"
        text = f"takes the items of what {who}, which is no list, but of type `{name}`"
        error = BadValueError(text)
        error.stage_id = providers[0] if providers else None
        return error

    def _providers(self, step: int, place: Place) -> Tuple[int, ...]:
        bindings = self._plan.bindings[step]
        if isinstance(place, int):
            return bindings[place].providers
        return next(each.providers for each in bindings if each.parameter == place)

    def _gaps(self, providers: Sequence[int]) -> FrozenSet[int]:
        """Return the stages that have left out items of a list, or of those it was made from."""
        gaps: Set[int] = set()
        for step in providers:
            gaps |= self._left_out.get(step, frozenset())
            items = self._columns.items.get(step)
            if items is not None and items.left_out and items.failed:
                gaps.add(step)
        return frozenset(gaps)

    def _unpaired(self, step: int, places: Sequence[Place], gaps: Sequence[FrozenSet[int]]) -> str:
        names = [binding.parameter for binding in self._plan.bindings[step]]
        taken = [f"`{names[place] if isinstance(place, int) else place}`" for place in places]
        who = sorted({self._plan.order[each] for several in gaps for each in several})
        return (
            f"takes items of {' and '.join(taken)} side by side, which do not belong together any "
            f"more: {' and '.join(f'`{each}`' for each in who)} left out items that failed; "
            "have one stage return both values of an item"
        )

    def _unequal(self, step: int, shapes: Dict[Place, Shape]) -> str:
        names = [binding.parameter for binding in self._plan.bindings[step]]
        shown = " and ".join(
            f"`{names[place] if isinstance(place, int) else place}` has {shape}"
            for place, shape in shapes.items()
        )
        return f"takes items of several lists side by side, which differ in length: {shown}"
