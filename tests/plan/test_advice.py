"""What problems of parameters propose: the provider whose name stands out, or a gap."""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any, Iterator, List, Optional

import pytest

from stagekit import PlanError, Problem, Registry, plan, use_registry
from stagekit.errors import Code

HEAD = """
import collections
from typing import Iterator, List, Optional, Tuple, Union
from typing_extensions import Annotated
from stagekit import From, Named, Each, given, stage
class Frame: ...
class Other: ...
class Late(Frame): ...
"""


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    sys.modules.pop("shop", None)


def module_of(source: str) -> ModuleType:
    """Return a module ``shop`` of this source, below some imports and classes."""
    module = ModuleType("shop")
    sys.modules["shop"] = module
    exec(compile(HEAD + textwrap.dedent(source), "shop.py", "exec"), vars(module))  # noqa: S102
    return module


def found(source: str, target: Optional[str] = None, **options: Any) -> List[Problem]:
    """Return the problems of a module's source."""
    with use_registry(Registry()) as registry:
        module_of(source)
    try:
        plan(target, registry=registry, **options)
    except PlanError as error:
        return list(error.problems)
    return []


def one(source: str, target: Optional[str] = None, **options: Any) -> Problem:
    """Return the one problem of a module's source."""
    (problem,) = found(source, target, **options)
    return problem


def several(*names: str) -> str:
    """Return the source of stages that return a ``Frame``."""
    return "".join(f"@stage\ndef {name}() -> Frame: ...\n" for name in names)


@pytest.mark.parametrize(
    ("stages", "parameter", "chosen"),
    [
        (["orders", "products"], "order", "orders"),
        (["orders", "products"], "df_orders", "orders"),
        (["load_orders", "load_products"], "orders", "load_orders"),
        (["orders", "products"], "ordrs", "orders"),
        (["plot_months", "plot_stores"], "store_png", "..."),
        (["load_orders", "clean_orders"], "orders", "..."),
        (["orders", "products"], "df", "..."),
        (["a", "b"], "x", "..."),
    ],
)
def test_the_name_that_stands_out_is_proposed(
    stages: List[str], parameter: str, chosen: str
) -> None:
    """Equal words, more or fewer of them, a typo; else a gap is left."""
    problem = one(several(*stages) + f"@stage\ndef take({parameter}: Frame): ...")
    assert f"say which: {parameter}: Annotated[Frame, From({chosen})]" == problem.fixes[0]
    if chosen != "...":
        assert f"or give it the name of the stage: {chosen}: Frame" in problem.fixes


def test_a_stage_that_has_the_very_name_forbids_to_guess() -> None:
    """It returns another type, or comes later: what resembles it is not it."""
    other = "@stage\ndef df_orders() -> Other: ...\n"
    problem = one(several("orders", "products") + other + "@stage\ndef t(df_orders: Frame): ...")
    assert "From(...)" in problem.fixes[0]


def test_what_comes_later_is_neither_proposed_nor_offered() -> None:
    """A stage that waits for this one would make a cycle."""
    source = several("orders", "products") + (
        "@stage\ndef clean(report_data: Frame) -> int: ...\n"
        "@stage\ndef report(clean: int) -> Frame: ...\n"
    )
    problem = one(source)
    assert "2 stages provide" in problem.message
    assert "report" not in problem.message.replace("report_data", "")
    assert "From(...)" in problem.fixes[0]


def test_two_proposals_make_no_cycle_together() -> None:
    """What was proposed counts for what is proposed next."""
    source = several("x", "y") + (
        "@stage\ndef alpha(the_beta: Frame) -> Frame: ...\n"
        "@stage\ndef beta(the_alpha: Frame) -> Frame: ...\n"
    )
    first, second = found(source)
    assert 'From("beta")' in first.fixes[0]
    assert "From(...)" in second.fixes[0]


def test_one_stage_is_proposed_for_one_parameter_only() -> None:
    """Neither for two, nor where another parameter has its name."""
    source = (
        several("orders", "products") + "@stage\ndef take(orders: Frame, my_orders: Frame): ..."
    )
    assert "From(...)" in one(source).fixes[0]
    source = several("orders", "x") + "@stage\ndef take(orders_a: Frame, orders_b: Frame): ..."
    assert ["From(orders)", "From(...)"] == [
        re.findall(r"From\(.*?\)", each.fixes[0])[0] for each in found(source)
    ]


