"""Corner cases of annotations: what a parameter asks for, what a return annotation provides.

Each test has the id of its case in ``tests/data/resolution_cases.json``.
"""

from __future__ import annotations

from typing import Any, ForwardRef, Generic, List, NewType, Optional, Tuple, Type, TypeVar, Union

import pytest
from typing_extensions import Annotated, Literal, Protocol

from stagekit import From, Named, PlanError, Problem, Registry, plan, run
from stagekit.errors import Code


class Orders:
    """A plain class."""

    def total(self) -> int:
        """Return something that a protocol can ask for."""
        return 7


class Late(Orders):
    """A subclass."""


class Early(Orders):
    """Another subclass."""


class Users:
    """Another plain class."""


class Priced(Protocol):
    """What has a total."""

    def total(self) -> int:
        """Return the total."""
        ...


T = TypeVar("T")
B = TypeVar("B", bound=Orders)
C = TypeVar("C", Orders, Users)
UserId = NewType("UserId", int)


class Repo(Generic[T]):
    """A generic class of the user's."""

    def __init__(self, item: object = None) -> None:
        self.item = item


def refused(registry: Registry) -> Problem:
    """Return the one problem for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    return problem


def passed(registry: Registry, stage: Any) -> Any:  # Any: whatever a stage returns
    """Return the value of a stage that returns what it is passed."""
    return run(stage, registry=registry, executor="inline")[stage]


def echo_of(annotation: object, *default: object) -> Any:  # Any: a function made for one test
    """Return a function that returns what it is passed for a parameter of this annotation."""

    def echo(x: object) -> object:
        return x

    echo.__annotations__ = {"x": annotation}
    echo.__defaults__ = default or None
    return echo


def add_orders(registry: Registry) -> Orders:
    """Add a provider of ``Orders`` and return its value."""
    value = Orders()

    @registry.stage
    def load() -> Orders:
        return value

    return value


def test_case_ann_plain() -> None:
    """A parameter annotated with a plain class gets the value of its one provider."""
    registry = Registry()
    value = add_orders(registry)
    assert value is passed(registry, registry.add(echo_of(Orders)))


def test_case_ann_none_required() -> None:
    """A required parameter without annotation is an error that names stage and parameter."""
    registry = Registry()

    def total(orders: object) -> object:
        return orders

    del total.__annotations__["orders"]
    registry.add(total)
    problem = refused(registry)
    assert (Code.NO_KEY, "orders") == (problem.code, problem.parameter)
    assert problem.stage_id is not None
    assert problem.stage_id.endswith(":test_case_ann_none_required.total")
    assert "`orders`" in problem.message
    assert "`test_case_ann_none_required.total`" in problem.message


def test_case_default_missing() -> None:
    """An annotated parameter with a default gets it where nobody provides its type."""
    registry = Registry()
    assert "mine" == passed(registry, registry.add(echo_of(Orders, "mine")))


def test_case_default_none_optional() -> None:
    """``Optional[T] = None`` without a provider gets None."""
    registry = Registry()
    assert passed(registry, registry.add(echo_of(Optional[Orders], None))) is None
    assert passed(registry, registry.add(echo_of("Orders | None", None), id="pep604")) is None


def test_case_optional_no_default() -> None:
    """``Optional[T]`` without a default and without a provider gets None."""
    registry = Registry()
    assert passed(registry, registry.add(echo_of(Optional[Orders]))) is None
    assert passed(registry, registry.add(echo_of("Orders | None"), id="pep604")) is None


def test_case_union_one() -> None:
    """``A | B`` gets the value of the member that has a provider."""
    registry = Registry()
    value = add_orders(registry)
    assert value is passed(registry, registry.add(echo_of(Union[Users, Orders])))


@pytest.mark.parametrize(
    "asked",
    [
        Union[Orders, Users],
        Union[Users, Orders],
        "Orders | Users",
        "Users | Orders",
    ],
)
@pytest.mark.parametrize("returned", [Union[Orders, Users], "Users | Orders"])
def test_case_union_spelling(asked: object, returned: object) -> None:
    """``Union[A, B]``, ``A | B`` and ``B | A`` are one key."""
    registry = Registry()

    def load() -> object:
        return "either"

    load.__annotations__["return"] = returned
    registry.add(load)
    assert "either" == passed(registry, registry.add(echo_of(asked)))


def test_case_nested_error_default() -> None:
    """A default does not mask what is wrong with the provider that exists."""
    registry = Registry()

    @registry.stage
    def load(users: Users) -> Orders:
        raise AssertionError(users)

    @registry.stage
    def report(orders: Optional[Orders] = None) -> None:
        raise AssertionError(orders)

    problem = refused(registry)
    assert (Code.MISSING_PROVIDER, "users") == (problem.code, problem.parameter)
    assert problem.stage_id is not None
    assert problem.stage_id.endswith("load")


def test_case_newtype() -> None:
    """A ``NewType`` of int and int are two keys."""
    registry = Registry()

    @registry.stage
    def user() -> UserId:
        return UserId(1)

    @registry.stage
    def number() -> int:
        return 2

    @registry.stage
    def both(n: int, u: UserId) -> Tuple[int, UserId]:
        return n, u

    assert (2, 1) == passed(registry, both)


def test_case_annotated_plain() -> None:
    """``Annotated`` with metadata of somebody else's is the type itself."""
    registry = Registry()
    value = add_orders(registry)
    assert value is passed(registry, registry.add(echo_of(Annotated[Orders, "meta"])))
    assert value is passed(registry, registry.add(echo_of("Annotated[Orders, 1]"), id="text"))


