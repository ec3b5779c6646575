"""The texts of plan problems, word for word: code, place, what was available, what to write."""

from __future__ import annotations
import __future__

from pathlib import Path
from typing import Any, Dict, List

import pytest

from stagekit import Collect, From, Named, PlanError, Problem, Registry, plan

PRELUDE = """
from typing import Any, List, NewType, Optional, Union
from typing_extensions import Annotated
class Orders: ...
class Late(Orders): ...
class Users: ...
class Total(int): ...
Words = NewType("Words", int)
Rows = NewType("Rows", List[Words])
Free = NewType("Free", Any)
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, so that places in it are short."""
    monkeypatch.chdir(tmp_path)


def text_of(*stages: str, **options: Any) -> str:
    """Return the text of the error for a module ``shop.py``, one stage every two lines."""
    source = "".join(f"@stage\ndef {each}: ...\n" for each in stages)
    path = Path.cwd() / "shop.py"
    path.write_text(source, encoding="utf-8")
    registry = Registry()
    names: Dict[str, Any] = {"From": From, "Named": Named, "Collect": Collect}
    names.update(__name__="shop", __file__=str(path), stage=registry.stage)
    exec(PRELUDE, names)  # noqa: S102 - the source above
    flags = __future__.annotations.compiler_flag
    exec(compile(source, str(path), "exec", flags), names)  # noqa: S102 - the source given
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, **options)
    return str(caught.value)


TEXTS: List[List[str]] = [
    [
        "missing",
        "users() -> Users; total(orders: Orders) -> Total",
        """
SK201: nothing provides `Orders` for parameter `orders` of stage `total` (shop.py:4)
    there is: Users
    fix: have a stage return it: -> Orders
    fix: or give a value: stagekit.run(..., values=[Orders(...)])
""",
    ],
    [
        "subclass",
        "load() -> Late; total(orders: Orders)",
        """
SK201: nothing provides `Orders` for parameter `orders` of stage `total` (shop.py:4)
    `load` returns `Late`, a subclass: publish it with @stage(provides=Orders)  (shop.py:2)
    there is: Late
    fix: publish it as that: @stage(provides=Orders) above `load`
    fix: or give a value: stagekit.run(..., values=[Orders(...)])
""",
    ],
    [
        "new type",
        "words() -> Words; total(count: int)",
        """
SK201: nothing provides `int` for parameter `count` of stage `total` (shop.py:4)
    `words` returns `Words`, a NewType of `int` and a type of its own: ask for it  (shop.py:2)
    there is: Words
    fix: set it: --set total.count=...
    fix: or in Python: stagekit.run(..., params={"total.count": ...})
    fix: or have a stage return it: -> int
""",
    ],
    [
        "new type asked for",
        "count() -> int; free() -> Free; total(words: Words)",
        """
SK201: nothing provides `Words` for parameter `words` of stage `total` (shop.py:6)
    `count` returns `int`; did you mean to annotate it `-> Words`?  (shop.py:2)
    there is: Free, int
    fix: annotate the producer: -> Words
    fix: or set it: --set total.words=...
    fix: or in Python: stagekit.run(..., params={"total.words": ...})
""",
    ],
    [
        "new type of a list",
        "rows() -> Rows; total(words: List[Words])",
        """
SK201: nothing provides `list[Words]` for parameter `words` of stage `total` (shop.py:4)
    `rows` returns `Rows`, a NewType of `list[Words]` and a type of its own: ask for it  (shop.py:2)
    there is: Rows
    fix: annotate the producer: -> List[Words]
    fix: or set it: --set total.words=...
    fix: or in Python: stagekit.run(..., params={"total.words": ...})
""",
    ],
    [
        "list",
        "load() -> List[Orders]; total(orders: Orders)",
        """
SK201: nothing provides `Orders` for parameter `orders` of stage `total` (shop.py:4)
    `load` returns `list[Orders]`: a stage can take each of its items  (shop.py:2)
    there is: list[Orders]
    fix: take each item: orders: Annotated[Orders, Each()]
    fix: or give a value: stagekit.run(..., values=[Orders(...)])
    fix: with: from stagekit import Each
""",
    ],
    [
        "named",
        "load() -> Annotated[Orders, Named('eu')]; total(orders: Annotated[Orders, Named('us')])",
        """
SK201: nothing provides `Orders named 'us'` for parameter `orders` of stage `total` (shop.py:4)
    `load` returns `Orders named 'eu'`; did you mean to annotate it \
`-> Annotated[Orders, Named('us')]`?  (shop.py:2)
    there is: Orders named 'eu'
    fix: annotate the producer: -> Annotated[Orders, Named('us')]
    fix: or give a value: stagekit.run(..., values=[given(..., as_=Orders, name='us')])
    fix: with: from stagekit import given
""",
    ],
    [
        "ambiguous",
        "web() -> Orders; file() -> Orders; total(orders: Orders)",
        """
SK202: 2 stages provide `Orders` for parameter `orders` of stage `total`: `web`, `file` (shop.py:6)
    `web`  (shop.py:2)
    `file`  (shop.py:4)
    fix: say which: orders: Annotated[Orders, From(...)]
    fix: or give the parameter the name of the stage that it takes
""",
    ],
    [
        "cycle",
        "load(total: Total) -> Orders; total(orders: Orders) -> Total",
        """
SK203: 2 stages wait for each other: load → total → load (shop.py:2)
    total waits for load: parameter `orders: Orders`
    load waits for total: parameter `total: Total`
    fix: remove one of these edges, or split a stage in two
""",
    ],
    [
        "optional cycle",
        "load(orders: Optional[Orders] = None) -> Orders",
        """
SK203: stage `load` depends on itself: load → load (shop.py:2)
    load waits for load: parameter `orders: Optional[Orders]`
    fix: remove one of these edges, or split a stage in two
""",
    ],
    [
        "unevaluable",
        "total(orders: Odrers)",
        """
SK205: parameter `orders` of stage `total`: `Odrers` cannot be evaluated: the name `Odrers` \
is not defined in shop (shop.py:2)
    did you mean `Orders`?
    `Odrers` may be imported under `if TYPE_CHECKING:` only, which does not run
    fix: write Orders
    fix: import it where the script runs: from ... import Odrers
""",
    ],
    [
        "bare",
        "total(orders)",
        """
SK206: parameter `orders` of stage `total` has no annotation, so nothing can fill it (shop.py:2)
    fix: say what it takes: orders: ...
    fix: or give it a default: orders=...
""",
    ],
    [
        "object",
        "total(orders: object)",
        """
SK206: parameter `orders` of stage `total`: `object` selects nothing, as every value is one \
(shop.py:2)
    fix: say what it takes: orders: ...
    fix: or give it a default: orders=...
""",
    ],
    [
        "mismatch",
        "load() -> Users; total(orders: Annotated[Orders, From('load')])",
        """
SK207: parameter `orders` of stage `total` takes `Orders` from `load`, which returns `Users` \
(shop.py:4)
    fix: annotate `load` with -> Orders
    fix: or the parameter with its type
""",
    ],
    [
        "marker",
        "total(orders: Annotated[List[Orders], Collect])",
        """
SK212: parameter `orders` of stage `total`: `Collect` is in `Annotated` without \
parentheses (shop.py:2)
    fix: write Collect()
""",
    ],
]