def test_a_reference_can_be_copied() -> None:
    """A function that is defined below, or that the file does not have, is named by a text."""
    later = "@stage\ndef take(the_orders: Frame): ...\n" + several("orders", "products")
    assert 'From("orders")' in one(later).fixes[0]
    registry = Registry()
    module = module_of("def orders() -> Frame: ...\ndef take(the_b: Frame): ...")
    for name in ("x.a", "x.b", "y.c"):
        registry.add(module.orders, id=name)
    registry.add(module.take)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    assert 'From("x.b")' in caught.value.problems[0].fixes[0]


def test_types_are_spelt_as_the_file_can_write_them() -> None:
    """By an alias of their module, by an alias of their own, as ``List`` or ``Optional``."""
    source = "Deck = collections.deque\ndel collections\n"
    stages = "@stage\ndef {}() -> {}: ...\n@stage\ndef {}() -> {}: ...\n@stage\ndef t(x: {}): ..."

    def fix(text: str, before: str = "") -> str:
        return one(before + stages.format("a", text, "b", text, text)).fixes[0]

    name = "collections.OrderedDict"
    assert f"x: Annotated[{name}, From(...)]" in fix(name)
    assert "x: Annotated[Deck, From(...)]" in fix("Deck", source)
    assert "x: Annotated[List[Frame], From(...)]" in fix("List[Frame]")
    assert "x: Annotated[Tuple[Frame, ...], From(...)]" in fix("Tuple[Frame, ...]")
    wanted = "@stage\ndef t(x: {}): ..."
    both = several("a", "b")
    text = one(both + wanted.format("Optional[Frame]")).fixes[0]
    assert "x: Annotated[Optional[Frame], From(...)]" in text
    text = one(both + wanted.format("Union[Other, Frame]")).fixes[0]
    assert "x: Annotated[Union[Frame, Other], From(...)]" in text


def test_the_imports_are_named_that_a_fix_needs() -> None:
    """Those that the file does not have."""
    source = several("a", "b") + "@stage\ndef t(x: Frame): ...\n"
    assert not [fix for fix in one(source).fixes if fix.startswith("with:")]
    source += "del From, Annotated\n"
    line = "with: from stagekit import From; from typing_extensions import Annotated"
    assert line in one(source).fixes


def test_the_path_up_to_the_target_is_told() -> None:
    """`sell` needs `forge` needs `smelt` needs gold that nobody has."""
    source = (
        "class Gold: ...\nclass Iron: ...\n"
        "@stage\ndef smelt(gold: Gold) -> Iron: ...\n"
        "@stage\ndef forge(iron: Iron) -> int: ...\n"
        "@stage\ndef sell(forged: int): ...\n"
    )
    assert "`sell` needs `forge` needs `smelt` needs `gold: Gold`" in one(source, "sell").notes
    assert not [note for note in one(source, "smelt").notes if "needs" in note]
    assert not [note for note in one(source).notes if "needs" in note]


def test_a_stage_without_return_annotation_is_named() -> None:
    """By its name, or as the only one."""
    use = "@stage\ndef use(n: int): ...\n"
    problem = one("@stage\ndef load(): return 3\n" + use)
    assert "`load` has no return annotation" in problem.notes[0]
    assert "or annotate `load`: -> int" == problem.fixes[-1]  # a number may come from outside
    problem = one("@stage\ndef load(): ...\n@stage\ndef n(): ...\n" + use)
    assert "annotate `n`: -> int" == problem.fixes[0]
    problem = one("@stage\ndef load(): ...\n@stage\ndef find(): ...\n" + use)
    assert "set it: --set use.n=..." == problem.fixes[0]
    assert 2 == sum("no return annotation" in note for note in problem.notes)