def test_case_annotated_nested() -> None:
    """Nested ``Annotated`` is read as one, its metadata in order; our marker is found in it."""
    registry = Registry()

    @registry.stage
    def left() -> Annotated[Annotated[int, "units"], Named("left")]:
        return 1

    @registry.stage
    def right() -> Annotated[int, Named("right"), "units"]:
        return 2

    inner = echo_of(Annotated[Annotated[int, Named("left")], "axis"])
    assert 1 == passed(registry, registry.add(inner, id="inner"))
    outer = echo_of(Annotated[Annotated[int, "axis"], Named("right")])
    assert 2 == passed(registry, registry.add(outer, id="outer"))


class Incomparable:
    """Metadata like an array: comparing it does not give a bool, and it has no hash."""

    def __hash__(self) -> int:
        raise TypeError("unhashable")

    def __eq__(self, other: object) -> bool:
        raise ValueError("the truth value of this is ambiguous")


@pytest.mark.parametrize("metadata", [[1, 2], {"unit": "EUR"}, Incomparable()], ids=repr)
def test_case_annotated_unhashable(metadata: object) -> None:
    """Metadata that cannot be hashed or compared disturbs no look-up."""
    registry = Registry()
    value = add_orders(registry)

    def load() -> object:
        return Users()

    load.__annotations__["return"] = Annotated[Users, metadata]
    registry.add(load, id="users")
    assert value is passed(registry, registry.add(echo_of(Annotated[Orders, metadata])))
    found = passed(registry, registry.add(echo_of(Annotated[Users, metadata]), id="other"))
    assert isinstance(found, Users)


def test_case_literal() -> None:
    """A ``Literal`` is never taken from a provider of ``str``."""
    registry = Registry()

    @registry.stage
    def mode() -> str:
        return "a"

    registry.add(echo_of(Literal["a"]), id="echo")
    problem = refused(registry)
    assert (Code.MISSING_PROVIDER, "echo") == (problem.code, problem.stage_id)