@pytest.mark.parametrize(("stages", "expected"), [t[1:] for t in TEXTS], ids=[t[0] for t in TEXTS])
def test_the_text_of_a_problem(stages: str, expected: str) -> None:
    """Code, sentence, place, near misses, what there is, and fixes to copy."""
    assert "1 problem in the plan:" + expected.rstrip() == text_of(*stages.split("; "))


def test_the_text_of_a_selection_that_leaves_out_a_parent() -> None:
    """It names the parent, and the selection to write."""
    assert """1 problem in the plan:
SK208: the selection leaves out `load`, whose `Orders` stage `total` needs (shop.py:4)
    fix: select its ancestors too: +total
    fix: or give the value: stagekit.run(..., values=[Orders(...)])""" == text_of(
        "load() -> Orders", "total(orders: Orders)", select="total"
    )


def test_types_of_one_name_are_told_apart_by_their_modules() -> None:
    """Two classes ``Orders`` are two keys, and the text says which is which."""
    registry = Registry()
    kinds = [type("Orders", (), {"__module__": name}) for name in ("web", "files")]

    def load() -> object:
        return None

    def total(orders: object) -> None:
        raise AssertionError(orders)

    load.__annotations__["return"], total.__annotations__["orders"] = kinds
    registry.add(load, id="load")
    registry.add(total, id="total")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert problem.notes[0].startswith(
        "`load` returns `web.Orders`, another type than `files.Orders`"
    )


def test_problems_can_be_compared_sorted_and_printed() -> None:
    """A problem is a frozen record: equal if its fields are, readable when printed."""
    registry = Registry()
    registry.add(lambda: None, id="a", depends_on="load")
    found: List[Problem] = []
    for _ in range(2):
        with pytest.raises(PlanError) as caught:
            plan(registry=registry)
        found += caught.value.problems
    one, other = found
    assert one == other
    assert 1 == len({one, other})
    assert "<Problem SK204 a: " in repr(one)
    assert one != "SK204"


def test_nobody_is_told_to_write_what_cannot_be_written() -> None:
    """F18: ``None`` is no value to give, and a function without a name cannot be added by one."""
    registry = Registry()

    @registry.stage(depends_on=lambda: 1)
    def use() -> int:
        return 1

    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert ("write it as a function with a name, and decorate it with @stage",) == problem.fixes

    def inner() -> int:
        return 1

    other = Registry()

    @other.stage(depends_on=inner)
    def late() -> int:
        return 1

    with pytest.raises(PlanError) as caught:
        plan(registry=other)
    (problem,) = caught.value.problems
    assert ("decorate it with @stage",) == problem.fixes

    third = Registry()

    @third.stage
    def take(x: None) -> int:
        return 1

    with pytest.raises(PlanError) as caught:
        plan(registry=third)
    (problem,) = caught.value.problems
    assert ("leave it out; to run after a stage: @stage(depends_on=...)",) == problem.fixes
