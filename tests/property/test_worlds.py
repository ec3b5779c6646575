"""Worlds of names among equals, parameters that are set, and generics, beside plain rules.

``Rules`` says by the rules of the manual what fills each parameter of a small program; planning
has to find the same, and a run has to pass it.
"""

from __future__ import annotations

from pathlib import Path
from typing import (
    Any,
    Callable,
    Collection,
    Dict,
    Generic,
    List,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    TypeVar,
)

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from stagekit import PlanError, Registry, plan

T = TypeVar("T")
type_variable: Any = TypeVar  # called with names that are bound to no variable


class Rows:
    """A type of one's own."""


class Marks:
    """Another one."""


class Box(Generic[T]):
    """A generic one."""


NAMES = ["a", "b", "c", "d", "e", "f"]
SCALARS: List[Any] = [int, str]
SIMPLE: List[Any] = [*SCALARS, Path, Optional[int]]
TYPES: List[Any] = [Rows, Rows, Marks, *SIMPLE, List[int], List[Rows], Box[Rows], Box[int]]
KEYS = {Optional[int]: [int]}  # what may fill it
SETTABLE: List[Any] = [*SIMPLE, List[int]]
NOTHING = "nothing"


class Taken(NamedTuple):
    """A parameter."""

    name: str
    type: Any
    has_default: bool
    is_set: bool


class Function(NamedTuple):
    """A stage: plain, or a method of a generic class, whose subclass says what its types are."""

    name: str
    takes: Tuple[Taken, ...]
    returns: Any
    is_method: bool


World = Tuple[Function, ...]
Asked = Tuple[int, int]  # which stage, and which of its parameters


@st.composite
def functions(draw: st.DrawFn, name: str, kinds: List[Any]) -> Function:
    """Draw a stage that takes up to three values of some types, and returns one."""
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    takes: List[Taken] = []
    for each in names:
        kind = draw(st.sampled_from(kinds))
        has_default = draw(st.integers(0, 1 if kind not in SETTABLE else 3)) == 0
        is_set = draw(st.integers(0, 1 if kind in SETTABLE and not has_default else 19)) == 0
        takes.append(Taken(each, kind, has_default, is_set))
    returns = draw(st.sampled_from([KEYS.get(each, [each])[0] for each in kinds]))
    return Function(name, tuple(takes), returns, draw(st.booleans()))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw up to six stages, which have up to four types between them."""
    kinds = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=4))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    return tuple(draw(functions(name, kinds)) for name in names)


def called(name: str, passed: Dict[str, Any]) -> Any:
    """Return what a stage made of what it was passed: nothing but that decides."""
    return (name, *sorted((key, repr(value)) for key, value in passed.items()))


def declared(world: World) -> Registry:
    """Return the stages of a world."""
    registry = Registry()
    for function in world:
        registry.add(made(function), id=f"world.{function.name}")
    return registry


def made(function: Function) -> Callable[..., Any]:
    """Return the function of a stage, by its text: annotations of methods are type variables."""
    names: Dict[str, Any] = {"called": called, "Any": Any, "NOTHING": NOTHING, "Generic": Generic}
    types = [*[each.type for each in function.takes], function.returns]
    for number, each in enumerate(types):
        names[f"K{number}"] = each
        names[f"T{number}"] = type_variable(f"T{number}")
    letter = "T" if function.is_method else "K"
    parameters = [
        f"{each.name}: {letter}{number}" + (" = NOTHING" if each.has_default else "")
        for number, each in enumerate(function.takes)
    ]
    passed = ", ".join(f"{each.name!r}: {each.name}" for each in function.takes)
    head = f"def {function.name}({{}}) -> {letter}{len(types) - 1}:"
    body = f"return called({function.name!r}, {{{passed}}})"
    keyword_only = ["*", *parameters] if parameters else []
    if not function.is_method:
        exec(f"{head.format(', '.join(keyword_only))} {body}", names)  # noqa: S102
        return names[function.name]  # type: ignore[no-any-return]
    every = range(len(types))
    text = (
        f"class Base(Generic[{', '.join(f'T{n}' for n in every)}]):\n"
        f"    {head.format(', '.join(['self', *keyword_only]))} {body}\n"
        f"class Own(Base[{', '.join(f'K{n}' for n in every)}]): pass\n"
    )
    exec(text, names)  # noqa: S102
    return getattr(names["Own"](), function.name)  # type: ignore[no-any-return]


class Rules:
    """What fills each parameter of a world: by type, else by name, else by order.

    Attributes:
        filled: the stage that fills a parameter.
        free: the parameters that no stage fills.
        undecided: the stages that could fill a parameter, where they are several.
        ways: which rules were used.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.filled: Dict[Asked, int] = {}
        self.free: Set[Asked] = set()
        self.undecided: Dict[Asked, List[int]] = {}
        self.ways: Set[str] = set()
        self.asked = [(s, p) for s, each in enumerate(world) for p in range(len(each.takes))]
        for each in self.asked:
            self._fill(each)
        self._fill_by_order()
        for each in self.asked:
            if self.taken(each).is_set and self._outweighs(each):
                self.undecided.pop(each, None)
                self.filled.pop(each, None)
                self.free.add(each)
                self.ways.add("set all the same")

    def taken(self, asked: Asked) -> Taken:
        """Return a parameter."""
        return self.world[asked[0]].takes[asked[1]]

    def _fill(self, asked: Asked) -> None:
        taken = self.taken(asked)
        kinds = KEYS.get(taken.type, [taken.type])
        every = [n for n, other in enumerate(self.world) if other.returns in kinds]
        others = [n for n in every if n != asked[0]]
        named = [n for n in others if self.world[n].name == taken.name]
        if not every or (taken.has_default and all(kind in SCALARS for kind in kinds)):
            self.free.add(asked)
        elif len(others) > 1 and len(named) != 1:
            self.undecided[asked] = others
        else:
            self.filled[asked] = (named or others or every)[0]
            self.ways.add("by name" if len(others) > 1 else "by type")

    def after(self, stage: int, aside: Collection[Asked] = ()) -> Set[int]:
        """Return a stage and those that wait for it, by other parameters than these."""
        found = {stage}
        for _ in self.world:
            found |= {s for (s, p), n in self.filled.items() if n in found and (s, p) not in aside}
        return found

    def _is_loose(self, asked: Asked, provider: int) -> bool:
        taken = self.taken(asked)
        is_called_after = self.world[provider].name == taken.name
        return taken.type in SIMPLE and not is_called_after and provider in self.after(asked[0])

    def _outweighs(self, asked: Asked) -> bool:
        """Tell whether what is set outweighs the stage that would fill a parameter."""
        taken, provider = self.taken(asked), self.filled.get(asked)
        is_named = provider is not None and self.world[provider].name == taken.name
        is_asking = asked in self.undecided or (provider is not None and not is_named)
        return is_asking and taken.type in SIMPLE

    def _fill_by_order(self) -> None:
        loose = {each for each, n in self.filled.items() if self._is_loose(each, n)}
        choices = {each: [self.filled[each]] for each in loose}
        open_ = {each: n for each, n in self.undecided.items() if self.taken(each).type in SIMPLE}
        choices.update(open_)
        rest = {
            each: [n for n in found if n not in self.after(each[0], loose)]
            for each, found in choices.items()
        }
        for each, left in rest.items():
            if not left:
                self.filled.pop(each, None)
                self.undecided.pop(each, None)
                self.free.add(each)
                self.ways.add("only later ones")
            elif len(left) == 1 and each in self.undecided:
                del self.undecided[each]
                self.filled[each] = left[0]
                self.ways.add("by order")

    def wrong(self) -> List[Asked]:
        """Return the parameters with which something is wrong."""
        found = list(self.undecided)
        for each in self.asked:
            taken, provider = self.taken(each), self.filled.get(each)
            is_missing = not (taken.has_default or taken.type in KEYS or taken.is_set)
            is_free = each in self.free and taken.type in SETTABLE
            is_of_cycle = provider is not None and provider in self.after(each[0])
            is_lacking = is_missing and each in self.free
            if (taken.is_set and not is_free) or is_lacking or is_of_cycle:
                found.append(each)
        filling = [(s, n) for (s, _), n in self.filled.items()]
        found += [(s, p) for (s, p), n in self.filled.items() if filling.count((s, n)) > 1]
        return found