@pytest.mark.parametrize("annotation", [object, Any, "object", "Any"])
def test_case_object(annotation: object) -> None:
    """``object`` and ``Any`` select nothing: an error, unless a stage is named."""
    registry = Registry()
    value = add_orders(registry)
    named = registry.add(echo_of(Annotated[object, From("test_case_object.load")]), id="named")
    registry.remove("named")
    registry.add(echo_of(annotation), id="echo")
    problem = refused(registry)
    assert (Code.NO_KEY, "x") == (problem.code, problem.parameter)
    registry.remove("echo")
    ids = [stage.id for stage in registry]
    named = registry.add(echo_of(Annotated[object, From(ids[0])]), id="named")
    assert value is passed(registry, named)


def test_case_generic_list() -> None:
    """``list[int]`` is not ``list[str]``; the near miss is named."""
    registry = Registry()

    @registry.stage
    def names() -> List[str]:
        return []

    registry.add(echo_of(List[int]), id="echo")
    problem = refused(registry)
    assert (Code.MISSING_PROVIDER, "echo") == (problem.code, problem.stage_id)
    assert any("`List[str]`" in note or "`list[str]`" in note for note in problem.notes)


def test_case_generic_user() -> None:
    """``Repo[User]`` and ``Repo[Order]`` of a generic class are two keys."""
    registry = Registry()

    @registry.stage
    def users() -> Repo[Users]:
        return Repo("users")

    @registry.stage
    def orders() -> Repo[Orders]:
        return Repo("orders")

    assert "users" == passed(registry, registry.add(echo_of(Repo[Users]), id="u")).item
    assert "orders" == passed(registry, registry.add(echo_of("Repo[Orders]"), id="o")).item


def test_case_typevar_open() -> None:
    """A provider whose return type has an open type variable is a clear error."""
    registry = Registry()

    @registry.stage
    def make(kind: Type[T]) -> Repo[T]:
        raise AssertionError(kind)

    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    assert {Code.BAD_ANNOTATION} == {problem.code for problem in caught.value.problems}
    assert all("type variable `T`" in problem.message for problem in caught.value.problems)


@pytest.mark.parametrize("variable", [B, C])
def test_case_typevar_bound(variable: object) -> None:
    """A bound or constraints make a type variable no less open: nothing is matched by them."""
    registry = Registry()
    add_orders(registry)
    registry.add(echo_of(variable), id="echo")
    problem = refused(registry)
    assert (Code.BAD_ANNOTATION, "x") == (problem.code, problem.parameter)


def test_case_tuple_return() -> None:
    """A returned tuple is one value, unless ``provides`` says that its items are several."""
    registry = Registry()
    orders, users = Orders(), Users()

    def load() -> Tuple[Orders, Users]:
        return orders, users

    registry.add(load, id="load")
    whole = registry.add(echo_of(Tuple[Orders, Users]), id="whole")
    assert (orders, users) == passed(registry, whole)
    registry.add(echo_of(Users), id="item")
    assert "item" == refused(registry).stage_id

    registry = Registry()
    registry.add(load, id="load", provides=(Orders, Users))
    assert users is passed(registry, registry.add(echo_of(Users), id="item"))
    assert orders is passed(registry, registry.add(echo_of(Orders), id="other"))


def test_case_protocol() -> None:
    """A protocol is a key like any type, where a stage says that it provides it."""
    registry = Registry()
    value = Orders()

    @registry.stage
    def load() -> Priced:
        return value

    assert value is passed(registry, registry.add(echo_of(Priced)))
    registry = Registry()
    registry.add(lambda: value, id="load", provides=Priced)
    assert value is passed(registry, registry.add(echo_of(Priced)))


def test_case_protocol_impl() -> None:
    """What merely satisfies a protocol does not match it, but is told as a near miss."""
    registry = Registry()
    add_orders(registry)
    registry.add(echo_of(Priced), id="echo")
    problem = refused(registry)
    assert Code.MISSING_PROVIDER is problem.code
    assert any("`Orders`" in note and "provides=Priced" in note for note in problem.notes)


