"""``@stage``, and all that can be said with it."""

from __future__ import annotations

from stagekit._base.static import overload
from stagekit._declare.registry import current_registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Iterable,
        Mapping,
        TypeVar,
        Union,
    )

    from stagekit._base.ports import CallPool, Pool
    from stagekit._base.retry import Retry

    F = TypeVar("F", bound=Callable[..., Any])


@overload
def stage(fn: F, /) -> F: ...
@overload
def stage(
    *,
    depends_on: Any = ...,  # Any: a reference or any iterable of them
    id: str = ...,
    name: str = ...,
    description: str = ...,
    tags: Iterable[str] = ...,
    provides: Any = ...,  # Any: a type of whatever kind
    priority: int = ...,
    critical: bool = ...,
    retries: Union[int, Retry] = ...,
    timeout: float = ...,
    executor: Union[str, Pool, CallPool] = ...,
    resources: Mapping[str, int] = ...,
    undo: Callable[..., object] = ...,
) -> Callable[[F], F]: ...
def stage(fn: Any = None, /, **options: Any) -> Any:
    """Declare a function as a stage, and return that very function.

    Its parameters are filled by type: with what other stages return, with values the caller of
    ``run`` gives, or with their defaults.

    Args:
        fn: the function; omitted where options are given: ``@stage(tags=["nightly"])``.
        depends_on: stages that must end first though nothing is passed: a function, an id, or
            several; also ``optional(...)`` and ``one_of(...)``.
        id: unique in a registry; ``module:qualname`` unless said.
        name: for people; the function's name unless said.
        description: for people; the docstring's first line unless said.
        tags: words to select stages by: ``tag:nightly``.
        provides: publish the value under another type; a tuple of types for a returned tuple.
        priority: higher starts first among stages that are ready.
        critical: ``False``: its failure does not fail the run.
        retries: how often it is called again where it fails, or a ``Retry``.
        timeout: seconds that one attempt may take.
        executor: where this one stage runs: a name of an executor, or an object with ``submit``.
        resources: slots it takes while it runs, ``{"db": 1}``; ``run(limits={"db": 4})`` says how
            many there are.
        undo: called where the run fails later and ``rollback=True``; filled like a stage, and may
            take what the stage returned.

    Raises:
        DeclarationError: an option is wrong; all of them are listed.
        DuplicateStageError: the id is taken.
        TypeError: the object cannot be marked; use ``registry.add``.

    Example:
        >>> from stagekit import Registry, run, stage, use_registry
        >>> with use_registry(Registry()):
        ...     @stage
        ...     def load() -> int:
        ...         return 2
        ...     @stage(tags=["report"])
        ...     def double(n: int) -> str:
        ...         return str(2 * n)
        ...     print(run(double)[double])
        4
    """
    return current_registry().stage(fn, **options)
