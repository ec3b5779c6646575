"""Bad definitions, row by row: each ends in one clear error, or in a plan that is right.

Each test has the number of its row in ``tests/data/reliability_rows.json``.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, Iterator, List, Optional

import pytest

from stagekit import (
    DeclarationError,
    DuplicateStageError,
    PlanError,
    Problem,
    Registry,
    plan,
    run,
)
from stagekit.errors import Code


class Orders:
    """What one stage provides and another asks for."""


def nothing() -> None:
    """Stand for a stage that only takes part in the order."""


def problems(registry: Registry, target: object = None, **options: Any) -> List[Problem]:
    """Return the problems for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(target, registry=registry, **options)
    return list(caught.value.problems)


BAD_IDS = [
    *("../../x", "a/b", "a\0b", "\ud800", "a\nb", " a", "a ", "", ".", "a..b", "a:", "a" * 201),
    *("a\\b", "C:\\x", "~", "a*", "a b", "a,b", "'", "\x1b[31m"),
]


@pytest.mark.parametrize("stage_id", BAD_IDS, ids=ascii)
def test_d01_an_id_that_could_do_harm_is_refused(stage_id: str) -> None:
    """Paths, control characters, lone surrogates, blanks and long texts are no ids."""
    with pytest.raises(DeclarationError) as caught:
        Registry().add(nothing, id=stage_id)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("stage_id", ["a\u202eb", "a\u200bb", "cafe\u0301", "ﬁle"], ids=ascii)
def test_d02_an_id_that_reads_like_another_is_refused(stage_id: str) -> None:
    """Overrides of direction, invisible and combining characters are no part of an id."""
    with pytest.raises(DeclarationError) as caught:
        Registry().add(nothing, id=stage_id)
    assert str(caught.value).isprintable()
    assert stage_id.encode("ascii", "backslashreplace").decode() in str(caught.value)


def test_d02_an_id_may_have_letters_of_any_language() -> None:
    """Letters in normal form are fine, and a name may hold any text."""
    registry = Registry()
    registry.add(nothing, id="caf\u00e9.größe:東京", name="a\u202eb")
    assert ("café.größe:東京",) == plan(registry=registry).order


def test_d03_ids_differ_by_case_and_may_be_names_of_devices() -> None:
    """``Load`` and ``load`` are two stages, ``CON`` is one: ids never become file names."""
    registry = Registry()
    for stage_id in ("Load", "load", "CON", "nul"):
        registry.add(nothing, id=stage_id)
    assert 4 == len(run(registry=registry, executor="inline"))


def test_d04_an_id_declared_twice_names_both_places() -> None:
    """The second declaration is refused with both places; the first one stays."""
    registry = Registry()

    def first() -> None: ...
    def second() -> None: ...

    registry.add(first, id="load")
    with pytest.raises(DuplicateStageError) as caught:
        registry.add(second, id="load")
    error, line = caught.value, first.__code__.co_firstlineno
    assert error.first is not None
    assert error.location is not None
    assert [line, line + 1] == [error.first.line, error.location.line]
    assert f"test_definitions.py:{line}" in str(error)
    assert f"test_definitions.py:{line + 1}" in str(error)
    found = registry.get("load")
    assert found is not None
    assert first is found.fn


def test_d06_a_stage_that_depends_on_itself_is_told_so() -> None:
    """The shortest cycle is worded as what it is, by order and by value."""
    registry = Registry()
    registry.add(nothing, id="load", depends_on="load")
    (problem,) = problems(registry)
    assert (Code.CYCLE, ("load", "load")) == (problem.code, problem.path)
    assert "depends on itself" in problem.message

    registry = Registry()

    def grow(orders: Orders) -> Orders:
        return orders

    registry.add(grow, id="grow")
    (problem,) = problems(registry)
    assert (Code.CYCLE, ("grow", "grow")) == (problem.code, problem.path)
    registry.add(Orders, id="load")
    assert ("load", "grow") == plan(registry=registry).order


def test_d07_a_cycle_of_10_000_can_be_read() -> None:
    """The text shows ten stages first and three last; the path has all."""
    registry = Registry()
    for number in range(10_000):
        registry.add(nothing, id=f"s{number}", depends_on=f"s{(number - 1) % 10_000}")
    (problem,) = problems(registry)
    assert 10_001 == len(problem.path)
    assert len(str(problem)) < 2000
    assert "s0 → s1 → s2" in problem.message
    assert problem.message.endswith("→ s9998 → s9999 → s0")


