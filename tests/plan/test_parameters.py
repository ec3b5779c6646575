"""Parameters of a pipeline: what can be set, how it is named, which value wins, what is refused."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, NewType, Optional, Tuple

import pytest
from typing_extensions import Annotated

from stagekit import Each, From, Named, Plan, PlanError, Registry, arun, given, plan, run
from stagekit._base.parameters import (
    MOST_BYTES,
    Setting,
    from_command_line,
    from_file,
)
from stagekit.errors import Code, StagekitWarning, UsageError

Rows = NewType("Rows", List[str])


@dataclass(frozen=True)
class Options:
    """A dataclass of scalars."""

    folds: int = 5


class Model:
    """No plain type."""


def load(path: Path, sep: str = ",") -> Rows:
    """Take a required parameter, and one with a default."""
    return Rows([str(path), sep])


def train(
    rows: Rows,
    folds: int = 5,
    names: Optional[List[str]] = None,
    options: Options = Options(),
) -> Tuple[str, ...]:
    """Take a value of a stage, and three parameters."""
    return (*rows, str(folds), str(names), str(options.folds))


def save(model: Model, path: str = "out", folds: int = 5) -> None:
    """Take what nothing provides, and parameters that others have, too."""
    raise NotImplementedError(model, path, folds)


@pytest.fixture
def shop() -> Registry:
    """Return a registry of two stages."""
    registry = Registry()
    registry.add(load, id="shop:load")
    registry.add(train, id="shop:train")
    return registry


def refused(registry: Registry, params: Any, **options: Any) -> List[Tuple[str, str]]:
    """Return code and text of each problem of a plan."""
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, params=params, **options)
    return [(each.code.value, each.message) for each in caught.value.problems]


# What can be set, and how


def test_a_parameter_is_set_by_its_name_alone_or_with_its_stage(shop: Registry) -> None:
    """Full ids, short names, bare names, tables: in one mapping."""
    params = {"load": {"path": Path("a")}, "shop:train.folds": 7, "names": ["x"], "sep": ";"}
    result = run(registry=shop, params=params)
    assert ("a", ";", "7", "['x']", "5") == result["train"]


def test_values_are_passed_as_they_are(shop: Registry) -> None:
    """The very object, in every executor, and in ``arun``."""
    names = ["x"]
    params = {"path": Path("a"), "names": names}
    made = plan(registry=shop, params=params)
    assert any(slot.value is names for slot in made.slots)
    expected = ("a", ",", "5", "['x']", "5")
    for executor in ("inline", "threads", "processes"):
        assert expected == made.run(executor=executor)["train"]
    assert expected == asyncio.run(arun(registry=shop, params=params))["train"]


def test_a_bare_name_sets_all_of_that_name() -> None:
    """If their types are equal; one of them may be set otherwise."""
    registry = Registry()
    registry.add(lambda: None, id="nothing")
    got: Dict[str, int] = {}
    for name in ("a", "b", "c"):

        def fit(folds: int = 5, *, name: str = name) -> None:
            got[name] = folds

        registry.add(fit, id=name)
    run(registry=registry, params={"folds": 1, "b.folds": 2})
    assert {"a": 1, "b": 2, "c": 1} == got


def test_a_parameter_with_a_name_in_its_type_is_set_by_its_own(shop: Registry) -> None:
    """``Named`` keeps other values out, not ``params``."""

    def named(size: Annotated[int, Named("n")], folds: Annotated[int, Named("m")] = 3) -> None: ...

    registry = Registry()
    registry.add(named, id="named")
    made = plan(registry=registry, params={"size": 4})
    assert [("size", "4"), ("folds", "3")] == [(p.parameter, p.value) for p in made.parameters]


def test_a_plan_shows_its_parameters(shop: Registry) -> None:
    """Type, default, value, and what says it; in the table, in JSON and as data."""
    made = plan(registry=shop, params={"load.path": Path("a"), "folds": 7})
    assert [
        ("load.path", "shop:load", "path", "Path", None, "a", "params="),
        ("load.sep", "shop:load", "sep", "str", ",", ",", "default"),
        ("train.folds", "shop:train", "folds", "int", "5", "7", "params="),
        ("train.names", "shop:train", "names", "Optional[list[str]]", "null", "null", "default"),
        (
            *("train.options", "shop:train", "options", "Options"),
            *["Options(folds=5)"] * 2,
            "default",
        ),
    ] == [tuple(each) for each in made.parameters]
    assert (
        """
  parameters
    load.path      Path                 a                 params=
    load.sep       str                  ,                 default
    train.folds    int                  7                 params=, default 5
    train.names    Optional[list[str]]  null              default
    train.options  Options              Options(folds=5)  default