def test_a_function_without_stage_is_named() -> None:
    """Of the same module, by its return annotation; the one with the name before others."""
    use = "@stage\ndef use(size: float): ...\n"
    problem = one("def load() -> float: ...\n" + use)
    assert "`load` returns it and is no stage" in problem.notes[0]
    assert "or make `load` a stage: @stage above it" == problem.fixes[-1]
    problem = one("def load() -> float: ...\ndef size() -> float: ...\n" + use)
    assert "make `size` a stage: @stage above it" == problem.fixes[0]
    problem = one("def load() -> float: ...\ndef find() -> float: ...\ndef no(): ...\n" + use)
    assert "set it: --set use.size=..." == problem.fixes[0]


def test_a_returned_tuple_is_taken_apart_by_provides() -> None:
    """The most usual stage of machine learning."""
    split = "@stage\ndef split() -> Tuple[Frame, Other]: ...\n"
    problems = found(split + "@stage\ndef fit(train: Frame, test: Other): ...")
    assert ["publish the parts: @stage(provides=(Frame, Other)) above `split`"] * 2 == [
        each.fixes[0] for each in problems
    ]


def test_a_broken_annotation_of_the_producer_is_named_for_a_target_too() -> None:
    """By the name of the stage, by a word of the annotation, or as the only broken one."""
    source = (
        "def price() -> int: ...\n"
        "price.__annotations__['return'] = {!r}\nprice = stage(price)\n"
        "@stage\ndef pay({}: Frame): ...\n"
    )
    problem = one(source.format("Frmae", "price"), "pay")
    assert "the return annotation of `price` is broken: `Frmae`" in problem.notes[0]
    assert "fix the return annotation of `price`" == problem.fixes[0]
    problem = one(source.format("other.Frame", "amount"), "pay")
    assert "fix the return annotation of `price`" == problem.fixes[0]
    problem = one(source.format("Nothing", "amount"), "pay")
    assert "`price` is broken" in problem.notes[0]
    assert "annotate the producer: -> Frame" == problem.fixes[0]


def test_a_generator_function_says_what_it_provides() -> None:
    """It is a resource, and provides what it yields."""
    source = "@stage\ndef rows() -> Iterator[Frame]:\n    yield Frame()\n"
    problem = one(source + "@stage\ndef use(rows: Iterator[Frame]): ...")
    assert any("generator function" in note for note in problem.notes)


def test_a_parameter_without_annotation_takes_the_type_of_its_stage() -> None:
    """The stage of its name says it; nothing is made up."""
    problem = one(several("orders") + "@stage\ndef use(orders): ...")
    assert "say what it takes: orders: Frame" == problem.fixes[0]
    problem = one("@stage\ndef orders(): ...\n@stage\ndef use(orders): ...")
    assert "say what it takes: orders: ..." == problem.fixes[0]
    assert "`orders` has no return annotation either" in problem.notes[0]
    problem = one("@stage\ndef use(orders): ...")
    assert ("say what it takes: orders: ...", ()) == (problem.fixes[0], problem.notes)


def test_problems_with_one_cause_are_one_block() -> None:
    """One title, a table, and help for all; each is a problem of its own for machines."""
    source = several("a", "b") + "".join(f"@stage\ndef t{n}(x{n}: Frame): ...\n" for n in range(9))
    problems = found(source)
    assert {Code.AMBIGUOUS_PROVIDER} == {each.code for each in problems}
    text = str(PlanError(tuple(problems)))
    assert "SK202: 9 parameters ask for `Frame`, which 2 stages return\n" in text
    assert 9 == text.count("Annotated[Frame, From(...)]")
    assert len(text.splitlines()) < 16
    bare = str(PlanError(tuple(found("@stage\ndef a(b): ...\n@stage\ndef b(c): ...\n"))))
    assert "SK206: 2 parameters have no annotation, so nothing can fill them" in bare
    lost = str(PlanError(tuple(found("@stage\ndef a(b: int): ...\n@stage\ndef d(c: int): ...\n"))))
    assert "SK201: 2 parameters ask for `int`, which nothing provides" in lost


