"""What stands for a stage or a value in a declaration: references and parameter markers."""

from __future__ import annotations

from stagekit._base.record import Record
from stagekit._base.static import Generic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Tuple, TypeVar, Union

    R_co = TypeVar("R_co", covariant=True)
    # Any: a stage takes whatever its parameters say, and returns whatever it returns
    Ref = Union[str, Callable[..., Any], "StageRef[Any]"]
else:
    R_co = None


class StageRef(Generic[R_co]):
    """A handle on a stage added with ``registry.add``, typed by the stage's result.

    Accepted wherever a stage's function or id is.

    Example:
        >>> from stagekit import Registry, run
        >>> registry = Registry()
        >>> one = registry.add(lambda: 1, id="one")
        >>> run(one, registry=registry)[one]
        1
    """

    __slots__ = ("id",)

    def __init__(self, id: str, /) -> None:
        self.id: str = id

    def __repr__(self) -> str:
        return f"StageRef({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StageRef) and self.id == other.id

    def __hash__(self) -> int:
        return hash((StageRef, self.id))


class Marker(Record):
    """What stands beside a type in ``Annotated``, and says where its value comes from."""

    __slots__ = ()
    is_each = False


class From(Marker):
    """``Annotated[T, From(load)]``: take the value of this very stage.

    The stage's return annotation must be ``T``, a subclass of it, or absent.
    """

    stage: Ref


class Named(Marker):
    """``Annotated[T, Named("n")]``: take the value of type ``T`` that carries this name.

    On a return annotation it gives the name: ``-> Annotated[T, Named("n")]``.
    """

    name: str

    def __init__(self, name: str, /) -> None:
        said: object = name
        if not isinstance(said, str) or not said:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Named takes a text that is not empty, got {name!r}")
        self.name = name


class Collect(Marker):
    """``Annotated[list[T], Collect()]``: take the value of every provider of ``T``.

    Given values come first, then stages in the order of their declaration. No provider: ``[]``.
    Values with a name, of ``Annotated[T, Named("n")]``, have a key of their own and are not taken.
    """

    __slots__ = ()


class OptionalRef(Record):
    """Made by ``optional()``: an order edge that exists only if the stage does."""

    stage: Ref


class OneOf(Record):
    """Made by ``one_of()``: an order edge to the first of these stages that exists."""

    stages: Tuple[Ref, ...]


class Given:
    """Made by ``given()``: a value of the caller with the key that it serves."""

    __slots__ = ("as_", "name", "value")

    def __init__(self, value: object, as_: object, name: Optional[str]) -> None:
        self.value: object = value
        self.as_: object = as_
        self.name: Optional[str] = name

    def __repr__(self) -> str:
        return f"given(<{type(self.value).__name__}>, as_={self.as_!r}, name={self.name!r})"


def optional(stage: Ref, /) -> OptionalRef:
    """Depend on a stage if it is there: ``depends_on=optional("audit")``."""
    return OptionalRef(stage)


def one_of(*stages: Ref) -> OneOf:
    """Depend on the first of these stages that exists: ``depends_on=one_of("fast", "slow")``.

    Raises:
        TypeError: no stage is named.
    """
    if not stages:
        raise TypeError('one_of() needs at least one stage: one_of("a", "b")')
    return OneOf(stages)


def given(value: object, /, *, as_: object = None, name: Optional[str] = None) -> Given:
    """Give a run a value under a key of its own: a ``NewType``, a generic, a protocol, a name.

    Args:
        value: the object that parameters receive.
        as_: the type it is asked for by; ``type(value)`` unless said.
        name: the name that ``Annotated[T, Named(name)]`` asks for.

    Example:
        >>> from stagekit import Registry, given, run
        >>> registry = Registry()
        >>> @registry.stage
        ... def double(n: float) -> int:
        ...     return int(2 * n)
        >>> run(double, registry=registry, values=[given(4, as_=float)])[double]
        8
    """
    return Given(value, as_, name)
