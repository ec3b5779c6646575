"""``Retry``: how often a stage is called again, after which errors, and how long between."""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, NoReturn, Optional, Tuple, Type, Union

    Ask = Callable[[Exception], bool]
    Errors = Union[Type[Exception], Ask, Tuple[Union[Type[Exception], Ask], ...]]

MAX_ATTEMPTS = 1_000
MAX_SECONDS = 366 * 24 * 60 * 60  # a year; what waits must not overflow any clock
MAX_BACKOFF = 1_000


class Retry(Record):
    """How a stage is tried again: ``@stage(retries=Retry(5, on=OSError, wait=0.5))``.

    The wait before a retry is ``wait * backoff ** (number of the retry - 1)``, at most *max_wait*;
    *jitter* takes a random part of it off. A stage that was cancelled, or that returned something
    else than it promises, is never tried again.

    Args:
        attempts: how often the stage is called at most, the first call included.
        on: the class of errors after which it is called again, or a function that is passed the
            error and says so; or several of these. A function that raises says no.
        wait: seconds before the first retry.
        backoff: how many times longer each wait is than the one before.
        jitter: the part of a wait that chance decides, 0 to 1; ``True`` is 1: anything between
            nothing and the whole wait. ``False`` is 0.
        max_wait: no wait is longer, in seconds.

    Raises:
        ValueError: an argument is not allowed; all of them are listed.

    Example:
        >>> retry = Retry(5, on=(ConnectionError, TimeoutError), wait=0.5, jitter=False)
        >>> [retry.delay(number, 0.0) for number in (1, 2, 3, 4)]
        [0.5, 1.0, 2.0, 4.0]
        >>> retry.accepts(TimeoutError()), retry.accepts(ValueError())
        (True, False)
    """

    __slots__ = ("attempts", "on", "wait", "backoff", "jitter", "max_wait")

    attempts: int
    on: Tuple[Union[Type[Exception], Ask], ...]
    wait: float
    backoff: float
    jitter: float
    max_wait: float

    def __init__(
        self,
        attempts: int,
        *,
        on: Errors = (Exception,),
        wait: float = 0.0,
        backoff: float = 2.0,
        jitter: Union[float, bool] = True,
        max_wait: float = 60.0,
    ) -> None:
        mistakes: List[str] = []
        errors: Tuple[Any, ...] = on if isinstance(on, tuple) else (on,)  # pyright: ignore[reportUnknownVariableType]
        if not _is_count(attempts):
            mistakes.append(
                f"attempts must be a whole number from 1 to {MAX_ATTEMPTS:,}, got {attempts!r}"
            )
        mistakes += _on_mistakes(errors)
        for name, value in (("wait", wait), ("max_wait", max_wait)):
            if not _is_between(value, 0, MAX_SECONDS):
                mistakes.append(f"{name} must be seconds from 0 to {MAX_SECONDS:,}, got {value!r}")
        if not _is_between(backoff, 1, MAX_BACKOFF):
            mistakes.append(f"backoff must be a number from 1 to {MAX_BACKOFF:,}, got {backoff!r}")
        if not isinstance(jitter, bool) and not _is_between(jitter, 0, 1):
            mistakes.append(f"jitter must be a number from 0 to 1, True or False, got {jitter!r}")
        if mistakes:
            raise ValueError("Retry: " + "; ".join(mistakes))
        values = (attempts, errors, float(wait), float(backoff), float(jitter), float(max_wait))
        for name, part in zip(self.__slots__, values):
            object.__setattr__(self, name, part)

    def delay(self, retry_number: int, random: float, /) -> float:
        """Return the seconds to wait before a retry; never more than *max_wait*.

        Args:
            retry_number: 1 for the first retry, which is the second attempt.
            random: chance, from 0 up to 1, drawn by who asks.
        """
        if not self.wait:
            return 0.0
        try:
            whole = min(self.max_wait, self.wait * self.backoff ** (retry_number - 1))
        except OverflowError:  # a float raised too high; the product of floats only grows to inf
            whole = self.max_wait
        return whole * (1.0 - self.jitter * random)

    def accepts(self, error: BaseException, /) -> bool:
        """Return whether a stage may be called again after this error.

        A ``RemoteError`` is taken for the exception that it describes, by the names of its classes.
        """
        if _is_of(error, _never()):
            return False
        kinds = tuple([each for each in self.on if isinstance(each, type)])
        return _is_of(error, kinds) or any(
            _says(each, error) for each in self.on if not isinstance(each, type)
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a Retry cannot be changed; make another to change {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Retry cannot be changed; make another to change {name!r}")

    def __repr__(self) -> str:
        names = ", ".join(map(_word, self.on))
        on = names if len(self.on) == 1 else f"({names})"
        return (
            f"Retry({self.attempts}, on={on}, wait={self.wait!r}, backoff={self.backoff!r}, "
            f"jitter={self.jitter!r}, max_wait={self.max_wait!r})"
        )

    def __reduce__(self) -> Tuple[object, ...]:
        return _again, self._values()


def class_names(kind: type) -> Tuple[str, ...]:
    """Return a class and its bases, in order, each as ``module:qualname``."""
    from stagekit._base.pickling import CHILD_MAIN

    found: List[str] = []
    for each in type.__getattribute__(kind, "__mro__"):
        module: object = each.__dict__.get("__module__", "builtins")
        name = type.__getattribute__(each, "__qualname__")
        found.append(f"{'__main__' if module == CHILD_MAIN else module}:{name}")
    return tuple(found)


def _is_of(error: BaseException, kinds: Tuple[Type[BaseException], ...]) -> bool:
    """Return whether an error is of one of several classes, here or where it was raised."""
    from stagekit.errors import RemoteError

    if type(error) is not RemoteError or not error.kinds:
        return issubclass(type(error), kinds)  # not isinstance(): it may ask the object
    names = frozenset(error.kinds)
    return any(
        class_names(kind)[0] in names or (kind is not Exception and issubclass(RemoteError, kind))
        for kind in kinds
    )


def _says(ask: Any, error: BaseException) -> bool:  # Any: a function of the user's
    try:
        return isinstance(error, Exception) and bool(ask(error))
    except Exception as mistake:  # noqa: BLE001 - the stage has failed with another error
        from stagekit._base.text import error_line, note

        name = getattr(ask, "__qualname__", type(ask).__qualname__)
        note(error, f"not tried again, as Retry(on={name}) raised {error_line(mistake)}")
        return False


def _again(
    attempts: int,
    on: Tuple[Union[Type[Exception], Ask], ...],
    wait: float,
    backoff: float,
    jitter: float,
    max_wait: float,
) -> Retry:
    """Make a pickled ``Retry`` again."""
    return Retry(attempts, on=on, wait=wait, backoff=backoff, jitter=jitter, max_wait=max_wait)


def retry_of(retries: Union[int, Retry]) -> Optional[Retry]:
    """Return what the option ``retries`` means: so many attempts more; or None."""
    found = retries if isinstance(retries, Retry) else Retry(retries + 1)
    return found if found.attempts > 1 else None


def seconds_mistake(value: object) -> Optional[str]:
    """Return what is wrong with a time limit, or None."""
    if _is_between(value, 0, MAX_SECONDS) and value != 0:
        return None
    return f"must be seconds, more than 0 and at most {MAX_SECONDS:,}"


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value <= MAX_ATTEMPTS


def _is_between(value: object, low: float, high: float) -> bool:
    """Return whether a value is a number within bounds; nan, inf and booleans are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _on_mistakes(errors: Tuple[object, ...]) -> List[str]:
    if not errors:
        return ["on must name at least one class of errors, got ()"]
    found: List[str] = []
    for error in errors:
        if not isinstance(error, type) and callable(error):
            continue
        kind: object = error
        if not isinstance(error, type) or not issubclass(error, Exception):
            found.append(f"on takes subclasses of Exception and functions, got {_word(kind)}")
        elif issubclass(error, _cancelled()):
            found.append(f"on takes no {_word(error)}: what was cancelled is not tried again")
    return found


def _word(error: object) -> str:
    return str(getattr(error, "__name__", None) or repr(error))


def _cancelled() -> Tuple[Type[BaseException], ...]:
    """Return the errors that say that something was cancelled, as far as they are loaded."""
    import sys

    from stagekit.errors import StageCancelledError

    futures = sys.modules.get("concurrent.futures._base")
    found: Tuple[Type[BaseException], ...] = (StageCancelledError,)
    return found if futures is None else (*found, futures.CancelledError)


def _never() -> Tuple[Type[BaseException], ...]:
    """Return the errors after which no stage is called again, whatever its ``Retry`` says."""
    from stagekit.errors import BadValueError, DeclarationError, PlanError

    return (*_cancelled(), BadValueError, DeclarationError, PlanError)
