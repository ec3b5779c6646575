"""What stands for a stage or a value in a declaration: references and parameter markers."""

from __future__ import annotations

from typing import Any, Callable, Generic, Optional, Tuple, TypeVar, Union

__all__ = [
    "Collect",
    "From",
    "Given",
    "Named",
    "OneOf",
    "OptionalRef",
    "Ref",
    "StageRef",
    "given",
    "one_of",
    "optional",
]

R_co = TypeVar("R_co", covariant=True)


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
        self.id = id

    def __repr__(self) -> str:
        return f"StageRef({self.id!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StageRef) and self.id == other.id

    def __hash__(self) -> int:
        return hash((StageRef, self.id))


# Any: a stage takes whatever its parameters say, and returns whatever it returns
Ref = Union[str, Callable[..., Any], StageRef[Any]]


class _Marker:
    """A small frozen record: equal if its parts are, and readable when printed."""

    __slots__ = ()

    def _parts(self) -> Tuple[object, ...]:
        names: Tuple[str, ...] = self.__slots__
        return tuple(getattr(self, name) for name in names)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._parts() == getattr(other, "_parts", tuple)()

    def __hash__(self) -> int:
        try:
            return hash((type(self), self._parts()))
        except TypeError:
            return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts()))})"


class From(_Marker):
    """``Annotated[T, From(load)]``: take the value of this very stage.

    The stage's return annotation must be ``T``, a subclass of it, or absent.
    """

    __slots__ = ("stage",)

    def __init__(self, stage: Ref, /) -> None:
        self.stage = stage


class Named(_Marker):
    """``Annotated[T, Named("n")]``: take the value of type ``T`` that carries this name.

    On a return annotation it gives the name: ``-> Annotated[T, Named("n")]``.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, /) -> None:
        said: object = name
        if not isinstance(said, str) or not said:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"Named takes a text that is not empty, got {name!r}")
        self.name = name


class Collect(_Marker):
    """``Annotated[list[T], Collect()]``: take the value of every provider of ``T``.

    Given values come first, then stages in the order of their declaration. No provider: ``[]``.
    """

    __slots__ = ()


class OptionalRef(_Marker):
    """Made by ``optional()``: an order edge that exists only if the stage does."""

    __slots__ = ("stage",)

    def __init__(self, stage: Ref, /) -> None:
        self.stage = stage


class OneOf(_Marker):
    """Made by ``one_of()``: an order edge to the first of these stages that exists."""

    __slots__ = ("stages",)

    def __init__(self, stages: Tuple[Ref, ...], /) -> None:
        self.stages = stages


class Given:
    """Made by ``given()``: a value of the caller with the key that it serves."""

    __slots__ = ("as_", "name", "value")

    def __init__(self, value: object, as_: object, name: Optional[str]) -> None:
        self.value = value
        self.as_ = as_
        self.name = name

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
