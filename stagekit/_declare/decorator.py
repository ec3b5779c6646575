"""``@stage``: marks a function and indexes it. Evaluates no annotation, reads no file."""

from __future__ import annotations

from types import FunctionType

from stagekit._base.refs import OneOf, OptionalRef, StageRef
from stagekit._base.static import overload
from stagekit._declare.mainname import MAIN_NAMES
from stagekit._declare.registry import Registry, current_registry
from stagekit._declare.stage import (
    DEFAULTS,
    MARK,
    MAX_ID,
    Declaration,
    default_id,
    function_name,
    id_mistake,
    make_options,
    namespace_of,
    reference_mistake,
    unwrap_partial,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Dict,
        Iterable,
        List,
        Mapping,
        NoReturn,
        Tuple,
        TypeVar,
        Union,
    )

    from stagekit._base.ports import Pool
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
    executor: Union[str, Pool] = ...,
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
    return decorate(current_registry(), fn, options)


def decorate(registry: Registry, fn: Any, options: Dict[str, Any]) -> Any:
    """Declare *fn* in *registry*, or return the decorator that will."""
    if fn is not None:
        return _mark(registry, fn, options)

    def decorator(fn: Any) -> Any:
        return _mark(registry, fn, options)

    return decorator


def _mark(registry: Registry, fn: Any, options: Dict[str, Any]) -> Any:
    if type(fn) is FunctionType:
        declaration = declare(fn, options)
        fn.__dict__[MARK] = declaration
        qualname = fn.__qualname__
        if "." not in qualname or not _in_class_body(qualname):
            registry.register(declaration)
        return fn
    if not callable(fn) or isinstance(fn, (StageRef, staticmethod, classmethod)):
        _refuse(fn)
    declaration = declare(fn, options)
    try:
        setattr(fn, MARK, declaration)
    except (AttributeError, TypeError):
        raise TypeError(
            f"{fn!r} cannot be marked as a stage; add it instead: registry.add({_word(fn)}, id=...)"
        ) from None
    registry.register(declaration)
    return fn


def _refuse(fn: Any) -> NoReturn:  # Any: whatever stood behind @stage
    if isinstance(fn, (staticmethod, classmethod)):
        kind = type(fn).__name__  # pyright: ignore[reportUnknownArgumentType]
        raise TypeError(f"@stage stands above @{kind}; write @{kind} first and @stage below it")
    raise TypeError(
        f"@stage takes a function, got {fn!r}; options need names: @stage(depends_on=...)"
    )


def _word(fn: object) -> str:
    return str(getattr(fn, "__qualname__", None) or function_name(fn))


def _in_class_body(qualname: str) -> bool:
    """Tell whether a function of that name was defined directly in a class body."""
    return not qualname.rpartition(".")[0].endswith("<locals>")


def declare(fn: Any, options: Dict[str, Any]) -> Declaration:
    """Check everything that was said about *fn*, at once.

    Raises:
        DeclarationError: with every mistake.
    """
    module = getattr(fn, "__module__", None)
    if (
        type(fn) is FunctionType
        and "<" not in fn.__qualname__
        and module not in MAIN_NAMES
        and "__wrapped__" not in fn.__dict__
    ):
        stage_id = f"{module}:{fn.__qualname__}"
        spec = fn.__globals__.get("__spec__")
        if len(stage_id) <= MAX_ID and stage_id.isascii():
            if not options:
                return Declaration(fn, stage_id, (), DEFAULTS, spec)
            if len(options) == 1:
                needed = options.get("depends_on")
                if type(needed) is FunctionType:
                    return Declaration(fn, stage_id, (needed,), DEFAULTS, spec)
    else:
        stage_id = default_id(fn)
        spec = namespace_of(unwrap_partial(fn)).get("__spec__")
    return _declare_with(fn, stage_id, spec, options)


def _declare_with(fn: Any, stage_id: str, spec: object, options: Dict[str, Any]) -> Declaration:
    mistakes: List[str] = []
    rest = dict(options)
    depends_on = _references(rest.pop("depends_on", ()), mistakes)
    given_id = rest.pop("id", None)
    if given_id is not None:
        stage_id = given_id
    if not stage_id and given_id is None:
        mistakes.append(f'{fn!r} has no name of its own; give it an id: id="..."')
    elif given_id is not None or len(stage_id) > MAX_ID or not stage_id.isascii():
        mistake = id_mistake(stage_id)
        if mistake is not None:
            mistakes.append(mistake)
    made = make_options(rest, mistakes) if rest else DEFAULTS
    if mistakes:
        from stagekit._declare.location import locate
        from stagekit.errors import DeclarationError

        raise DeclarationError(str(stage_id or function_name(fn)), locate(fn), tuple(mistakes))
    return Declaration(fn, stage_id, depends_on, made, spec)


def _references(given: Any, mistakes: List[str]) -> Tuple[object, ...]:
    """Return ``depends_on`` as a tuple; a text is one id, a generator is consumed here, once."""
    if isinstance(given, FunctionType):
        return (given,)
    if given is None or given == ():
        return ()
    if isinstance(given, (str, StageRef)) or callable(given):
        return (given,)  # pyright: ignore[reportUnknownVariableType]
    try:
        found: Tuple[object, ...] = (
            (given,) if isinstance(given, (OptionalRef, OneOf)) else tuple(given)
        )
    except TypeError:
        mistakes.append(f"depends_on takes stage functions and ids, got {given!r}")
        return ()
    for ref in found:
        if type(ref) is not FunctionType:
            mistake = reference_mistake(ref)
            if mistake is not None:
                mistakes.append(mistake)
    return found
