"""Every way to write an annotation means what it means to a type checker."""

from __future__ import annotations

import collections.abc
import functools
import sys
import types
import typing
from typing import (
    Any,
    Callable,
    Dict,
    ForwardRef,
    Generic,
    List,
    NewType,
    NoReturn,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    TypeVar,
    Union,
)

import pytest
from typing_extensions import Annotated, Literal, TypeAliasType

from stagekit import PlanError, Problem, Registry, plan, run
from stagekit.errors import Code

T = TypeVar("T")


class Orders:
    """A class."""


class Users:
    """Another class."""


class Repo(Generic[T]):
    """A generic class."""


class Meta(type):
    """A metaclass."""


class Made(metaclass=Meta):
    """A class that has a metaclass."""


UserId = NewType("UserId", int)
OrderId = NewType("OrderId", int)
Either = Union[Orders, Users]
Named = TypeAliasType("Named", Repo[Orders])
Boxed = TypeAliasType("Boxed", List[T], type_params=(T,))


def taking(annotation: object, *default: object) -> Any:  # Any: a function made for one test
    """Return a function with one parameter of this annotation, which it returns."""

    def take(x: object) -> object:
        return x

    take.__annotations__ = {"x": annotation}
    take.__defaults__ = default or None
    return take


def returning(annotation: object, value: object = "made") -> Callable[[], object]:
    """Return a function with this return annotation."""

    def make() -> object:
        return value

    make.__annotations__ = {"return": annotation}
    return make


def fits(asked: object, returned: object) -> bool:
    """Tell whether a parameter takes what a return annotation provides."""
    registry = Registry()
    registry.add(returning(returned), id="make")
    registry.add(taking(asked), id="take")
    try:
        made = plan(registry=registry)
    except PlanError as error:
        if [Code.MISSING_PROVIDER] == [problem.code for problem in error.problems]:
            return False
        raise
    return bool(run(made, executor="inline")["take"] == "made")


def refused(fn: Callable[..., object]) -> Problem:
    """Return the one problem of a registry with one stage."""
    registry = Registry()
    registry.add(fn, id="stage")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    return problem


SAME: List[Tuple[object, object]] = [
    (Orders, "Orders"),
    (Orders, ForwardRef("Orders")),
    (Orders, Annotated[Orders, "meta"]),
    (Orders, "Annotated[Orders, 'meta']"),
    (Made, "Made"),
    (List[int], "List[int]"),
    (List[int], "list[int]"),
    (List["Orders"], List[Orders]),
    (List["Orders"], "list['Orders']"),
    (Dict[str, List[Optional[int]]], "dict[str, list[int | None]]"),
    (Tuple[int, ...], "tuple[int, ...]"),
    (Tuple[int, str], "tuple[int, str]"),
    (Tuple[()], "Tuple[()]"),
    (Set[Orders], "set[Orders]"),
    (Type[Orders], "type[Orders]"),
    (Sequence[int], "collections.abc.Sequence[int]"),
    (Callable[[int, str], Orders], "Callable[[int, str], Orders]"),
    (Callable[..., Orders], "collections.abc.Callable[..., Orders]"),
    (Union[Orders, Users], "Orders | Users"),
    (Union[Orders, Users], "Users | Orders"),
    (Union[Orders, Users], Either),
    (Union[Orders, Users], "Either"),
    (Union[Orders, Union[Users, int]], "int | Users | Orders"),
    (Union[Orders, Annotated[Users, 1]], "Users | Orders"),
    (List[Union[int, str]], "list[str | int]"),
    (Repo[Orders], "Repo[Orders]"),
    (Repo[Orders], Repo["Orders"]),
    (Repo[Any], "Repo[Any]"),
    (Repo[Orders], Named),
    (Repo[Orders], "Named"),
    (Boxed[int], List[int]),
    ("Boxed[int]", "list[int]"),
    (UserId, "UserId"),
    (Literal["a", "b"], "Literal['a', 'b']"),
    (types.SimpleNamespace, "types.SimpleNamespace"),
    (dict, Dict),
    (list, List),
]

DIFFERENT: List[Tuple[object, object]] = [
    (int, bool),
    (bool, int),
    (float, int),
    (Orders, Type[Orders]),
    (List[int], List[str]),
    (List[int], list),
    (list, List[int]),
    (List[int], Sequence[int]),
    (Tuple[int, ...], Tuple[int]),
    (Tuple[int, str], Tuple[str, int]),
    (Repo[Orders], Repo[Users]),
    (Repo[Orders], Repo),
    (Repo[Any], Repo[Orders]),
    (UserId, int),
    (int, UserId),
    (UserId, OrderId),
    (Literal["a"], str),
    (Literal["a"], Literal["b"]),
    (Literal[1], Literal[True]),
    (Literal[0], Literal[False]),
    (Orders, Optional[Orders]),
    (Callable[[int], str], Callable[[str], str]),
    (Boxed[int], List[str]),
]