def test_d08_an_unknown_id_gets_its_near_miss() -> None:
    """A misspelt id in ``depends_on`` is an error with what was most likely meant."""
    registry = Registry()
    registry.add(nothing, id="load_orders")
    registry.add(nothing, id="total", depends_on="load_order")
    (problem,) = problems(registry)
    assert (Code.UNKNOWN_STAGE, "total") == (problem.code, problem.stage_id)
    assert "'load_order'" in problem.message
    assert any("'load_orders'" in note for note in problem.notes)
    assert problem.location is not None


def test_d09_a_text_in_depends_on_is_one_id() -> None:
    """``depends_on="load"`` is one stage, not four letters."""
    registry = Registry()
    registry.add(nothing, id="load")
    registry.add(nothing, id="total", depends_on="load")
    assert ((), (0,)) == plan(registry=registry).parents


@pytest.mark.parametrize("empty", [[], None, (), iter(""), frozenset("")], ids=repr)
def test_d10_nothing_to_depend_on_may_be_written_in_any_way(empty: object) -> None:
    """An empty list, None, an empty tuple and an empty generator are no dependency."""
    registry = Registry()
    registry.add(nothing, id="total", depends_on=empty)
    assert ((),) == plan(registry=registry).parents


def test_d10_a_generator_is_consumed_once() -> None:
    """What a generator yields is taken when the stage is declared, and kept."""
    registry = Registry()
    for stage_id in ("a", "b"):
        registry.add(nothing, id=stage_id)
    registry.add(nothing, id="total", depends_on=(each for each in "ab"))
    assert plan(registry=registry).parents == plan(registry=registry).parents
    assert (0, 1) == plan(registry=registry).parents[2]


def test_d11_a_stage_of_a_module_that_is_not_imported_names_the_module() -> None:
    """An id whose module has declared nothing is an error that says what to import."""
    registry = Registry()
    registry.add(nothing, id="total", depends_on="warehouse.loading:load")
    (problem,) = problems(registry)
    assert Code.UNKNOWN_STAGE is problem.code
    assert any("import warehouse.loading" in fix for fix in problem.fixes)


def bare(default: Optional[int] = None) -> Callable[..., object]:
    """Return a function whose parameter has no annotation."""

    def total(orders: object) -> object:
        return orders

    total.__annotations__.clear()
    total.__defaults__ = None if default is None else (default,)
    return total


def test_d12_a_parameter_without_annotation_and_default_is_an_error() -> None:
    """It names the stage and the parameter, and what to write."""
    registry = Registry()
    registry.add(bare(), id="total")
    (problem,) = problems(registry)
    assert (Code.NO_KEY, "total", "orders") == (problem.code, problem.stage_id, problem.parameter)
    assert (
        "say what it takes: orders: ...",
        "or give it a default: orders=...",
    ) == problem.fixes


def test_d13_a_parameter_without_annotation_gets_its_default() -> None:
    """A default is all that can fill it, and does."""
    registry = Registry()
    registry.add(bare(5), id="total")
    registry.add(lambda: 7, id="seven", provides=int)
    assert 5 == run(registry=registry, executor="inline")["total"]


def test_d14_an_annotation_that_cannot_be_evaluated_names_both_causes() -> None:
    """The name is told, and that it may be imported for type checkers only, or be local."""
    registry = Registry()

    class Local:
        """Known to this function only."""

    @registry.stage
    def total(orders: Local) -> int:
        raise AssertionError(orders)

    def show() -> None: ...

    show.__annotations__["return"] = "Missing[int]"
    registry.add(show, id="show")
    first, second = problems(registry)
    assert [Code.BAD_ANNOTATION] * 2 == [first.code, second.code]
    assert (first.parameter, second.parameter) == ("orders", None)
    for problem, name in ((first, "`Local`"), (second, "`Missing`")):
        assert name in problem.message
        assert any("TYPE_CHECKING" in note for note in problem.notes)
        assert any("local to the enclosing function" in note for note in problem.notes)