def test_a_value_in_two_parameters_names_what_is_meant() -> None:
    """The other stage where its name stands out; else a gap; for a given value a name."""
    both = "@stage(depends_on='orders')\ndef t(orders_a: Frame, {}: Frame): ..."
    problem = one(several("orders", "products") + both.format("my_products"))
    assert (
        "say which stage is meant: my_products: Annotated[Frame, From(products)]"
        == (problem.fixes[0])
    )
    assert "`Frame` is also returned by `products`" in problem.notes
    problem = one(several("orders", "products") + both.format("z"))
    assert "say which stage is meant: z: Annotated[Frame, From(...)]" == problem.fixes[0]
    assert "or, if it is meant: z: Annotated[Frame, From(orders)]" == problem.fixes[1]
    problem = one("@stage\ndef t(a: int, b: int): ...", values=[3])
    assert "give it a name: b: Annotated[int, Named('b')]" == problem.fixes[0]
    assert "and the value: values=[given(..., as_=int, name='b')]" == problem.fixes[-1]


def test_an_undo_that_lacks_something_says_so() -> None:
    """With the same advice as for a stage."""
    source = several("orders", "x") + (
        "def back(my_orders: Frame): ...\n@stage(undo=back)\ndef make() -> int: ...\n"
    )
    problem = one(source)
    assert "the undo of stage `make`" in problem.message
    assert "From(orders)" in problem.fixes[0]


def test_a_first_conversion_prints_at_most_thirty_lines() -> None:
    """Ten functions, above each of which nothing but ``@stage`` was written."""
    source = "".join(
        f"@stage\ndef {name}({taken}): ...\n"
        for name, taken in {
            "raw_orders": "",
            "raw_products": "",
            "clean_orders": "raw_orders",
            "clean_products": "raw_products",
            "joined": "clean_orders, clean_products",
            "by_store": "joined",
            "by_month": "joined",
            "plot_months": "by_month",
            "plot_stores": "by_store",
            "report": "plot_months, plot_stores, by_month, by_store",
        }.items()
    )
    problems = found(source)
    assert 12 == len(problems)
    assert len(str(PlanError(tuple(problems))).splitlines()) <= 30


def test_a_name_that_values_share_is_no_part_of_the_fix() -> None:
    """``From`` takes what a stage returns under a name."""
    named = "Annotated[Frame, Named('eu')]"
    source = "".join(f"@stage\ndef {name}() -> {named}: ...\n" for name in ("a_load", "b_load"))
    problem = one(source + f"@stage\ndef take(my_a_load: {named}): ...")
    fix = "my_a_load: Annotated[Frame, From(a_load)]"
    assert f"say which: {fix}" == problem.fixes[0]
    assert [] == found(source + f"@stage\ndef take({fix}): ...")


class Leave:
    """Evaluating ``leave.now`` ends the program."""

    @property
    def now(self) -> object:
        """Raise ``SystemExit``."""
        raise SystemExit(0)


def test_an_annotation_that_ends_the_program_is_a_problem() -> None:
    """``SystemExit`` too; Ctrl-C is no part of an annotation."""
    registry = Registry()
    module = module_of("def use(x): ...")
    vars(module)["leave"] = Leave()
    module.use.__annotations__["x"] = "leave.now"
    registry.add(module.use)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    assert [Code.BAD_ANNOTATION] == [each.code for each in caught.value.problems]
    vars(module)["leave"] = type("L", (), {"now": property(_interrupt)})()
    registry = Registry()
    registry.add(module.use)
    with pytest.raises(KeyboardInterrupt):
        plan(registry=registry)