@pytest.mark.parametrize(("one", "other"), SAME, ids=repr)
def test_spellings_of_one_type_are_one_key(one: object, other: object) -> None:
    """Asked for one way and returned the other, in both directions, it fits."""
    assert fits(one, other)
    assert fits(other, one)


@pytest.mark.parametrize(("asked", "returned"), DIFFERENT, ids=repr)
def test_different_types_are_different_keys(asked: object, returned: object) -> None:
    """Exact means exact."""
    assert not fits(asked, returned)


@pytest.mark.parametrize("annotation", [None, "None", NoReturn, "typing.NoReturn", Any, object])
def test_what_says_nothing_provides_nothing(annotation: object) -> None:
    """None, ``NoReturn``, ``Any`` and ``object`` as return annotations are no key."""
    registry = Registry()
    registry.add(returning(annotation), id="make")
    registry.add(taking(Optional[Orders]), id="take")
    assert () == plan(registry=registry).edges


@pytest.mark.skipif(sys.version_info < (3, 10), reason="int | str is an object from 3.10 on")
def test_unions_as_objects_are_unions() -> None:
    """``A | B`` evaluated by the interpreter is what ``Union`` makes."""
    made = eval("Orders | Users", globals())  # noqa: S307 - older interpreters cannot
    assert fits(made, Union[Users, Orders])
    assert fits(Union[Users, Orders], made)


@pytest.mark.skipif(sys.version_info < (3, 9), reason="list[int] is an object from 3.9 on")
def test_builtin_generics_as_objects_are_generics() -> None:
    """``list[int]`` evaluated by the interpreter is ``List[int]``."""
    made = eval("(list[int], collections.abc.Sequence[int])", globals())  # noqa: S307
    assert fits(made[0], List[int])
    assert fits(made[1], Sequence[int])
    assert collections.abc.Sequence is not None


def test_an_optional_value_may_be_none() -> None:
    """``-> Optional[T]`` is a key of its own, which ``Optional[T]`` asks for first."""
    registry = Registry()
    registry.add(returning(Optional[Orders], None), id="maybe")
    registry.add(taking(Optional[Orders], "default"), id="take")
    assert run(registry=registry, executor="inline")["take"] is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Missing", "Missing"),
        ("List[Missing]", "Missing"),
        ("Optional['Missing']", "Missing"),
        ("Missing | None", "Missing"),
        ("missing.Thing", "missing"),
    ],
)
def test_a_name_that_is_not_there_is_told(text: str, name: str) -> None:
    """The error names the text, the name, the module, the parameter and the line."""
    fn = taking(text)
    problem = refused(fn)
    assert (Code.BAD_ANNOTATION, "x", "stage") == (
        problem.code,
        problem.parameter,
        problem.stage_id,
    )
    assert f"the name `{name}` is not defined in {__name__}" in problem.message
    assert "parameter `x` of stage `stage`" in problem.message
    assert problem.location is not None
    assert fn.__code__.co_firstlineno == problem.location.line
    assert f"import it where the script runs: from ... import {name}" in problem.fixes


@pytest.mark.parametrize("text", ["1 +", "Orders(", "1 / 0", "Orders.missing", "int[str]", ""])
def test_a_text_that_is_no_type_is_told(text: str) -> None:
    """Whatever evaluation raises is one clear problem, never an exception from the depths."""
    problem = refused(taking(text))
    assert Code.BAD_ANNOTATION is problem.code
    assert text in problem.message


NO_TYPES: List[object] = [3, [int], {"a": int}, ..., T, "List[T]", "Repo[T]"]


@pytest.mark.parametrize("annotation", NO_TYPES, ids=repr)
def test_what_is_no_type_is_told(annotation: object) -> None:
    """Values and open type variables are no types that could be provided."""
    problem = refused(taking(annotation))
    assert (Code.BAD_ANNOTATION, "x") == (problem.code, problem.parameter)


def test_a_bad_return_annotation_is_told_once_and_nobody_else_is_blamed() -> None:
    """The stage at fault is named; its own parameters are checked as well."""
    registry = Registry()
    broken = returning("Missing")
    registry.add(broken, id="broken")
    registry.add(taking(Orders), id="take")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    found = {(p.code, p.stage_id, p.parameter) for p in caught.value.problems}
    assert (Code.BAD_ANNOTATION, "broken", None) in found
    assert (Code.MISSING_PROVIDER, "take", "x") in found


def test_a_bad_annotation_of_a_stage_that_is_not_planned_disturbs_nobody() -> None:
    """Only what is planned is judged."""
    registry = Registry()
    registry.add(taking("Missing"), id="broken")
    registry.add(returning(Orders), id="make")
    assert ("make",) == plan("make", registry=registry).order


