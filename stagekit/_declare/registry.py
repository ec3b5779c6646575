"""Registries: thread-safe, ordered indexes of declared stages."""

from __future__ import annotations

import contextvars
from _thread import allocate_lock
from types import FunctionType, ModuleType, TracebackType

from stagekit._base.refs import StageRef
from stagekit._base.static import overload
from stagekit._declare.callables import function_name, last_name
from stagekit._declare.declaration import (
    MARK,
    Declaration,
    declare,
    declare_as,
    own_mark,
)

_MOST_KNOWN = 8  # stages that are listed
_NOWHERE: Mapping[str, Any] = {}  # the globals of what has none
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import (
        Any,
        Callable,
        Dict,
        Iterable,
        Iterator,
        Mapping,
        NoReturn,
        Optional,
        Tuple,
        Type,
        TypeVar,
        Union,
    )

    from stagekit._base.ports import CallPool, Pool
    from stagekit._base.refs import Ref
    from stagekit._base.retry import Retry
    from stagekit.errors import UsageError

    F = TypeVar("F", bound=Callable[..., Any])
    R = TypeVar("R")


class Registry:
    """An ordered index of stages that any thread may read and write.

    Iteration runs over a frozen snapshot: stages declared meanwhile are not in it.

    Example:
        >>> from stagekit import Registry, run
        >>> registry = Registry()
        >>> @registry.stage
        ... def one() -> int:
        ...     return 1
        >>> len(registry), "one" in registry, run(one, registry=registry)[one]
        (1, True, 1)
    """

    __slots__ = ("_files", "_lock", "_snapshot", "_stages", "_version")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._stages: Dict[str, Declaration] = {}
        self._files: Dict[str, Declaration] = {}  # the last one of each file
        self._snapshot: Optional[Tuple[Declaration, ...]] = None
        self._version = 0

    @overload
    def stage(self, fn: F, /) -> F: ...
    @overload
    def stage(
        self,
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
    def stage(self, fn: Any = None, /, **options: Any) -> Any:  # type: ignore[misc]  # pyright: ignore[reportInconsistentOverload]  # checked by name
        """Declare a stage in this registry; takes the options of ``@stage``."""
        if fn is not None:
            return self._mark(fn, options)

        def decorator(fn: Any) -> Any:
            return self._mark(fn, options)

        return decorator

    def _mark(self, fn: Any, options: Dict[str, Any]) -> Any:
        if type(fn) is FunctionType:
            declaration = declare(fn, options)
            fn.__dict__[MARK] = declaration
            qualname = fn.__qualname__
            if "." not in qualname or not _in_class_body(qualname):
                self.register(declaration)
            return fn
        if not callable(fn) or isinstance(fn, (StageRef, staticmethod, classmethod)):
            _refuse(fn)
        declaration = declare(fn, options)
        try:
            setattr(fn, MARK, declaration)
        except (AttributeError, TypeError):
            raise TypeError(
                f"{fn!r} cannot be marked as a stage; "
                f"add it instead: registry.add({_word(fn)}, id=...)"
            ) from None
        self.register(declaration)
        return fn

    def add(
        self,
        fn: Callable[..., R],
        /,
        *,
        depends_on: Any = (),  # Any: a reference or any iterable of them
        id: Optional[str] = None,
        **options: Any,
    ) -> StageRef[R]:
        """Declare a function as a stage without marking it, so that it can serve many ids.

        Args:
            fn: any callable: a function, a method, a class, a partial, a callable object.
            depends_on: as for ``@stage``.
            id: needed where *fn* has no name of its own (lambdas, callable objects).
            options: as for ``@stage``.

        Returns:
            A reference, accepted wherever a stage's function or id is.

        Raises:
            DeclarationError: an option is wrong; all of them are listed.
            DuplicateStageError: the id is taken.
        """
        if options:
            declaration = declare(fn, {"depends_on": depends_on, "id": id, **options})
        else:
            declaration = declare_as(fn, id, depends_on)
        self.register(declaration)
        return StageRef(declaration.id)

    def register(self, declaration: Declaration, /) -> None:
        """Take up a declaration as it is.

        Raises:
            DuplicateStageError: its id is taken by another one, or its file is imported twice.
        """
        stage_id = declaration.id
        namespace = getattr(declaration.fn, "__globals__", _NOWHERE)
        file = namespace.get("__file__")
        with self._lock:
            if file is not None:
                last = self._files.get(file)
                if last is None or last.fn.__globals__.get("__name__") != namespace.get("__name__"):
                    self._check_file(declaration)
                    self._files[file] = declaration
            self._snapshot = None  # first, as who counts the stages takes no lock
            old = self._stages.setdefault(stage_id, declaration)
            if old is not declaration:
                from stagekit._declare.duplicates import check_taken

                check_taken(old, declaration)
                self._stages[stage_id] = declaration
            self._version += 1

    def _check_file(self, new: Declaration) -> None:
        """Refuse the first stage of a module whose file is here under another name of it."""
        if self._files:
            from stagekit._declare.duplicates import check_file

            check_file([each for each in self._files.values() if each.id in self._stages], new)

    def adopt(self, module: ModuleType, /) -> Tuple[str, ...]:
        """Make every public function that a module defines a stage; change nothing in the module.

        Public is what begins with no underscore, and is not called ``main``. When planning, a
        function that has a parameter which nothing fills is left out if nobody needs it, and the
        plan has a warning that names it. Functions with ``@stage`` keep what it says.

        Returns:
            The ids of the stages that were not in the registry before.

        Raises:
            DuplicateStageError: an id is taken by another function.
        """
        from stagekit._declare.collect import adopted

        known = dict(self._stages)
        new = [
            each
            for each in adopted(module)
            if each.id not in known or known[each.id].fn is not each.fn
        ]
        for declaration in new:
            self.register(declaration)
        return tuple([declaration.id for declaration in new])

    def get(self, stage: Ref, /) -> Optional[Declaration]:
        """Return the declaration of a stage, or None."""
        return self._stages.get(self._id_of(stage))

    def remove(self, stage: Ref, /) -> Declaration:
        """Take a stage out and return its declaration.

        Raises:
            UsageError: it is not in; ``if "load" in registry`` asks before.

        Example:
            >>> from stagekit import Registry
            >>> registry = Registry()
            >>> load = registry.add(lambda: 1, id="load")
            >>> registry.remove("load").id, len(registry)
            ('load', 0)
        """
        stage_id = self._id_of(stage)
        with self._lock:
            found = self._stages.pop(stage_id, None)
            if found is not None:
                self._version += 1
                self._snapshot = None
                return found
        __tracebackhide__ = True  # of pytest
        raise self._unknown(stage)

    def _unknown(self, stage: Any) -> UsageError:  # Any: what users write
        """Return the error of a reference that names no stage, or several."""
        from stagekit._base.text import did_you_mean, listed
        from stagekit.errors import UsageError

        ids = [declaration.id for declaration in self.snapshot()]
        names = [each.rpartition(":")[2] for each in ids]
        text = stage if isinstance(stage, str) else getattr(stage, "id", None)
        if text is None:
            return UsageError(f"`{function_name(stage)}` is not a stage of this registry")
        many = [each for each, name in zip(ids, names) if name == text]
        many = many or [each for each in ids if last_name(each) == text]
        if many:
            what = f"{text!r} is the short name of {len(many)} stages: {listed(many, _MOST_KNOWN)}"
            return UsageError(f'{what}; write the whole id: "{many[0]}"')
        near = did_you_mean(text, [*names, *ids])
        known = listed(names, _MOST_KNOWN) or "none"
        hint = f"did you mean {near[0]!r}?" if near else f"stages here: {known}"
        return UsageError(f"there is no stage {text!r}; {hint}")

    def clear(self) -> None:
        """Take every stage out."""
        with self._lock:
            self._version += 1
            self._snapshot = None
            self._stages.clear()
            self._files.clear()

    @property
    def version(self) -> int:
        """A number that grows with each change."""
        return self._version

    def snapshot(self) -> Tuple[Declaration, ...]:
        """Return the declarations as they are now, in order of declaration."""
        found = self._snapshot
        if found is None:
            with self._lock:
                found = self._snapshot = tuple(self._stages.values())
        return found

    def __contains__(self, stage: object) -> bool:
        if not (isinstance(stage, (str, StageRef)) or callable(stage)):
            return False
        return self._id_of(stage) in self._stages  # pyright: ignore[reportUnknownArgumentType]

    def __len__(self) -> int:
        return len(self._stages)

    def __iter__(self) -> Iterator[Declaration]:
        return iter(self.snapshot())

    def __repr__(self) -> str:
        return f"<Registry of {len(self)} stages>"

    def _id_of(self, stage: Ref) -> str:
        """Return the id that a reference stands for here; short names count if unique."""
        if isinstance(stage, str):
            if stage in self._stages or ":" in stage:
                return stage
            ids = [d.id for d in self.snapshot()]
            found = [each for each in ids if each.rpartition(":")[2] == stage]
            found = found or [each for each in ids if last_name(each) == stage]
            return found[0] if len(found) == 1 else stage
        if isinstance(stage, StageRef):
            return stage.id
        mark = own_mark(stage)
        if mark is not None and mark.id in self._stages:
            return mark.id
        return next((d.id for d in self.snapshot() if d.fn == stage), "")

    @staticmethod
    def current() -> Registry:
        """Return the registry that ``@stage`` and ``run`` use here: the default one unless said.

        ``use_registry`` says another. In a script ``Registry.current().add(fn, id=...)`` adds
        beside what is decorated.

        Example:
            >>> from stagekit import Registry, use_registry
            >>> with use_registry(Registry()) as registry:
            ...     Registry.current() is registry
            True
        """
        return current_registry()

    @classmethod
    def of(cls, *stages: Callable[..., Any]) -> Registry:
        """Return a fresh registry of functions that are decorated already.

        Raises:
            ValueError: one of them is not a stage.

        Example:
            >>> from stagekit import Registry, stage, use_registry
            >>> with use_registry(Registry()):
            ...     @stage
            ...     def load() -> int:
            ...         return 1
            >>> [declaration.name for declaration in Registry.of(load)]
            ['load']
        """
        registry = cls()
        for fn in stages:
            mark = own_mark(fn)
            if mark is None:
                raise ValueError(
                    f"{fn!r} is not a stage: decorate it with @stage, or registry.add it"
                )
            registry.register(mark)
        return registry

    @classmethod
    def collect(cls, *sources: object) -> Registry:
        """Return a fresh registry of the stages found in modules and in instances of classes.

        A module brings the decorated functions bound in it and in its imported submodules; an
        instance brings its decorated methods, bound to it.

        Example:
            >>> from stagekit import Registry, run, stage
            >>> class Shop:
            ...     @stage
            ...     def total(self) -> int:
            ...         return 7
            >>> [declaration.name for declaration in Registry.collect(Shop())]
            ['total']
        """
        from stagekit._declare.collect import from_instance, from_module

        registry = cls()
        for source in sources:
            found = from_module(source) if isinstance(source, ModuleType) else from_instance(source)
            for declaration in found:
                if registry._stages.get(declaration.id) is not declaration:
                    registry.register(declaration)
        return registry


default_registry = Registry()
_current: contextvars.ContextVar[Registry] = contextvars.ContextVar(
    "stagekit_registry", default=default_registry
)
current_registry = _current.get


class use_registry:  # noqa: N801 - reads as a statement: with use_registry(...)
    """Send declarations and runs that name no registry to another one, in this context only.

    Example:
        >>> from stagekit import Registry, stage, use_registry
        >>> with use_registry(Registry()) as registry:
        ...     @stage
        ...     def one() -> int:
        ...         return 1
        >>> len(registry)
        1
    """

    __slots__ = ("_registry", "_tokens")

    def __init__(self, registry: Registry, /) -> None:
        self._registry = registry
        self._tokens: list[contextvars.Token[Registry]] = []

    def __enter__(self) -> Registry:
        self._tokens.append(_current.set(self._registry))
        return self._registry

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        _current.reset(self._tokens.pop())


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
    """Return whether a function of that name was defined directly in a class body."""
    return not qualname.rpartition(".")[0].endswith("<locals>")