def test_d26_a_stage_declared_while_a_run_is_active_is_not_part_of_it() -> None:
    """A run goes by its plan, whatever is declared or removed meanwhile."""
    registry = Registry()

    def declare() -> None:
        registry.add(nothing, id="late")
        registry.remove("last")

    registry.add(declare, id="declare")
    registry.add(nothing, id="last", depends_on="declare")
    result = run(registry=registry, executor="inline")
    assert ("declare", "last") == result.plan.order
    assert ["declare", "late"] == [stage.id for stage in registry]


def in_threads(count: int, work: Callable[[int], object]) -> None:
    """Call *work* in many threads, started at once, and wait for all."""
    barrier = threading.Barrier(count)
    failures: List[BaseException] = []

    def started(number: int) -> None:
        barrier.wait(60)
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=started, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [] == failures


@pytest.fixture
def switching() -> Iterator[None]:
    """Let threads take turns fifty times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_d27_of_32_threads_that_declare_one_id_exactly_one_wins() -> None:
    """Each id has one declaration, and every other attempt its error."""
    registry = Registry()
    won: List[str] = []
    lost: List[str] = []

    def declare(_: int) -> None:
        for number in range(25):
            try:
                won.append(registry.add(nothing, id=f"s{number}").id)
            except DuplicateStageError as error:
                lost.append(error.stage)

    in_threads(32, declare)
    assert sorted(f"s{number}" for number in range(25)) == sorted(won)
    assert 25 == len(registry)
    assert 31 * 25 == len(lost)


@pytest.mark.usefixtures("switching")
def test_d28_a_registry_can_be_listed_while_stages_are_declared() -> None:
    """Iteration runs over a snapshot: it never raises, and what it shows was there at once."""
    registry = Registry()

    def work(number: int) -> None:
        if number % 2:
            for each in range(100):
                registry.add(nothing, id=f"t{number}-{each}")
            return
        for _ in range(100):
            before = len(registry)
            seen = [stage.id for stage in registry]
            assert before <= len(seen) <= len(registry)
            assert len(seen) == len(set(seen))

    in_threads(8, work)
    assert 400 == len(registry)


def test_d28_what_is_declared_during_iteration_is_not_in_it() -> None:
    """A loop over a registry ends, even if it declares a stage at every turn."""
    registry = Registry()
    registry.add(nothing, id="s0")
    registry.add(nothing, id="s1")
    for number, _ in enumerate(registry):
        registry.add(nothing, id=f"new{number}")
    assert ["s0", "s1", "new0", "new1"] == [stage.id for stage in registry]


ALIAS = """
type Rows = list[int]
def load() -> Rows: return [1]
def total[T: int](rows: Rows) -> int: return sum(rows)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="`type` statements are younger")
def test_d34_an_alias_of_pep_695_is_the_type_it_stands_for() -> None:
    """A ``type`` alias and its value are one key; type parameters disturb nothing."""
    names: Any = {"__name__": __name__}
    exec(ALIAS, names)  # noqa: S102 - older interpreters cannot read it
    registry = Registry()
    registry.add(names["load"], id="load")
    registry.add(names["total"], id="total")
    assert 1 == run(registry=registry, executor="inline")["total"]


LAZY = """
def load() -> Later: return Later()
def total(later: Later) -> int: return 7
class Later: ...
"""


def test_d34_annotations_may_name_what_is_defined_later() -> None:
    """As texts on any Python, and as they are where annotations are lazy."""
    future = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
    names: Any = {"__name__": __name__}
    exec(compile(future + LAZY, __file__, "exec", dont_inherit=True), names)  # noqa: S102
    registry = Registry()
    registry.add(names["load"], id="load")
    registry.add(names["total"], id="total")
    assert ("load", "total") == plan("total", registry=registry).order
    assert 7 == run(registry=registry, executor="inline")["total"]


@pytest.mark.parametrize("size", [3_000, pytest.param(100_000, marks=pytest.mark.heavy)])
def test_d35_neither_depth_nor_width_is_limited_by_recursion(size: int) -> None:
    """A chain, and one stage that waits for all others, plan and run."""
    registry = Registry()
    registry.add(nothing, id="s0")
    for number in range(1, size):
        registry.add(nothing, id=f"s{number}", depends_on=f"s{number - 1}")
    registry.add(nothing, id="last", depends_on=[f"s{number}" for number in range(size)])
    made = plan(registry=registry)
    assert (size + 1, size) == (len(made.generations()), made.indegree[-1])
    assert run(made, executor="inline").ok
