"""Corners of planning that no rule names: what is rare must be right as well."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any, Dict, List, Optional, Union

import pytest
from typing_extensions import Annotated, Never, Protocol

from stagekit import From, PlanError, Problem, Registry, RunInfo, plan, run
from stagekit._plan.annotation import innermost
from stagekit._plan.signature_data import EMPTY
from stagekit.errors import Code


class Orders:
    """A class."""


class Late(Orders):
    """A subclass."""


class Users:
    """Another class."""


class Unrelated:
    """A class with a name like no other."""


class Strange:
    """A class whose look-up raises."""

    def __class_getitem__(cls, item: int) -> Any:
        raise NameError(*["name 'Lost' is not defined"][: item % 2])


class Empty(Protocol):
    """A protocol without members."""


def taking(annotation: object) -> Any:  # Any: a function made for one test
    """Return a function with one parameter of this annotation, which it returns."""

    def take(x: object) -> object:
        return x

    take.__annotations__ = {"x": annotation}
    return take


def refused(registry: Registry, *arguments: Any, **options: Any) -> Problem:
    """Return the one problem for which a registry cannot be planned."""
    with pytest.raises(PlanError) as caught:
        plan(*arguments, registry=registry, **options)
    (problem,) = caught.value.problems
    return problem


def test_one_text_in_two_modules_means_what_each_of_them_says() -> None:
    """Annotations are texts; what they name depends on where they stand."""
    registry = Registry()
    for name in ("left", "right"):
        names: Dict[str, Any] = {"__name__": name, "__file__": name, "List": List}
        names["Orders"] = type("Orders", (), {"__module__": name})
        source = "def make() -> 'List[Orders]': return [Orders()]\n"
        source += "def take(x: 'List[Orders]') -> None: assert type(x[0]) is Orders\n"
        exec(source, names)  # noqa: S102 - needs globals of its own
        registry.add(names["make"])
        registry.add(names["take"])
    made = plan(registry=registry)
    bound = {(made.order[edge.before], made.order[edge.after]) for edge in made.edges}
    assert {("left:make", "left:take"), ("right:make", "right:take")} == bound
    assert run(made, executor="inline").ok


@pytest.mark.parametrize(("text", "told"), [("Strange[1]", "`Lost`"), ("Strange[2]", "as a type")])
def test_a_name_error_of_the_users_own_is_told(text: str, told: str) -> None:
    """An annotation may run code, which may raise a ``NameError`` that knows no name."""
    registry = Registry()
    registry.add(taking(text), id="take")
    problem = refused(registry)
    assert Code.BAD_ANNOTATION is problem.code
    assert told in problem.message


def test_an_enclosing_name_that_is_not_bound_yet_is_told() -> None:
    """Planned before the class is defined, the annotation has no meaning yet."""
    registry = Registry()

    def take(x: Later) -> bool:
        return isinstance(x, Later)  # pyright: ignore[reportUnnecessaryIsInstance]

    registry.add(take, id="take")
    assert "`Later`" in refused(registry).message

    class Later:
        """Defined after it is asked for."""

    again = Registry()
    again.add(Later, id="later")
    again.add(take, id="take")
    assert run(registry=again, executor="inline")["take"]


def test_a_value_given_for_several_parameters_is_one_slot() -> None:
    """Given values and injectables are bound once, however many parameters take them."""

    def both(a: Orders, info: RunInfo, same: RunInfo) -> Orders:
        assert info is same
        return a

    registry = Registry()
    registry.add(both, id="both", provides=bytes)
    registry.add(both, id="again", provides=float)
    made = plan(registry=registry, values=[Orders()])
    assert 2 == made.constants
    result = run(made, values=[Orders()])
    assert result["both"] is result["again"]


def test_a_cycle_through_a_later_parameter_names_that_one() -> None:
    """The reason of an edge is the parameter that makes it."""

    def a(users: Users, late: Late) -> Orders:
        raise AssertionError(users, late)

    def b(orders: Orders) -> Late:
        raise AssertionError(orders)

    registry = Registry()
    registry.add(Users, id="users")
    registry.add(a, id="a")
    registry.add(b, id="b")
    problem = refused(registry)
    assert "a waits for b: parameter `late: Late`" in problem.notes


def test_near_misses_come_from_given_values_and_for_members_of_unions() -> None:
    """A subclass that is given is told; what resembles nothing is not."""
    registry = Registry()
    registry.add(taking(Union[Orders, Users]), id="take")
    problem = refused(registry, values=[Late(), Unrelated()])
    assert any("the caller gives `Late`" in note for note in problem.notes)
    assert not any("`Unrelated`" in note and "gives" in note for note in problem.notes)


def test_a_base_class_is_a_near_miss_and_object_is_not() -> None:
    """Asked for the subclass where the base is provided, it is told."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(Late), id="take")
    assert any("`Orders`" in note for note in refused(registry).notes)
    registry = Registry()
    registry.add(Unrelated, id="load")
    registry.add(taking(Empty), id="take")
    assert not any("`load` returns" in note for note in refused(registry).notes)


def test_a_function_that_serves_two_stages_leaves_other_references_alone() -> None:
    """Other functions, ids and short names are found as before."""

    def nothing() -> None: ...
    def other() -> None: ...

    registry = Registry()
    registry.add(nothing, id="one")
    registry.add(nothing, id="two")
    registry.add(other, id="other")
    registry.add(lambda: None, id="last", depends_on=[other, "one"])
    assert {"other", "one", "last"} == set(plan("last", registry=registry).order)
    registry.add(lambda: None, id="very-last", depends_on=other)
    assert ("other", "very-last") == plan("very-last", registry=registry).order