"""
        in made.explain() + "\n"
    )
    document = json.loads(made.to_json())
    assert [list(each) for each in made.parameters] == [
        list(each.values()) for each in document["parameters"]
    ]
    binding = document["stages"][0]["parameters"][0]
    assert ("set", "params=") == (binding["kind"], binding["reason"])
    assert made.to_json() == plan(registry=shop, params={"folds": 7, "path": Path("a")}).to_json()


def test_a_plan_without_parameters_has_none() -> None:
    """Of stages that take nothing, and of such that only take values of others."""
    registry = Registry()
    registry.add(lambda: None, id="a")
    assert () == plan(registry=registry).parameters
    registry.add(load, id="load")
    made = plan(registry=registry, values=[given(Path("a"), as_=Path)])
    assert ["load.sep"] == [each.name for each in made.parameters]


def test_each_stage_has_parameters_beside_its_items() -> None:
    """What ``Each`` takes is not set; all else is, for every item."""

    def numbers() -> List[Model]:
        return [Model(), Model()]

    def work(model: Annotated[Model, Each()], power: int = 1) -> int:
        assert isinstance(model, Model)
        return power

    registry = Registry()
    registry.add(numbers, id="numbers")
    registry.add(work, id="work")
    made = plan(registry=registry, params={"power": 3})
    assert ["work.power"] == [each.name for each in made.parameters]
    assert [3, 3] == made.run()["work"]


def test_an_item_of_each_is_not_set() -> None:
    """A plain type changes nothing: the parameter takes items of a list that is not there."""

    def work(n: Annotated[int, Each()]) -> None: ...

    registry = Registry()
    registry.add(work, id="work")
    assert ["SK201", "SK218"] == sorted(code for code, _ in refused(registry, {"n": 3}))


def test_every_attempt_of_a_stage_gets_the_value() -> None:
    """A retry is called with what the first attempt was."""
    seen: List[int] = []

    def flaky(folds: int) -> None:
        seen.append(folds)
        if len(seen) < 3:
            raise ValueError(folds)

    registry = Registry()
    registry.add(flaky, id="flaky", retries=2)
    run(registry=registry, params={"folds": 4})
    assert [4, 4, 4] == seen


def test_only_parameters_of_what_is_planned_are_required(shop: Registry) -> None:
    """A target, a selection and an override leave others out."""
    rows = Rows(["a"])
    made = plan("train", registry=shop, overrides={"load": rows}, params={"folds": 2})
    assert ("a", "2", "None", "5") == made.run()["train"]
    shop.add(save, id="save")
    assert plan("load", registry=shop, params={"load.path": Path("a")}).order == ("shop:load",)
    selected = plan(registry=shop, select="load", params={"load.path": Path("a")})
    assert ("shop:load",) == selected.order


def test_what_is_set_for_stages_that_are_not_planned_is_warned_of(shop: Registry) -> None:
    """As is a value that nobody uses; a strict plan refuses it."""
    params = {"load.path": Path("a"), "train.folds": 2}
    made = plan("load", registry=shop, params=params)
    (warning,) = made.warnings
    expected = "`train.folds` in `params=`: no stage that is planned takes `train.folds`"
    assert (Code.UNUSED_VALUE, expected) == (warning.code, warning.message)
    assert [("SK220", expected)] == refused(shop, params, target="load", strict=True)
    with pytest.warns(StagekitWarning, match=r"train\.folds"):
        run("load", registry=shop, params=params)


def test_an_adopted_function_is_kept_where_its_parameter_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a value it would be left out, with a warning."""
    text = "def one(n: int) -> str:\n    return str(n)\n"
    (tmp_path / "adopted_one.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    adopted_one = importlib.import_module("adopted_one")

    registry = Registry()
    registry.adopt(adopted_one)
    assert () == plan(registry=registry).order
    assert "3" == run(registry=registry, params={"one.n": 3})["one"]
    del sys.modules["adopted_one"]


def test_planning_without_params_loads_nothing_of_them() -> None:
    """Neither conversion nor what matches names: nothing is paid for what is not used."""
    import subprocess

    script = (
        "import sys\nfrom stagekit import Registry, plan\nr = Registry()\n"
        "def f(n: int = 3) -> None: ...\nr.add(f, id='f')\nplan(registry=r).run()\n"
        "names = ('stagekit._plan.parameters', 'stagekit._base.parameters',\n"
        "    'stagekit._base.conversion', 'pydantic')\n"
        "assert not [each for each in names if each in sys.modules]\n"
        "plan(registry=r, params={'n': 4})\n"
        "assert names[0] in sys.modules and 'pydantic' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


# What is wrong


def test_a_required_parameter_without_a_value_says_what_to_type(shop: Registry) -> None:
    """On the command line and in Python; of several, one block."""
    with pytest.raises(PlanError) as caught:
        plan(registry=shop)
    (problem,) = caught.value.problems
    assert (Code.MISSING_PROVIDER, "path") == (problem.code, problem.parameter)
    assert (
        "set it: --set load.path=...",
        'or in Python: stagekit.run(..., params={"load.path": ...})',
        "or have a stage return it: -> Path",
    ) == problem.fixes
    other = Registry()
    other.add(load, id="a:load")
    other.add(load, id="b:load")
    with pytest.raises(PlanError, match="2 parameters ask for `Path`") as caught:
        plan(registry=other)
    assert "--set a:load.path=..." in str(caught.value)
    assert ["set it: --set b:load.path=..."] == [
        each.fixes[0] for each in caught.value.problems if each.stage_id == "b:load"
    ]


def test_all_that_is_wrong_is_told_at_once(shop: Registry) -> None:
    """Unknown, filled, of another type: each with its place and what to write."""
    params = {
        "load.path": "a",
        "flods": 3,
        "train.rows": ["x"],
        "train.folds": True,
        "names": [1],
        "zzz": 1,
    }
    with pytest.raises(PlanError) as caught:
        plan(registry=shop, params=params)
    found = {(each.message, each.fixes[:1]) for each in caught.value.problems}
    assert {
        (
            "`'a'` is no `Path` for parameter `load.path`: input should be an instance of Path",
            ('params={"load.path": Path(...)}',),
        ),
        (
            "`flods` in `params=` sets no parameter: there is no `flods`",
            ('params={"folds": ...}',),
        ),
        (
            "`train.rows` in `params=` cannot set `train.rows`: `load` fills it",
            ("to replace the stage: overrides={load: ...}",),
        ),
        (
            "`True` is no `int` for parameter `train.folds`: input should be a valid integer",
            ('params={"train.folds": int(...)}',),
        ),
        (
            (
                "`[1]` is no `Optional[list[str]]` for parameter `train.names`: "
                "[0]: input should be a valid string"
            ),
            ('params={"train.names": ...}',),
        ),
        ("`zzz` in `params=` sets no parameter: there is no `zzz`", ()),
    } == found
    there = [each.notes for each in caught.value.problems if "`zzz`" in each.message]
    names = "`load.path`, `load.sep`, `train.folds`, `train.names`, `train.options`"
    assert [(f"there is: {names}",)] == there


def test_a_parameter_is_set_once(shop: Registry) -> None:
    """Two ways to name it are two values, of which none is better."""
    params = {"load.path": Path("a"), "load": {"path": Path("b")}, "shop:load.path": Path("c")}
    places = "`load.path` in `params=`, `load.path` in `params=`, `shop:load.path` in `params=`"
    assert [("SK218", f"`load.path` is set twice: {places}")] == refused(shop, params)


def test_a_bare_name_of_different_types_is_refused(shop: Registry) -> None:
    """With both, to be copied."""
    registry = Registry()
    registry.add(load, id="load")

    def write(path: str = "out") -> None: ...

    registry.add(write, id="write")
    with pytest.raises(PlanError) as caught:
        plan(registry=registry, params={"path": "a", "load.path": Path("a")})
    (problem,) = caught.value.problems
    assert (
        "`path` in `params=` means parameters of different types: "
        "`load.path: Path`, `write.path: str`"
    ) == problem.message
    assert ('params={"load.path": ...}', 'params={"write.path": ...}') == problem.fixes


def test_a_wrong_value_of_a_bare_name_is_told_once() -> None:
    """However many parameters it is for."""
    registry = Registry()
    for name in ("a", "b"):

        def fit(folds: int = 5) -> None: ...

        registry.add(fit, id=name)
    message = "`'x'` is no `int` for parameter `a.folds`: input should be a valid integer"
    assert [("SK219", message)] == refused(registry, {"folds": "x"})


def test_what_is_filled_or_not_plain_is_not_set() -> None:
    """A value that is given, a type that no text stands for, a name that is ambiguous."""
    registry = Registry()
    registry.add(save, id="save")
    text = "`model` in `params=` cannot set `save.model`: no text stands for its type, `Model`"
    assert ("SK218", text) in refused(registry, {"model": Model()})
    values: List[Any] = [Model(), given("x", as_=str)]

    def write(path: str) -> None: ...

    registry.add(write, id="write")
    why = "it takes a value that is given for `str`"
    text = f"`write.path` in `params=` cannot set `write.path`: {why}"
    assert [("SK218", text)] == refused(registry, {"write.path": "a"}, values=values)


def test_a_parameter_without_a_type_is_not_set() -> None:
    """Nothing says what its value must be."""

    def free(x: object, y: object = 3) -> None: ...

    registry = Registry()
    registry.add(free, id="free")
    codes = [code for code, _ in refused(registry, {"x": 1, "y": 2})]
    assert ["SK206", "SK218", "SK218"] == sorted(codes)


def test_an_ambiguous_parameter_is_not_one_that_can_be_set() -> None:
    """Two stages provide it: which of them is the question."""
    registry = Registry()

    def use(rows: List[int]) -> None: ...

    def first() -> List[int]:
        return [1]

    def second() -> List[int]:
        return [2]

    for fn in (use, first, second):
        registry.add(fn, id=fn.__name__)
    found = refused(registry, {"rows": [1]})
    text = "`rows` in `params=` cannot set `use.rows`: no text stands for its type, `list[int]`"
    assert ["SK202", "SK218"] == sorted(code for code, _ in found), text


def test_a_parameter_of_undo_is_not_set() -> None:
    """Its help does not say that it is."""

    def drop(path: str) -> None: ...

    registry = Registry()
    registry.add(lambda: None, id="make", undo=drop)
    with pytest.raises(PlanError) as caught:
        plan(registry=registry)
    (problem,) = caught.value.problems
    assert "--set" not in str(problem)


def test_params_is_a_mapping_of_names(shop: Registry) -> None:
    """All else is refused as an option is; and a plan is made already."""
    text = 'params takes a mapping such as {"load.path": "a.csv"}, got 5'
    wrong: Any = 5
    for call in (plan, run):
        with pytest.raises(UsageError, match="params takes a mapping") as caught:
            call(registry=shop, params=wrong)
        assert text == str(caught.value)
    wrong = {3: 4}
    with pytest.raises(UsageError, match=r'params takes names such as "load\.path", got 3'):
        plan(registry=shop, params=wrong)
    made: Plan = plan(registry=shop, params={"path": Path("a")})
    with pytest.raises(UsageError, match="pass params to plan"):
        run(made, params={"folds": 3})


# The command line, the environment, files


def planned(registry: Registry, settings: Tuple[Setting, ...]) -> Dict[str, Tuple[Any, str]]:
    """Return value and source of each parameter."""
    options: Any = settings
    made = plan(registry=registry, params=options)
    return {each.name: (each.value, each.source) for each in made.parameters}


def test_a_flag_wins_over_the_environment_and_that_over_a_file(
    shop: Registry, tmp_path: Path
) -> None:
    """And in one place the parameter of a stage over all of a name."""
    file = tmp_path / "p.toml"
    file.write_text('path = "f"\nsep = "f"\nfolds = 1\n[train]\nnames = ["f"]\n', "utf-8")
    environment = {
        "STAGEKIT_PARAM_LOAD__SEP": "e",
        "STAGEKIT_PARAM_FOLDS": "2",
        "STAGEKIT_PARAM_train__folds": "3",
        "OTHER": "",
    }
    settings = from_command_line(["path=c", "load.path=d"], str(file), environment)
    found = planned(shop, settings)
    assert ("d", "--set") == found["load.path"]
    assert ("e", "environment") == found["load.sep"]
    assert ("3", "environment") == found["train.folds"]
    assert ("['f']", "file") == found["train.names"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.toml", '[params.load]\npath = "x"\n'),
        ("p.toml", '"load.path" = "x"\n'),
        ("p.toml", '["shop:load"]\npath = "x"\r\n'),
        ("p.TOML", '\ufeffload.path = "x"\n'),
        ("p.json", '{"params": {"load": {"path": "x"}}}'),
        ("p.json", '{"path": "x", "load": {}}'),
    ],
)
def test_a_file_nests_or_does_not(name: str, text: str, shop: Registry, tmp_path: Path) -> None:
    """Below a table ``params`` or without one."""
    (tmp_path / name).write_bytes(text.encode())
    assert ("x", "file") == planned(shop, from_file(str(tmp_path / name)))["load.path"]


BAD_FILES: List[Tuple[str, bytes, str]] = [
    ("p.toml", b"a = ", "is no TOML: "),
    ("p.toml", b"a = 1\na = 2\n", "is no TOML: "),
    ("p.toml", b"a = 1\nb = '\xff'\n", "is not UTF-8: line 2 has the byte 0xff"),
    ("p.toml", b"#" * (MOST_BYTES + 1), "is too large: more than 1,000,000 bytes"),
    ("p.json", b"{", "is not JSON: "),
    ("p.json", b"[1]", "is no object, but a list"),
    ("p.json", b'{"a": 1, "a": 2}', "has 'a' twice"),
    ("p.json", b"[" * 200_000, "is not JSON: "),
    ("p.yaml", b"a: 1", "is neither TOML nor JSON"),
]


@pytest.mark.parametrize(("name", "data", "why"), BAD_FILES)
def test_a_file_that_cannot_be_read_is_told_with_all_else(
    name: str, data: bytes, why: str, shop: Registry, tmp_path: Path
) -> None:
    """With its place, and nothing is run."""
    (tmp_path / name).write_bytes(data)
    path = str(tmp_path / name)
    found = refused(shop, from_command_line(["load.path=a", "x", "=3"], path, {}))
    codes = [code for code, _ in found]
    assert ["SK218"] * 3 == codes
    texts = [text for _, text in found]
    assert "`--set x` is not NAME=VALUE" in texts
    assert "`--set =3` is not NAME=VALUE" in texts
    (text,) = [each for each in texts if "--params" in each]
    assert text.startswith(f"`--params {path}` {why}")


def test_a_file_that_is_not_there_has_its_near_misses(tmp_path: Path, shop: Registry) -> None:
    """And a folder is no file."""
    (tmp_path / "params.toml").write_text("", encoding="utf-8")
    (setting,) = from_file(str(tmp_path / "param.toml"))
    assert "cannot be read: No such file or directory" == setting.mistake
    assert (f"--params {tmp_path / 'params.toml'}",) == setting.fixes
    (setting,) = from_file(str(tmp_path / "params.tml"))
    assert (f"--params {tmp_path / 'params.toml'}",) == setting.fixes
    (setting,) = from_file(str(tmp_path / "none" / "params.toml"))
    assert () == setting.fixes
    (tmp_path / "folder.toml").mkdir()
    (setting,) = from_file(str(tmp_path / "folder.toml"))
    assert setting.mistake.startswith("cannot be read: ")


def test_what_files_and_variables_say_of_other_stages_is_no_mistake(
    shop: Registry, tmp_path: Path
) -> None:
    """They serve several targets; a flag is typed for one, and is warned of."""
    file = tmp_path / "p.toml"
    file.write_text('[load]\npath = "x"\n[train]\nfolds = 3\n', "utf-8")
    options: Any = from_command_line([], str(file), {"STAGEKIT_PARAM_TRAIN__NAMES": "[]"})
    assert () == plan("load", registry=shop, params=options).warnings
    options = from_command_line(["train.folds=3", "path=a"], None, {})
    (warning,) = plan("load", registry=shop, params=options).warnings
    expected = "`--set train.folds=3`: no stage that is planned takes `train.folds`"
    assert expected == warning.message


def test_a_wrong_variable_or_value_of_a_file_says_where(shop: Registry, tmp_path: Path) -> None:
    """The name of the variable, the name in the file."""
    file = tmp_path / "p.toml"
    file.write_text('path = "x"\n[train]\nfolds = "3"\nflods = 1\n', "utf-8")
    environment = {"STAGEKIT_PARAM_LOAD__SPE": ";", "STAGEKIT_PARAM_NAMES": "x"}
    options: Any = from_command_line(["rows=3"], str(file), environment)
    with pytest.raises(PlanError) as caught:
        plan(registry=shop, params=options)
    found = {each.message: (*each.notes, *each.fixes) for each in caught.value.problems}
    assert {
        f"`train.flods` in `{file}` sets no parameter: there is no `train.flods`": (
            '"train.folds" = ...',
        ),
        "`STAGEKIT_PARAM_LOAD__SPE=;` sets no parameter: there is no `LOAD__SPE`": (
            "STAGEKIT_PARAM_LOAD__SEP=...",
        ),
        "`--set rows=3` cannot set `train.rows`: `load` fills it": (
            "to replace the stage: overrides={load: ...}",
        ),
        "`'3'` is no `int` for parameter `train.folds`: input should be a valid integer": (
            f"set by `train.folds` in `{file}`",
            '"train.folds" = 1',
        ),
        "`x` is no `Optional[list[str]]` for parameter `train.names`: "
        "it is not JSON: Expecting value: line 1 column 1 (char 0)": (
            "set by `STAGEKIT_PARAM_NAMES=x`",
            "STAGEKIT_PARAM_TRAIN__NAMES='[...]'",
        ),
    } == found


def test_two_stages_whose_names_are_one_variable_are_told_apart() -> None:
    """A variable has capitals and underscores only."""
    registry = Registry()
    for name in ("a.b", "a_b"):

        def fit(folds: int = 5) -> None: ...

        registry.add(fit, id=name)
    options: Any = from_command_line([], None, {"STAGEKIT_PARAM_A_B__FOLDS": "3"})
    (found,) = refused(registry, options)
    assert ("SK218", "`STAGEKIT_PARAM_A_B__FOLDS=3` means `a.b.folds`, `a_b.folds`") == found


def test_the_short_name_of_a_planned_stage_wins() -> None:
    """Over a stage of that name that is not planned; of two planned ones the id is needed."""
    registry = Registry()

    def fit(folds: int = 5) -> int:
        return folds

    registry.add(fit, id="one:fit")
    registry.add(fit, id="two:fit")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 3 == run("one:fit", registry=registry, params={"fit.folds": 3})["one:fit"]
    text = "`fit.folds` in `params=` means `one:fit.folds`, `two:fit.folds`"
    assert [("SK218", text)] == refused(registry, {"fit.folds": 3})
    made = plan(registry=registry, params={"two:fit.folds": 3})
    assert [("one:fit.folds", "5"), ("two:fit.folds", "3")] == [
        (each.name, each.value) for each in made.parameters
    ]


def test_a_stage_whose_value_is_taken_from_is_not_set(shop: Registry) -> None:
    """``From`` says where the value comes from."""

    def show(folds: Annotated[Rows, From("load")]) -> None: ...

    shop.add(show, id="show")
    found = refused(shop, {"path": Path("a"), "show.folds": ["x"]})
    assert [
        ("SK218", "`show.folds` in `params=` cannot set `show.folds`: `load` fills it")
    ] == found


def scaled(rows: Rows, factor: int) -> int:
    """Take a scalar, and return another of its type."""
    return len(rows) * factor


def test_a_scalar_is_never_filled_by_the_very_stage_that_takes_it() -> None:
    """Where no other stage returns its type it is set; a cycle of one stage would help nobody."""
    registry = Registry()
    registry.add(lambda: Rows(["a", "b"]), id="rows", provides=Rows)
    stage = registry.add(scaled)
    assert 14 == run(registry=registry, params={"factor": 7})[stage]
    ((code, text),) = refused(registry, {})
    assert "SK201" == code
    assert "factor" in text
    registry.add(lambda: 9, id="other", provides=int)
    assert 18 == run(registry=registry)[stage]