def sound(world: World) -> World:
    """Return the same world without what is wrong: one parameter after another goes."""
    while True:
        wrong = Rules(world).wrong()
        if not wrong:
            return world
        stage, number = wrong[0]
        takes = [each for n, each in enumerate(world[stage].takes) if n != number]
        changed = world[stage]._replace(takes=tuple(takes))
        world = (*world[:stage], changed, *world[stage + 1 :])


def values_of(world: World, rules: Rules) -> Dict[str, Any]:
    """Return what each stage of a sound world returns."""
    found: Dict[int, Any] = {}

    def value(stage: int) -> Any:
        if stage not in found:
            passed: Dict[str, Any] = {}
            for number, taken in enumerate(world[stage].takes):
                if (stage, number) in rules.filled:
                    passed[taken.name] = value(rules.filled[stage, number])
                elif taken.is_set:
                    passed[taken.name] = constant(taken.type)
                else:
                    passed[taken.name] = NOTHING if taken.has_default else None
            found[stage] = called(world[stage].name, passed)
        return found[stage]

    return {world[stage].name: value(stage) for stage in range(len(world))}


def constant(kind: Any) -> Any:
    """Return a value of a type."""
    return {int: 7, str: "seven", Path: Path("7"), Optional[int]: 7, List[int]: [7]}.get(kind, 7)


def params_of(world: World) -> Dict[str, Any]:
    """Return what is set in a world."""
    return {
        f"world.{function.name}.{taken.name}": constant(taken.type)
        for function in world
        for taken in function.takes
        if taken.is_set
    }


@given(st.one_of(worlds(), worlds().map(sound)))
def test_planning_fills_parameters_as_the_rules_say(world: World) -> None:
    """A world is refused where a rule is broken; else a run passes what the rules say."""
    rules = Rules(world)
    registry, params = declared(world), params_of(world)
    if rules.wrong():
        event("refused")
        with pytest.raises(PlanError):
            plan(registry=registry, params=params)
        return
    for way in sorted(rules.ways):
        event(f"planned, {way}")
    result = plan(registry=registry, params=params).run()
    for name, value in values_of(world, rules).items():
        assert value == result[f"world.{name}"]
