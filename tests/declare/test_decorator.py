"""``@stage``: marks and indexes a function, and leaves it what it was."""

from __future__ import annotations

import functools
import inspect
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, List, Tuple, TypeVar, cast

import pytest

from stagekit import (
    DeclarationError,
    PlanError,
    Registry,
    StagekitError,
    one_of,
    optional,
    plan,
    run,
    stage,
    use_registry,
)
from stagekit._declare.declaration import MARK
from stagekit.errors import Code

F = TypeVar("F", bound=Callable[..., Any])
HOME = Registry()

with use_registry(HOME):

    @stage
    def load() -> int:
        """Return a number.

        And say more about it.
        """
        return 3

    @stage(depends_on=load, tags=["nightly", "slow"], name="Show it", description="Shows.")
    def show() -> None:
        """Show it."""


class Shop:
    """A class whose methods are stages."""

    def __init__(self, price: int) -> None:
        self.price = price

    @stage
    def cost(self) -> int:
        """Return the price."""
        return self.price

    @stage(depends_on=cost, tags=["nightly"])
    def double(self, cost: int) -> str:
        """Return twice the price, as text."""
        return str(2 * cost)

    @staticmethod
    @stage
    def currency() -> bytes:
        """Return the currency."""
        return b"EUR"

    def plain(self) -> None:
        """Take no part."""


def noted(fn: F) -> F:
    """Wrap a function as decorators do."""

    @functools.wraps(fn)
    def wrapper(*args: object, **kwargs: object) -> object:
        return fn(*args, **kwargs)

    return wrapper  # type: ignore[return-value]  # pyright: ignore[reportReturnType]


def mistakes_of(fn: Callable[..., object], **options: Any) -> Tuple[str, ...]:
    """Return what is wrong with the options of a declaration."""
    registry = Registry()
    with pytest.raises(DeclarationError) as caught:
        registry.stage(**options)(fn)
    assert 0 == len(registry)
    return caught.value.mistakes


def nothing() -> None:
    """Do nothing."""


def test_the_decorated_function_is_the_very_function() -> None:
    """Bare, called and through a registry, the decorator returns the object it was given."""
    registry = Registry()

    def plain() -> int:
        return 1

    before = (plain.__code__, plain.__name__, plain.__qualname__, plain.__doc__)
    with use_registry(registry):
        assert plain is stage(plain)
    assert plain is Registry().stage(plain)
    assert plain is Registry().stage(tags=["a"])(plain)
    assert before == (plain.__code__, plain.__name__, plain.__qualname__, plain.__doc__)
    assert (1, [MARK]) == (plain(), list(vars(plain)))


def test_a_decorated_function_can_be_called_and_pickled_by_name() -> None:
    """It is found again where it was defined, so that it can travel to other processes."""
    assert 3 == load()
    assert load is pickle.loads(pickle.dumps(load))  # noqa: S301 - our own bytes


def test_a_decorated_function_keeps_its_signature() -> None:
    """What ``inspect`` sees is what was written."""
    with use_registry(Registry()):

        @stage
        def total(rows: List[int], *, times: int = 1) -> int:
            return sum(rows) * times

    assert ["rows", "times"] == list(inspect.signature(total).parameters)


AUDITED = """
import sys
from stagekit import stage
opened = []
watching = False
sys.addaudithook(lambda event, args: opened.append((event, args)) if watching else None)

def declare():
    @stage(tags=["a"], depends_on="other")
    def load(orders: 1 / 0, *, x: "nowhere.Never" = 1) -> "1 / 0": ...

source = '''
from __future__ import annotations
@stage
def lazy(orders: 1 / 0) -> nowhere.Never: ...
'''
code = compile(source, "lazy.py", "exec")
names = {"stage": stage, "__name__": "lazy"}
modules = set(sys.modules)
watching = True
exec(code, names)
watching = False
print([event for event, _ in opened if event in ("open", "import", "socket.connect")])
print(sorted(set(sys.modules) - modules))
"""