def test_functions_without_parameters_are_found_by_functions_and_ids() -> None:
    """The common case, and the same where a function serves two stages."""

    def first() -> None: ...
    def second() -> None: ...
    def third() -> None: ...

    registry = Registry()
    registry.add(first, id="first")
    registry.add(second, id="second", depends_on=first)
    registry.add(third, id="third", depends_on=[first, "second"])
    assert ((), (0,), (0, 1)) == plan(registry=registry).parents
    registry.add(third, id="fourth", depends_on=[second, first])
    made = plan(registry=registry)
    assert (0, 1) == made.parents[made.step_of("fourth")]


def test_a_stand_in_with_parameters_provides_what_the_stage_did() -> None:
    """Without a return annotation of its own."""
    registry = Registry()
    registry.add(Users, id="users")
    registry.add(Orders, id="load")
    registry.add(taking(Orders), id="take")
    value = Orders()

    def other(users: object) -> object:
        assert isinstance(users, Users)
        return value

    other.__annotations__ = {"users": Users}
    assert value is run("take", registry=registry, overrides={"load": other})["take"]


def test_a_reference_to_another_registry_in_a_module_is_no_target() -> None:
    """What a module binds counts where the registry has it."""
    module = ModuleType("shop_of_corners")
    here, elsewhere = Registry(), Registry()
    vars(module)["known"] = here.add(Users, id="known")
    vars(module)["unknown"] = elsewhere.add(Users, id="unknown")
    here.add(Orders, id="other")
    assert ("known",) == plan(module, registry=here).order


class Shop:
    """A class with a method."""

    def total(self) -> int:
        """Return a number."""
        return 7


def test_a_bound_method_is_found_by_an_equal_one_and_by_its_function() -> None:
    """Each access makes a new object; they are equal, and mean one stage."""
    registry, shop = Registry(), Shop()
    registry.add(shop.total, id="total")
    registry.add(lambda: None, id="last", depends_on=shop.total)
    assert 7 == run(registry=registry)[shop.total]
    assert 0 == plan(registry=registry).step_of(Shop.total)
    with pytest.raises(LookupError):
        plan(registry=registry).step_of(Shop().total)


def test_the_main_module_is_a_target_by_the_name_it_has_when_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """``run(sys.modules["__main__"])`` in a script."""
    main = ModuleType("__main__")
    vars(main)["__file__"] = "/nowhere/flow.py"
    monkeypatch.setitem(sys.modules, "__main__", main)
    registry = Registry()
    vars(main)["registry"] = registry
    exec("@registry.stage\ndef load() -> int: return 1", vars(main))  # noqa: S102
    registry.add(lambda: None, id="other")
    assert ("flow:load",) == plan(main, registry=registry).order
    assert ("flow:load",) == plan("flow", registry=registry).order


def test_a_selection_takes_a_given_value_where_a_union_member_is_left_out() -> None:
    """The value stands in for the provider that is not planned."""
    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(Union[Orders, Users]), id="take")
    value = Orders()
    made = plan(registry=registry, select="take", values=[value])
    assert value is run(made, values=[value])["take"]


def test_from_a_stage_that_publishes_under_another_type_is_checked_by_that() -> None:
    """Without a return annotation, what ``provides`` says is what it returns."""
    registry = Registry()
    registry.add(lambda: Late(), id="make", provides=Late)
    registry.add(taking(Annotated[Orders, From("make")]), id="take")
    assert isinstance(run(registry=registry)["take"], Late)
    registry.remove("take")
    registry.add(taking(Annotated[Users, From("make")]), id="take")
    assert "which returns `Late`" in refused(registry).message


def test_from_a_union_fits_a_union_that_has_all_members() -> None:
    """A narrower union may stand where a wider one is asked for, not the other way round."""
    registry = Registry()

    def narrow() -> Optional[Late]:
        return None

    registry.add(narrow, id="narrow")
    wide = Annotated[Union[Orders, Users, None], From("narrow")]
    registry.add(taking(wide), id="take")
    assert 2 == len(plan(registry=registry))
    registry.remove("take")
    registry.add(taking(Annotated[Union[Users, int], From("narrow")]), id="take")
    assert Code.TYPE_MISMATCH is refused(registry).code


def test_a_function_that_never_returns_provides_nothing() -> None:
    """``Never`` is ``NoReturn``."""

    def stop() -> object:
        raise SystemExit

    stop.__annotations__ = {"return": Never}
    registry = Registry()
    registry.add(stop, id="stop")
    registry.add(taking(Optional[Orders]), id="take")
    assert () == plan(registry=registry).edges


def test_a_stand_in_that_returns_nothing_provides_nothing() -> None:
    """It says so by its annotation, and is believed."""

    def silent() -> None: ...

    registry = Registry()
    registry.add(Orders, id="load")
    registry.add(taking(Orders), id="take")
    problem = refused(registry, overrides={"load": silent})
    assert Code.MISSING_PROVIDER is problem.code


def test_wrappers_in_a_circle_end() -> None:
    """A function that is said to wrap itself is looked at for a while, and then taken as it is."""

    def fn() -> None: ...

    vars(fn)["__wrapped__"] = fn
    assert fn is innermost(fn)
    registry = Registry()
    registry.add(fn, id="fn")
    assert "fn" == refused(registry).stage_id


def test_no_default_is_shown_as_such() -> None:
    """In a debugger."""
    assert "<none>" == repr(EMPTY)


def test_a_class_without_an_init_of_its_own_is_a_stage() -> None:
    """And so is one whose ``__init__`` is a builtin's, through a partial."""
    registry = Registry()
    registry.add(functools.partial(Users), id="users")
    assert isinstance(run(registry=registry)["users"], Users)
