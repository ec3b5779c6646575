"""Tests of the table of a plan."""

from __future__ import annotations

from textwrap import dedent
from typing import Callable, List

from typing_extensions import Annotated

from stagekit import Collect, From, Named, Plan, Registry, plan


def shown(text: str) -> str:
    """Return a text written in a test as it is printed."""
    return dedent(text).strip("\n")


def test_the_table_tells_level_stage_needs_and_gives(score_plan: Plan) -> None:
    """The table of the mock-up: a target, how much is planned, a line for each stage."""
    expected = shown("""
        sales:score      5 of 7 stages · 4 levels · at most 2 at once

          level  stage           needs                   gives
          1      load_orders     OrdersConfig            Orders
                 load_customers                          Customers
          2      clean           Orders                  CleanOrders
          3      enrich          CleanOrders, Customers  Enriched
          4      score           Enriched, Model         Scores

          parameters
            score.folds  int  5  default

          given by the caller
            OrdersConfig, Model
    """)
    assert expected == score_plan.explain()


def test_edges_of_order_alone_stand_below_the_table(shop_plan: Plan) -> None:
    """What a stage waits for without taking its value is told too."""
    expected = shown("""
        all stages      7 stages · 6 levels · at most 2 at once

          level  stage           needs                   gives
          1      load_orders     OrdersConfig            Orders
                 load_customers                          Customers
          2      clean           Orders                  CleanOrders
          3      enrich          CleanOrders, Customers  Enriched
          4      score           Enriched, Model         Scores
          5      report          Scores
          6      publish

          parameters
            score.folds  int  5  default

          given by the caller
            OrdersConfig, Model

          order only
            publish after report
    """)
    assert expected == shop_plan.explain()


def test_warnings_stand_at_the_end(shop: Registry) -> None:
    """What planning wants to be known is part of the explanation."""
    made = plan("load_customers", registry=shop, values=[1.5])
    expected = shown("""
        sales:load_customers      1 of 7 stages · 1 level · at most 1 at once

          level  stage           needs  gives
          1      load_customers         Customers

          warnings
    """)
    text = made.explain()
    assert text.startswith(expected + "\n    SK220: ")
    assert text.count("\n    ") == sum(len(str(each).split("\n")) for each in made.warnings)


def test_markers_are_told_as_the_keys_they_make() -> None:
    """Named values have their name, collections their list, any value of a stage its stage."""
    registry = Registry()

    @registry.stage(id="m:one")
    def one() -> float:
        return 1.0

    @registry.stage(id="m:two")
    def two() -> Annotated[float, Named("us")]:
        return 2.0

    @registry.stage(id="m:three")
    def three(
        us: Annotated[float, Named("us")],
        every: Annotated[List[float], Collect()],
        first: Annotated[object, From("m:one")],
    ) -> None:
        raise NotImplementedError(us, every, first)

    expected = shown("""
        all stages      3 stages · 2 levels · at most 2 at once

          level  stage  needs                                        gives
          1      one                                                 float
                 two                                                 float named 'us'
          2      three  float named 'us', list[float], value of one

          collected
            three takes list[float] from one
    """)
    assert expected == plan(registry=registry).explain()


def test_long_lists_are_cut_and_counted(graph: Callable[[str], Plan]) -> None:
    """A stage that waits for very many names a few, and says how many more there are."""
    text = graph(",".join(f"source{n}" for n in range(1_200)) + " -> sink").explain()
    first, last = text.split("\n")[0], text.split("\n")[-1]
    assert "all stages      1,201 stages · 2 levels · widest level 1,200" == first
    assert last.startswith("    sink after source0, source1, ")
    assert last.endswith(" and 1,190 more")


def test_a_plan_of_nothing_is_said_to_be_empty() -> None:
    """A registry without stages is explained by one line."""
    expected = "all stages      0 stages · 0 levels"
    assert expected == plan(registry=Registry()).explain()


def test_short_names_that_clash_are_shown_as_ids() -> None:
    """Two stages of one short name are told apart, others stay short."""
    registry = Registry()
    for stage_id in ("a:load", "b:load", "b:clean"):
        registry.add(lambda: None, id=stage_id)
    stages = [line.split()[-1] for line in plan(registry=registry).explain().split("\n")[3:]]
    assert ["a:load", "b:load", "clean"] == stages


def test_wide_letters_keep_the_columns_straight() -> None:
    """A letter that takes two columns of a terminal is counted as two."""
    registry = Registry()
    registry.add(lambda: None, id="取得")
    registry.add(lambda: None, id="load", provides=int)
    lines = plan(registry=registry).explain().split("\n")
    assert "         load          int" == lines[4]
    assert "  1      取得" == lines[3]


def test_no_control_character_of_a_name_reaches_the_reader(hostile_plan: Plan) -> None:
    """Types and names written by an enemy are shown escaped."""
    text = hostile_plan.explain()
    assert text.replace("\n", "").isprintable()
    assert '<img src=x onerror="1">\\x1b]0;t\\x07' in text


def test_the_text_grows_with_the_plan_not_with_its_square(graph: Callable[[str], Plan]) -> None:
    """Two layers of 200 stages, all joined, take a bounded line a stage."""
    layers = [",".join(f"layer{layer}stage{n}" for n in range(200)) for layer in range(3)]
    text = graph("->".join(layers)).explain()
    assert all(len(line) < 160 for line in text.split("\n"))
    assert 1_100 > len(text.split("\n"))