def test_decorating_evaluates_no_annotation_opens_no_file_and_imports_nothing(
    tmp_path: Path,
) -> None:
    """What annotations mean is asked when planning; decorating costs a mark and an index entry."""
    script = tmp_path / "script.py"
    script.write_text(AUDITED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ("[]\n[]\n", "") == (done.stdout, done.stderr)


def test_options_say_what_people_see() -> None:
    """Name, description and tags are those given, else those of the function."""
    first, second = HOME
    assert ("load", "Return a number.", ()) == (first.name, first.description, first.tags)
    assert ("Show it", "Shows.", ("nightly", "slow")) == (
        second.name,
        second.description,
        second.tags,
    )
    assert (0, True) == (first.priority, first.critical)
    assert (load,) == second.depends_on


def test_a_declaration_knows_where_it_stands() -> None:
    """Location and module are those of the function; the line is that of ``def``."""
    second = list(HOME)[1]
    assert second.location is not None
    line = show.__code__.co_firstlineno
    expected = line if sys.version_info < (3, 8) else line + 1
    assert (__file__, expected) == (second.location.file, second.location.line)
    assert __name__ == second.module


def test_every_wrong_option_is_listed_at_once() -> None:
    """One error names the stage, its place, each value, and what is allowed."""
    registry = Registry()
    with pytest.raises(DeclarationError) as caught:
        registry.add(
            nothing,
            id="a b",
            name="",
            description=1,
            tags="nightly",
            provides=[int],
            priority=1.5,
            critical="no",
            depends_on=[3],
            retires=2,
        )
    error = caught.value
    assert isinstance(error, (StagekitError, ValueError))
    assert Code.INVALID_OPTION is error.code
    assert error.location is not None
    assert nothing.__code__.co_firstlineno == error.location.line
    assert str(error).startswith("stage 'a b' (")
    for option, value in [
        ("id must be letters", "'a b'"),
        ("name must be a text", "''"),
        ("description must be a text", "1"),
        ("tags must be a list or tuple", "'nightly'"),
        ("provides must be a type", repr([int])),
        ("priority must be a whole number", "1.5"),
        ("critical must be True or False", "'no'"),
        ("depends_on takes stage functions and ids", "3"),
        ("there is no option 'retires'", ""),
    ]:
        (mistake,) = [each for each in error.mistakes if each.startswith(option)]
        assert value in mistake
        assert mistake in str(error)


@pytest.mark.parametrize(
    "options",
    [
        {"tags": ["a b"]},
        {"tags": [""]},
        {"tags": [1]},
        {"tags": ["a,b"]},
        {"tags": {"a"}},
        {"priority": True},
        {"priority": "1"},
        {"critical": 1},
        {"provides": ()},
        {"provides": 3},
        {"name": 3},
        {"id": 3},
        {"id": ""},
        {"depends_on": 3},
        {"depends_on": [None]},
        {"depends_on": object()},
        {"depends_on": [optional(cast("Any", 3))]},
        {"depends_on": one_of("a", cast("Any", 3))},
    ],
    ids=repr,
)
def test_a_wrong_option_is_refused_with_its_value(options: Any) -> None:
    """Each option takes what it says, and nothing that merely looks like it."""
    ((name, value),) = options.items()
    (mistake,) = mistakes_of(nothing, **options)
    assert name in mistake
    if name == "depends_on":
        assert ": depends_on takes" not in mistake
        assert mistake.endswith(("got None", "got 3", repr(value)))
    else:
        assert repr(value) in mistake


def test_an_unknown_option_gets_its_near_miss() -> None:
    """A misspelt option is told the right spelling, any other the list of what there is."""
    assert ("there is no option 'tag'; did you mean 'tags'?",) == mistakes_of(nothing, tag=["a"])
    (mistake,) = mistakes_of(nothing, colour="red")
    assert "there are depends_on, id, name, description, tags, provides" in mistake


@pytest.mark.parametrize("option", ["cache", "when", "dry_run", "version"])
def test_an_option_that_does_nothing_yet_is_not_accepted(option: str) -> None:
    """What later issues bring is unknown until then, rather than ignored."""
    (mistake,) = mistakes_of(nothing, **{option: None})
    assert f"there is no option {option!r}" in mistake


def test_options_are_keyword_only() -> None:
    """A second positional argument is a ``TypeError``."""
    register: Any = stage
    with pytest.raises(TypeError):
        register(nothing, "load")


NO_FUNCTIONS: List[object] = ["load", 3, None, Registry().add(nothing), [nothing]]


@pytest.mark.parametrize("value", NO_FUNCTIONS, ids=repr)
def test_what_is_no_function_is_refused(value: object) -> None:
    """``@stage("load")`` is a ``TypeError`` that says how options are written."""
    register: Any = Registry().stage
    with pytest.raises(TypeError, match=r"@stage takes a function.*@stage\(depends_on="):
        register()(value) if value is None else register(value)


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_decorator_above_a_staticmethod_says_how_to_turn_them_around(kind: Any) -> None:
    """Python's own decorator stands first, ours below."""
    with pytest.raises(TypeError, match=f"write @{kind.__name__} first and @stage below it"):
        Registry().stage(kind(nothing))


@pytest.mark.parametrize("fn", [len, Shop(1).plain, "".join], ids=["len", "method", "builtin"])
def test_what_refuses_a_mark_names_registry_add(fn: Callable[..., object]) -> None:
    """Builtins and bound methods cannot be written on; the error says what can be done."""
    registry = Registry()
    with pytest.raises(TypeError, match=r"registry\.add\(.*id="):
        registry.stage(fn)
    assert 0 == len(registry)


def test_ids_are_module_and_qualified_name() -> None:
    """Of enclosing functions only their names are left; ``id=`` overrides."""
    registry = Registry()

    @registry.stage
    def inner() -> None: ...

    def other() -> None: ...

    registry.stage(id="etl.load")(other)
    here = "test_ids_are_module_and_qualified_name"
    assert [f"{__name__}:{here}.inner", "etl.load"] == [each.id for each in registry]
    assert f"{__name__}:load" in HOME


def test_a_partial_takes_the_name_of_its_function() -> None:
    """A partial of a lambda has none to take."""
    registry = Registry()
    assert f"{__name__}:load" == registry.add(functools.partial(functools.partial(load))).id
    with pytest.raises(DeclarationError, match=r'give it an id: id="\.\.\."'):
        registry.add(functools.partial(lambda: 1))


def test_an_object_needs_an_id() -> None:
    """An object that can be called has no name of its own; a class and a method have."""
    registry = Registry()
    assert f"{__name__}:Shop" == registry.add(Shop).id
    assert f"{__name__}:Shop.plain" == registry.add(Shop(1).plain).id
    with pytest.raises(DeclarationError, match="has no name of its own"):
        registry.add(functools.cmp_to_key(lambda a, b: 0), id=None)


def test_ids_may_be_200_characters_long() -> None:
    """One more is refused, written or made of a name."""
    registry = Registry()
    assert "a" * 200 == registry.add(nothing, id="a" * 200).id
    with pytest.raises(DeclarationError, match="at most 200 characters, got 201"):
        registry.add(nothing, id="a" * 201)

    def named() -> None: ...

    named.__qualname__ = "n" * 200
    with pytest.raises(DeclarationError, match="at most 200 characters"):
        registry.stage(named)


@pytest.mark.parametrize("stage_id", ["a", "a.b:c", "a-b_c.9", "größe", "东京.load", "_x", "0"])
def test_ids_are_segments_of_letters_digits_and_two_signs(stage_id: str) -> None:
    """Unicode letters count, in normal form NFKC."""
    assert stage_id == Registry().add(nothing, id=stage_id).id


def test_methods_are_marked_and_not_registered() -> None:
    """In a class body the decorator marks only; an instance brings its methods, bound."""
    with use_registry(Registry()) as registry:

        class Till:
            """Declared while a registry listens."""

            @stage
            def money(self) -> int:
                """Return what is in it."""
                return 5

        def factory() -> object:
            @stage
            def made() -> None: ...

            return made

        factory()
    assert [f"{__name__}:{Path('test_methods_are_marked_and_not_registered.factory.made')}"] == [
        each.id for each in registry
    ]
    assert 5 == Till().money()


def test_an_instance_brings_its_methods_bound() -> None:
    """``Registry.collect(instance)`` holds the decorated methods, in order of definition."""
    registry = Registry.collect(Shop(21))
    ids = [each.id.rpartition(":")[2] for each in registry]
    assert ["Shop.cost", "Shop.double", "Shop.currency"] == ids
    assert "42" == run("Shop.double", registry=registry, executor="inline")["Shop.double"]
    assert 21 == run(Shop.cost, registry=registry)[Shop.cost]


class Purse:
    """A class with a stage that one of its methods undoes."""

    def __init__(self) -> None:
        self.log: List[str] = []

    def give_back(self) -> None:
        """Undo."""
        self.log.append("base")

    @stage(undo=give_back)
    def take(self) -> int:
        """Do."""
        return 1

    @stage(depends_on=take)
    def fail(self) -> None:
        """Have the run fail."""
        raise ValueError


class OtherPurse(Purse):
    """A class that undoes in another way."""

    def give_back(self) -> None:
        """Undo, in another way."""
        self.log.append("other")


def test_a_method_that_undoes_a_method_is_bound_with_it() -> None:
    """``Registry.collect(instance)`` binds ``undo``, too; a subclass may have its own."""
    for till in (Purse(), OtherPurse()):
        result = run(registry=Registry.collect(till), rollback=True, check=False)
        assert None is result.report(Purse.take).undo_error
        assert ["base" if type(till) is Purse else "other"] == till.log


def give_up(log: List[str]) -> None:
    """Undo, as a function of its own."""
    log.append("undone")


class Till:
    """A class with a stage that a function outside undoes."""

    @stage(undo=give_up)
    def take(self) -> List[str]:
        """Do."""
        return []

    @stage(depends_on=take)
    def fail(self) -> None:
        """Have the run fail."""
        raise ValueError


def test_a_function_that_undoes_a_method_is_left_as_it_is() -> None:
    """``Registry.collect(instance)`` binds methods of the class, and nothing else."""
    result = run(registry=Registry.collect(Till()), rollback=True, check=False)
    assert ["undone"] == result[Till.take]


def test_a_wrapper_that_copies_the_mark_is_an_alias() -> None:
    """``functools.wraps`` copies the mark; the wrapper then means the stage, and is none itself."""
    registry = Registry()

    @registry.stage
    def total() -> int:
        return 7

    wrapper = noted(total)
    assert MARK in vars(wrapper)
    assert ("total",) == tuple(i.rpartition(".")[2] for i in plan(wrapper, registry=registry).order)
    registry.add(nothing, id="last", depends_on=wrapper)
    assert 7 == run(registry=registry)[wrapper]
    with pytest.raises(ValueError, match="is not a stage"):
        Registry.of(wrapper)


def test_a_wrapper_may_be_decorated_itself() -> None:
    """``@stage`` above a decorator marks the wrapper, with the inner function's name and types."""
    registry = Registry()
    wrapper = registry.stage(noted(nothing))
    assert f"{__name__}:nothing" == next(iter(registry)).id
    assert MARK not in vars(nothing)
    assert 1 == len(Registry.of(wrapper))


def test_a_mark_is_not_inherited() -> None:
    """A decorated class marks that class and not its subclasses."""
    registry = Registry()

    @registry.stage
    class Base:
        """A class as a stage."""

    class Derived(Base):
        """Not declared."""

    assert 1 == len(Registry.of(Base))
    with pytest.raises(ValueError, match="is not a stage"):
        Registry.of(Derived)
    with pytest.raises(PlanError):
        plan(Derived, registry=registry)


def test_none_is_the_default_of_every_option() -> None:
    """Options may be passed on from elsewhere without being said."""
    registry = Registry()
    options: Any = dict.fromkeys(
        ("name", "description", "tags", "provides", "priority", "critical")
    )
    registry.add(nothing, id="a", depends_on=None, **options)
    (found,) = registry
    assert ("nothing", (), 0, True) == (found.name, found.tags, found.priority, found.critical)
    registry.add(nothing, id=None)
    assert 2 == len(registry)