def test_case_subclass_two() -> None:
    """Two providers of subclasses match no parameter of the base class; both are near misses."""
    registry = Registry()

    @registry.stage
    def late() -> Late:
        return Late()

    @registry.stage
    def early() -> Early:
        return Early()

    registry.add(echo_of(Orders), id="echo")
    problem = refused(registry)
    assert (Code.MISSING_PROVIDER, "echo") == (problem.code, problem.stage_id)
    for name in ("Late", "Early"):
        assert any(f"`{name}`" in note and "subclass" in note for note in problem.notes)


class Falsy:
    """An object whose truth value is False."""

    def __bool__(self) -> bool:
        return False


@pytest.mark.parametrize("value", [0, "", [], False, Falsy(), 0.0, {}], ids=repr)
def test_case_falsy_value(value: object) -> None:
    """A value that is false is a value."""
    registry = Registry()
    registry.add(lambda: value, id="load", provides=Orders)
    assert value is passed(registry, registry.add(echo_of(Orders, "default"), id="echo"))
    assert value is passed(registry, registry.add(echo_of(Optional[Orders]), id="optional"))


@pytest.mark.parametrize("annotation", [None, "None", type(None)])
def test_case_none_value(annotation: object) -> None:
    """A stage that returns nothing provides nothing that others could match on."""
    registry = Registry()

    def announce() -> None:
        """Return nothing."""

    announce.__annotations__["return"] = annotation
    registry.add(announce)
    registry.add(echo_of(Optional[Orders], "default"), id="echo")
    made = plan(registry=registry)
    assert () == made.edges
    assert run(made, executor="inline")["echo"] == "default"


def test_case_return_str() -> None:
    """A return annotation that is a text is read like the type it names."""
    registry = Registry()

    def load() -> object:
        return Repo[object]("text")

    load.__annotations__["return"] = "Repo[Orders]"
    registry.add(load)
    assert "text" == passed(registry, registry.add(echo_of(Repo[Orders]))).item


def test_case_fwd_future() -> None:
    """With ``from __future__ import annotations``, as in this very module, types are found."""
    registry = Registry()

    @registry.stage
    def load() -> Repo[Users]:
        return Repo("future")

    @registry.stage
    def report(repo: Repo[Users], size: Optional[int] = None) -> Tuple[object, object]:
        return repo.item, size

    assert isinstance(report.__annotations__["repo"], str)
    assert ("future", None) == passed(registry, report)


def test_case_fwd_local() -> None:
    """A class local to the enclosing function is found where the closure keeps it, else named."""

    class Local:
        """Known to this function only."""

    kept = Registry()

    @kept.stage
    def load() -> Local:
        return Local()

    @kept.stage
    def check(local: Local) -> bool:
        return type(local) is Local

    assert passed(kept, check)

    class Unkept:
        """Known to this function only, and used by no function in it."""

    lost = Registry()

    @lost.stage
    def show(local: Unkept) -> str:
        return str(local)

    problem = refused(lost)
    assert (Code.BAD_ANNOTATION, "local") == (problem.code, problem.parameter)
    assert "`Unkept`" in problem.message


def test_case_fwd_forwardref() -> None:
    """A ``ForwardRef`` inside a generic is read."""
    registry = Registry()

    @registry.stage
    def load() -> Repo[Orders]:
        return Repo("orders")

    assert "orders" == passed(registry, registry.add(echo_of(Repo[ForwardRef("Orders")]))).item  # type: ignore[misc]
    whole = registry.add(echo_of(ForwardRef("Repo[Orders]")), id="whole")
    assert "orders" == passed(registry, whole).item
    listed = registry.add(lambda: ["x"], id="list", provides=List["Orders"])
    assert ["x"] == passed(registry, registry.add(echo_of("List[Orders]"), id="text"))
    assert "list" == listed.id


def test_case_missing_suggestion() -> None:
    """A type whose name resembles a provided one is suggested it."""
    registry = Registry()
    add_orders(registry)

    class Order:
        """Almost ``Orders``."""

    registry.add(echo_of(Order), id="echo")
    problem = refused(registry)
    assert any("`Orders`" in note for note in problem.notes)
