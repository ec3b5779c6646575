"""``Collect``, which takes every provider; ``provides``, which says what is published."""

from __future__ import annotations

import json
from typing import Dict, List, Optional, Sequence, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import (
    Collect,
    Named,
    Registry,
    given,
    plan,
    run,
)
from stagekit.errors import Code, StagekitWarning
from tests.plan.orders import Late, Orders, Users, refused, registry_of, returning, taken, taking


def test_collect_takes_every_provider_but_itself() -> None:
    """Given values first, then stages in the order of declaration."""
    registry = Registry()

    def gather(parts: List[Orders]) -> Orders:
        return Orders("".join(part.name for part in parts))

    gather.__annotations__["parts"] = Annotated[List[Orders], Collect()]
    registry.add(gather, id="gather")
    for name in "cab":
        registry.add(returning(Orders(name)), id=name)
    assert Orders("cab") == run(registry=registry, executor="inline")["gather"]
    assert {(e.before, e.after, e.kind) for e in plan(registry=registry).edges} == {
        (0, 3, "data"),
        (1, 3, "data"),
        (2, 3, "data"),
    }


def test_collect_takes_given_values_before_those_of_stages() -> None:
    """They are providers like any, and no stage has to stand back for them."""
    registry = registry_of(b=Orders("b"), a=Orders("a"))
    registry.add(taking(Annotated[List[Orders], Collect()]), id="take")
    result = run(registry=registry, values=[Orders("given")], executor="inline")
    assert [Orders("given"), Orders("b"), Orders("a")] == result["take"]
    alone = Registry()
    alone.add(taking(Annotated[List[Orders], Collect()]), id="take")
    assert [Orders("g")] == run(registry=alone, values=[Orders("g")])["take"]


def test_a_collection_shows_whatever_it_takes() -> None:
    """Stages, values given and what stands in for a stage, as text and as JSON."""
    registry = registry_of(b=Orders("b"), a=Orders("a"))
    registry.add(taking(Annotated[List[Orders], Collect()]), id="take")
    registry.add(taking(Annotated[List[Users], Collect()]), id="none")
    made = plan(registry=registry, values=[Orders("given")], overrides={"a": Orders("x")})
    assert [
        "    take takes list[Orders] from a value given, what stands in for a stage, b",
        "    none takes list[Users] from nothing",
    ] == made.explain().partition("  collected\n")[2].splitlines()
    taken = {each["id"]: each["parameters"][0] for each in json.loads(made.to_json())["stages"][1:]}
    assert (["b"], ["given", "value"]) == (taken["take"]["providers"], taken["take"]["others"])
    assert ([], []) == (taken["none"]["providers"], taken["none"]["others"])


def test_collect_of_named_values_only_is_empty_and_warned_of() -> None:
    """A value with a name has a key of its own: none is taken, and the plan says so."""
    registry = Registry()
    registry.add(returning(Orders("eu"), Annotated[Orders, Named("eu")]), id="load")
    registry.add(taking(Annotated[List[Orders], Collect()]), id="take")
    made = plan(registry=registry, values=[given(Orders("us"), as_=Orders, name="us")])
    (problem,) = [each for each in made.warnings if each.code is Code.EMPTY_COLLECTION]
    assert ("take", "x") == (problem.stage_id, problem.parameter)
    assert "`x` of stage `take` collects nothing: every `Orders` there is has a name" in str(
        problem
    )
    assert "`load` returns `Orders named 'eu'`" in problem.notes[0]
    assert "the caller gives `Orders named 'us'`" == problem.notes[1]
    assert "or ask for each by its name: eu: Annotated[Orders, Named('eu')]" == problem.fixes[1]
    with pytest.warns(StagekitWarning, match="SK223"):
        assert [] == run("take", registry=registry)["take"]


def test_collect_beside_named_values_is_not_warned_of() -> None:
    """One value without a name shows what is meant; so does a type that no value has."""
    registry = registry_of(plain=Orders("plain"))
    registry.add(returning(Orders("eu"), Annotated[Orders, Named("eu")]), id="load")
    registry.add(taking(Annotated[List[Orders], Collect()]), id="take")
    registry.add(taking(Annotated[List[Users], Collect()]), id="none")
    assert () == plan(registry=registry).warnings
    assert [Orders("plain")] == run("take", registry=registry)["take"]


@pytest.mark.parametrize(
    ("annotation", "empty"),
    [
        (Annotated[List[Orders], Collect()], []),
        (Annotated[Tuple[Orders, ...], Collect()], ()),
        (Annotated[Sequence[Orders], Collect()], []),
        ("Annotated[list[Orders], Collect()]", []),
    ],
    ids=["list", "tuple", "sequence", "text"],
)
def test_collect_of_nothing_is_empty(annotation: object, empty: object) -> None:
    """No provider is no problem; one provider gives a list, or a tuple, of one."""
    assert empty == taken(Registry(), annotation)
    registry = registry_of(make=Orders("x"))
    expected = (Orders("x"),) if empty == () else [Orders("x")]
    assert expected == taken(registry, annotation)


@pytest.mark.parametrize("wanted", [Orders, int, Dict[str, Orders], Tuple[int, str], list])
def test_collect_needs_a_list(wanted: object) -> None:
    """On anything else it is an error that shows how it is written."""
    registry = Registry()
    registry.add(taking(Annotated[wanted, Collect()]), id="take")
    problem = refused(registry)
    assert problem.code in {Code.BAD_MARKER, Code.BAD_ANNOTATION}
    assert "Annotated[list[T], Collect()]" in problem.message


def test_collect_does_not_take_lists_and_a_list_does_not_collect() -> None:
    """``list[T]`` asks for one list; ``Collect`` asks for the values of ``T``."""
    registry = registry_of(make=Orders("x"))
    registry.add(returning([Orders("y")], List[Orders]), id="list")
    assert [Orders("y")] == taken(registry, List[Orders])
    registry.remove("take")
    assert [Orders("x")] == taken(registry, Annotated[List[Orders], Collect()])


def test_a_value_is_published_under_what_provides_says() -> None:
    """A base class, a protocol or a name; and no longer under its own type."""
    registry = Registry()
    registry.add(returning(Late("x")), id="make", provides=Orders)
    assert Late("x") == taken(registry, Orders)
    registry.remove("take")
    registry.add(taking(Late), id="take")
    assert Code.MISSING_PROVIDER is refused(registry).code
    registry = Registry()
    registry.add(returning(1), id="make", provides=Annotated[int, Named("n")])
    assert 1 == taken(registry, Annotated[int, Named("n")])


def test_a_returned_tuple_is_published_in_parts() -> None:
    """Each item under its own type, for parameters, collections and unions."""
    registry = Registry()
    parts = (Orders("a"), Users())
    registry.add(lambda: parts, id="both", provides=(Orders, Users))
    assert parts[0] is taken(registry, Orders)
    registry.remove("take")
    assert [parts[1]] == taken(registry, Annotated[List[Users], Collect()])
    registry.remove("take")
    assert parts[1] is taken(registry, Optional[Users])
    assert parts == run(registry=registry)["both"]