def test_enclosing_names_are_found_as_far_as_python_keeps_them() -> None:
    """A class of the enclosing function is known where the function uses it, else told as local."""

    class Local:
        """Known to this function only."""

    registry = Registry()

    @registry.stage(id="make")
    def make() -> Local:
        return Local()

    @registry.stage(id="take")
    def take(local: Local, more: Optional[List[Local]] = None) -> bool:
        return type(local) is Local and more is None

    assert run(registry=registry, executor="inline")["take"]

    class Unused:
        """Mentioned in an annotation only."""

    def lost(x: Unused) -> None:
        raise AssertionError(x)

    problem = refused(lost)
    assert "`Unused`" in problem.message
    assert "or define `Unused` at the top of the module" in problem.fixes


def test_a_class_body_and_its_methods_see_their_own_names() -> None:
    """A method may be annotated with a class nested in its own."""

    class Shop:
        """A shop."""

        class Price:
            """A price."""

        def price(self) -> Price:
            """Return a price."""
            return self.Price()

        def check(self, price: Price) -> bool:
            """Look at the price."""
            return type(price) is self.Price

    registry = Registry()
    shop = Shop()
    registry.add(shop.price, id="price")
    registry.add(shop.check, id="check")
    assert run(registry=registry, executor="inline")["check"]


def test_annotations_are_read_once_however_often_they_are_planned() -> None:
    """Evaluating an annotation runs the user's code, so it is not done again."""
    seen: List[str] = []

    class Watched:
        """A type whose look-up is noticed."""

        def __class_getitem__(cls, item: str) -> Any:
            seen.append(item)
            return Orders

    namespace: Dict[str, Any] = {"Watched": Watched, "__name__": "watched", "__file__": "watched"}
    exec("def make() -> 'Watched[0]': ...", namespace)  # noqa: S102 - needs globals of its own
    registry = Registry()
    registry.add(namespace["make"], id="make")
    plan(registry=registry)
    plan(registry=registry)
    assert 1 == len(seen)


def test_partials_ask_for_what_is_left() -> None:
    """What a partial has bound by position or by name is no longer asked for."""

    def total(first: int, orders: Orders, users: Users, *, times: int) -> Tuple[object, ...]:
        return first, type(orders), type(users), times

    registry = Registry()
    registry.add(Orders, id="orders")
    half = functools.partial(total, 1, times=2)
    users = Users()
    registry.add(functools.partial(half, users=users), id="total")
    assert (1, Orders, Users, 2) == run(registry=registry, executor="inline")["total"]


def test_a_typing_construct_as_return_annotation_is_a_key_like_any() -> None:
    """An iterator, an awaitable or a callable that a plain function returns is its value."""
    value = iter([1])
    registry = Registry()
    registry.add(returning(typing.Iterator[int], value), id="make")
    registry.add(taking("typing.Iterator[int]"), id="take")
    assert value is run(registry=registry, executor="inline")["take"]


@pytest.mark.parametrize("text", ["1 + 'Orders'", "Orders[int]", "len()", "1 / 0"])
def test_a_text_that_raises_is_told_and_not_raised(text: str) -> None:
    """Whatever an annotation raises is a problem of its stage, with the text as it stands."""
    problem = refused(taking(text))
    assert Code.BAD_ANNOTATION is problem.code
    assert f"`{text}` cannot be evaluated as a type" in problem.message


def test_type_parameters_of_a_function_are_known_in_its_annotations() -> None:
    """``def total[T](rows: Rows, more: T)``: the variable is found, and told to be open."""
    fn = taking("Optional[T]")
    fn.__type_params__ = (TypeVar("T"),)
    problem = refused(fn)
    assert "the type variable `T` is open" in problem.message


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Mapping", "from typing import Mapping"),
        ("Collect", "from stagekit import Collect"),
        ("Arguments", "from stagekit import Arguments"),
        ("Path", "from pathlib import Path"),
        ("timedelta", "from datetime import timedelta"),
        ("Nowhere", "from ... import Nowhere"),
    ],
)
def test_the_import_of_a_name_that_everybody_knows_is_told(name: str, line: str) -> None:
    """It runs; of another name nobody knows where it is, nor why it is missing."""
    registry = Registry()
    names: Dict[str, Any] = {"__name__": "shop"}
    exec(f"def use(x: '{name}'): ...", names)  # noqa: S102 - where nothing is imported
    registry.add(names["use"])
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert f"import it where the script runs: {line}" == problem.fixes[-1]
    if "..." not in line:
        exec(line, names)  # noqa: S102 - what a user pastes
        assert name in names
    assert ("..." in line) == any("TYPE_CHECKING" in note for note in problem.notes)