def _interrupt(_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "line",
    ["from decimal import Decimal", "from .money import Price as Decimal", "import x as Decimal"],
)
def test_the_import_under_type_checking_is_the_fix(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line that stands there, to be moved."""
    source = f"""\
from __future__ import annotations
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import other
    {line}
def pay(amount: Decimal) -> None: ...
"""
    (tmp_path / "bank.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "bank", raising=False)
    registry = Registry()
    registry.add(importlib.import_module("bank").pay)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert f"import it where the script runs: {line}" == problem.fixes[-1]
    monkeypatch.delitem(sys.modules, "bank", raising=False)


def test_a_misspelt_name_of_a_value_is_put_right_where_it_is_asked_for() -> None:
    """Not where it is provided, and not where several names are as near."""
    source = "@stage\ndef load() -> Annotated[Frame, Named('products')]: ...\n"
    asked = "x: Annotated[Frame, Named({!r})]"
    problem = one(source + f"@stage\ndef use({asked.format('product')}): ...")
    fix = asked.format("products")
    assert f"ask for the name that there is: {fix}" == problem.fixes[0]
    assert [] == found(source + f"@stage\ndef use({fix}): ...")
    assert "ask for" not in one(source + f"@stage\ndef use({asked.format('orders')}): ...").fixes[0]


def pasted(source: str, fix: str, written: str, new: str) -> List[Problem]:
    """Return the problems of a source in which a fix stands where a parameter was."""
    assert fix.endswith(new), fix
    assert source.count(written) == 1
    return found(source.replace(written, new))


def test_a_name_that_is_one_of_a_stage_is_taken_from_it() -> None:
    """``Named`` means values with a name; what is meant is ``From``."""
    source = (
        "@stage\ndef product() -> Frame: ...\n"
        "@stage\ndef use(row: Annotated[Frame, Named('product')]): ...\n"
    )
    problem = one(source)
    new = "row: Annotated[Frame, From(product)]"
    assert f"`product` is a stage: {new}" == problem.fixes[0]
    written = "row: Annotated[Frame, Named('product')]"
    assert not pasted(source, problem.fixes[0], written, new)
    late = source.replace("product() ->", "product(x: Late) ->")
    assert "is a stage" not in one(late + "@stage\ndef late() -> Late: ...\n").fixes[-1]
    other = one(source.replace("product() -> Frame", "product() -> Other"))
    assert not any("is a stage" in fix for fix in other.fixes)


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("n: int = Each()", "n: Annotated[int, Each()]"),
        ("n: int = Each", "n: Annotated[int, Each()]"),
        ("n: int = Each(on_error='skip')", 'n: Annotated[int, Each(on_error="skip")]'),
        ("n: Frame = From(load)", "n: Annotated[Frame, From(load)]"),
        ("n: Frame = From('load')", 'n: Annotated[Frame, From("load")]'),
        ("n: 'Frame' = Named('of')", 'n: Annotated[Frame, Named("of")]'),
        ("n: List[Frame] = Collect()", "n: Annotated[List[Frame], Collect()]"),
    ],
)
def test_a_marker_as_a_default_is_told(written: str, new: str) -> None:
    """Where it stands; pasted beside the type, it plans."""
    source = (
        "from stagekit import Collect\n"
        "@stage\ndef load() -> Frame: ...\n"
        "@stage\ndef numbers() -> List[int]: ...\n"
        "@stage\ndef of() -> Annotated[Frame, Named('of')]: ...\n"
        f"@stage\ndef use({written}): ...\n"
    )
    problem = one(source)
    marker = re.findall(r" = (\w+)", written)[0]
    assert (Code.BAD_MARKER, "n") == (problem.code, problem.parameter)
    assert f"`{marker}` is its default; write it in `Annotated`" in problem.message
    assert (f"write {new}",) == problem.fixes
    assert not pasted(source, problem.fixes[0], written, new)


@pytest.mark.parametrize(
    ("written", "new"),
    [
        ("n=Each()", "n: Annotated[..., Each()]"),
        ("n: Frame = Named", "n: Annotated[Frame, Named(...)]"),
        ("n: Frame = From", "n: Annotated[Frame, From(...)]"),
    ],
)
def test_a_gap_is_left_where_a_marker_as_a_default_says_too_little(written: str, new: str) -> None:
    """No type, no name, no stage."""
    assert (f"write {new}",) == one(f"@stage\ndef use({written}): ...\n").fixes


def test_a_number_is_set_first_of_all() -> None:
    """A flag is no number that is meant; what almost fits is told, and proposed last."""
    problem = one("@stage\ndef check() -> bool: ...\n@stage\ndef use(top: int): ...\n")
    assert "set it: --set use.top=..." == problem.fixes[0]
    assert not any("bool" in note and "there is" not in note for note in problem.notes)
    assert not any("provides" in fix for fix in problem.fixes)
    source = "class Text(str): ...\n@stage\ndef check() -> Text: ...\n"
    problem = one(source + "@stage\ndef use(top: str): ...\n")
    assert "set it: --set use.top=..." == problem.fixes[0]
    assert "or publish it as that: @stage(provides=str) above `check`" == problem.fixes[-1]


def test_a_producer_is_annotated_only_where_there_may_be_one() -> None:
    """A stage that says nothing, or something near; else a stage has to return it."""
    use = "@stage\ndef use(x: Frame): ...\n"
    assert "have a stage return it: -> Frame" == one(use).fixes[0]
    assert "have a stage return it: -> Frame" == one(use, values=[3]).fixes[0]
    lists = "@stage\ndef one() -> List[Frame]: ...\n@stage\ndef two() -> List[Frame]: ...\n"
    near = one(lists + use)
    assert "annotate the producer: -> Frame" == near.fixes[0]
    silent = one("@stage\ndef a(): ...\n@stage\ndef b(): ...\n" + use)
    assert "annotate the producer: -> Frame" == silent.fixes[0]


def test_a_stage_is_offered_the_items_of_a_list() -> None:
    """Of the one stage that returns one; the fix that is pasted makes a pipeline."""
    source = """
    @stage
    def grid() -> List[Frame]: return [Frame(), Frame()]
    @stage
    def fit(params: Frame) -> Other: return Other()
    """
    problem = one(source)
    assert "`grid` returns `list[Frame]`: a stage can take each of its items" in problem.notes[0]
    assert "take each item: params: Annotated[Frame, Each()]" == problem.fixes[0]
    mended = source.replace("params: Frame", "params: Annotated[Frame, Each()]")
    assert [] == found(mended)
    later = source.replace("def grid()", "def grid(fit: Other)")
    assert not any("Each()" in fix for fix in one(later).fixes)
    assert not any("Each()" in fix for fix in one(source.replace("Frame", "int")).fixes)


DF = """
    @stage
    def load() -> Frame: ...

    {0}
    def clean(df: Frame) -> Frame: ...

    {1}
    def enrich(df: Frame) -> Frame: ...

    {2}
    def report(df: Frame) -> None: ...
    """


def test_parameters_of_one_name_are_ordered_by_what_the_help_shows() -> None:
    """Where every parameter is called ``df``, ``depends_on`` above each stage is all it takes."""
    problems = found(DF.format("@stage", "@stage", "@stage"))
    (proposal,) = re.findall(r"with one such parameter: (.+)", str(PlanError(tuple(problems))))
    chain = [proposal.replace("...", name) for name in ("load", "clean", "enrich")]
    assert [] == found(DF.format(*chain))


def test_a_value_that_may_be_none_is_taken_as_that() -> None:
    """The text shows what the parameter takes; annotating the producer would break it."""
    source = "@stage\ndef maybe() -> Optional[Frame]: ...\n@stage\ndef use(maybe: Frame): ..."
    assert any("take `Optional[Frame]`" in note for note in one(source).notes)
    assert [] == found(source.replace("maybe: Frame", "maybe: Optional[Frame]"))


def test_a_generator_is_to_return_a_list() -> None:
    """Its annotation is there already, and is not proposed again."""
    source = "@stage\ndef rows() -> Iterator[Frame]:\n    yield Frame()\n"
    problem = one(source + "@stage\ndef use(rows: Iterator[Frame]): ...")
    assert "return a list instead of yielding, and take that list" == problem.fixes[0]
    assert not [each for each in problem.fixes if "-> Iterator" in each]


def test_a_gap_that_was_pasted_says_what_it_wants() -> None:
    """``From(...)``, as help shows it, is no stage that somebody forgot to add."""
    problem = one("@stage\ndef use(x: Annotated[Frame, From(...)]): ...")
    assert problem.fixes == ("write the function of a stage, or its name, where the dots are",)


def test_a_typo_is_nearer_than_a_part_of_the_name() -> None:
    """``total_eu`` is ``total_eur``, not ``total``."""
    problem = one(several("total", "total_eur") + "@stage\ndef use(total_eu: Frame): ...")
    assert "say which: total_eu: Annotated[Frame, From(total_eur)]" == problem.fixes[0]
