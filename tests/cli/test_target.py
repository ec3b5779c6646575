"""What TARGET may be, what is imported for it, and what is told where it leads nowhere."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, List

import pytest

from stagekit import Registry, use_registry
from stagekit.cli.importing import import_target
from stagekit.cli.target import parse
from stagekit.errors import TargetError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Done, Write

MANY = """
from stagekit import From, Registry, plan, stage

@stage
def one() -> None: ...
@stage(id="etl.two")
def two() -> None: ...
@stage
def three() -> None: ...

class Box:
    favourite = three

def plain() -> None: ...

registry = Registry()
four = registry.add(plain, id="four")
both = [one, two]
pair = ("many:one", three)
flow = plan(three)
rate = 0.5
nothing = ()
empty = Registry()
"""


def planned(done: Done) -> List[str]:
    """Return the short names of what a command has planned."""
    assert 0 == done.code, done.err
    return [each["id"].rpartition(":")[2] for each in json.loads(done.out)["stages"]]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("", ["one", "etl.two", "three"]),
        (":one", ["one"]),
        (":two", ["etl.two"]),
        (":etl.two", ["etl.two"]),
        (":many:one", ["one"]),
        (":Box.favourite", ["three"]),
        (":registry", ["four"]),
        (":four", ["four"]),
        (":both", ["one", "etl.two"]),
        (":pair", ["one", "three"]),
        (":flow", ["three"]),
    ],
)
@pytest.mark.parametrize("place", ["many", "many.py", "./many.py"])
def test_an_attribute_may_be_anything_that_holds_stages(
    place: str, attribute: str, expected: List[str], cli: Cli, write: Write
) -> None:
    """A stage, a reference, a registry, a plan, a list of stages; or the id of a stage."""
    write("many.py", MANY)
    assert expected == planned(cli("plan", f"{place}{attribute}", "--json"))
    assert expected == planned(cli("list", f"{place}{attribute}", "--json"))


PACKAGE = {
    "src/pkg/__init__.py": "",
    "src/pkg/types_.py": "class Orders(list): ...\n",
    "src/pkg/sub/__init__.py": "",
    "src/pkg/sub/flow.py": (
        "from stagekit import stage\nfrom ..types_ import Orders\n"
        "@stage\ndef load() -> Orders: ...\n"
    ),
}


def test_a_file_in_a_package_has_the_name_it_has_there(cli: Cli, write: Write) -> None:
    """Relative imports work, and ids are those of ``python -m``."""
    for name, text in PACKAGE.items():
        write(name, text)
    done = cli("list", "src/pkg/sub/flow.py", "--json")
    assert "pkg.sub.flow:load" == json.loads(done.out)["stages"][0]["id"]


def test_a_module_in_a_package_of_the_current_folder_is_found(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The current folder is on the path, whoever has started the process."""
    for name, text in PACKAGE.items():
        write(name, text)
    monkeypatch.chdir(tmp_path / "src")
    assert ["load"] == planned(cli("plan", "pkg.sub.flow", "--json"))
    assert ["load"] == planned(cli("plan", "pkg.sub.flow:load", "--json"))


def test_a_package_brings_what_its_modules_declare(cli: Cli, write: Write) -> None:
    """The stages of a package are those of the modules that it imports."""
    write("pkg/__init__.py", "from pkg import flow\n")
    write("pkg/flow.py", "from stagekit import stage\n@stage\ndef load() -> None: ...\n")
    assert ["load"] == planned(cli("plan", "pkg", "--json"))


@pytest.mark.parametrize("name", ["my flow.py", "flow-2.py", "2013.py", "flow.v2.py", "größe.py"])
def test_a_file_may_have_a_name_that_no_import_could_say(name: str, cli: Cli, write: Write) -> None:
    """Blanks, dashes, digits and dots: the file is run all the same."""
    write(name, "from stagekit import stage\n@stage\ndef load() -> None:\n    print('ran')\n")
    done = cli("run", name)
    assert (0, "ran\n") == (done.code, done.out), done.err


def test_a_file_of_such_a_name_that_fails_leaves_nothing(cli: Cli, write: Write) -> None:
    """It is told like any other module."""
    write("my flow.py", "1 / 0\n")
    done = cli("run", "my flow.py")
    assert 3 == done.code
    assert "error[SK011]: `my flow.py` raised while it was imported" in done.err
    assert "my_flow" not in sys.modules


def test_the_only_registry_of_a_module_is_taken(cli: Cli, write: Write) -> None:
    """A module that declares into a registry of its own needs not name it."""
    text = (
        "from stagekit import Registry\nshop = Registry()\n@shop.stage\ndef load() -> None: ...\n"
    )
    write("own.py", text)
    assert ["load"] == planned(cli("plan", "own", "--json"))
    assert ["load"] == planned(cli("plan", "own:load", "--json"))
    write("two.py", text + "web = Registry()\n@web.stage\ndef load2() -> None: ...\n")
    done = cli("plan", "two")
    assert 4 == done.code
    told = (
        "no stages in module two; decorate functions with @stage, or name one of its registries: "
    )
    assert f"error: {told}two:shop, two:web\n" == done.err


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("empty", "no stages in module empty; decorate functions with @stage"),
        ("empty.py", "no stages in module empty; decorate functions with @stage"),
        ("many:empty", "no stages in many:empty"),
    ],
)
@pytest.mark.parametrize("command", ["run", "plan", "list", "graph"])
def test_no_stages_are_no_success(
    command: str, target: str, told: str, cli: Cli, write: Write
) -> None:
    """D33: a module without stages ends with exit code 4."""
    write("empty.py", "x = 1\n")
    write("many.py", MANY)
    done = cli(command, target)
    assert (4, "", f"error: {told}\n") == done[:3]


@pytest.mark.parametrize(
    ("target", "told", "near"),
    [
        ("mny", "there is no module `mny`", "did you mean many?"),
        ("Many", "there is no module `Many`", "did you mean many?"),
        ("mny:one", "there is no module `mny`", "did you mean many:one?"),
        ("pkg.flw", "there is no module `pkg.flw`", "did you mean pkg.flow?"),
        ("pk.flow", "there is no module `pk.flow`: `pk` is not found", "did you mean pkg.flow?"),
        ("many.one", "there is no module `many.one`", "did you mean many:one?"),
        ("zzz", "there is no module `zzz`", ""),
        ("mny.py", "there is no file `mny.py`", "did you mean many.py?"),
        ("pkg/flw.py", "there is no file `pkg/flw.py`", "did you mean pkg/flow.py?"),
        ("pkg.flow.py", "there is no file `pkg.flow.py`", "did you mean pkg/flow.py?"),
        ("pkg/flow", "is neither the name of a module nor", "did you mean pkg.flow?"),
        ("pkg/", "is neither the name of a module nor", "did you mean pkg.flow?"),
        ("flows", "there is no module `flows`", "did you mean src/flows.py?"),
        (".many", "is neither the name of a module nor", "did you mean many?"),
        ("a b", "is neither the name of a module nor", ""),
        ("z\0z", "is neither the name of a module nor", ""),
        ("z\0z.py", r"there is no file `z\x00z.py`", ""),
        ("\udcff", r"`\udcff`", ""),
        ("__import__('os').system('x')", "is neither the name of a module nor", ""),
        ("many:on", "`many` has no `on`; it has ", "did you mean many:one?"),
        ("many.py:thre", "`many.py` has no `thre`; it has ", "did you mean many.py:three?"),
        ("many:flo", "`many` has no `flo`", "did you mean many:flow?"),
        ("many:rate", "`many:rate` is a float, where a stage, a Registry, a Plan, or a list", ""),
        ("many:nothing", "`many:nothing` is an empty tuple, where a stage, a Registry", ""),
        ("many:Box.x", "`many` has no `Box.x`", ""),
    ],
)
def test_a_target_that_leads_nowhere_gets_its_near_miss(
    target: str, told: str, near: str, cli: Cli, write: Write
) -> None:
    """D30: refused with the right spelling; exit code 3, and nothing is evaluated."""
    write("many.py", MANY)
    write("pkg/__init__.py", "")
    write("pkg/flow.py", MANY)
    write("src/flows.py", "")
    done = cli("run", target)
    assert (3, "") == (done.code, done.out)
    assert "error[SK010]: " in done.err
    assert told in done.err
    assert near in done.err
    assert bool(near) == ("did you mean" in done.err)


def test_where_a_target_was_looked_for_is_told(cli: Cli, tmp_path: Path) -> None:
    """Without a near miss: the folder, and how a file elsewhere is named."""
    assert (
        f"help: modules are looked for in the current folder, {tmp_path}, and in sys.path\n"
        "      a file is named by its path, from any folder: path/to/flows/shop.py:load\n"
    ) in cli("run", "flows.shop:load").err
    told = f"help: paths start from the current folder, {tmp_path}\n"
    assert told in cli("run", "flows/shop.py").err
    assert told not in cli("run", "/flows/shop.py").err


def test_a_plain_function_is_no_target(cli: Cli, write: Write) -> None:
    """A function that nobody has decorated is told how to become a stage."""
    write("many.py", MANY)
    done = cli("run", "many:Box")
    assert 3 == done.code
    assert "error[SK204]: `Box` is not a stage of this registry" in done.err
    assert "help: decorate it with @stage" in done.err


def test_a_plan_cannot_be_selected_from(cli: Cli, write: Write) -> None:
    """What is planned already is refused together with a selection, not run in whole."""
    write("many.py", MANY)
    done = cli("run", "many:flow", "-s", "three")
    told = (
        "error: many:flow is a plan, made already; "
        "say it where it is made: plan(select=..., strict=...)\n"
    )
    assert (2, "", told) == done[:3]


FAILING = {
    "raises": ("1 / 0\n", "`bad` raised while it was imported: ZeroDivisionError"),
    "exits": ("import sys\nsys.exit(0)\n", "`bad` called sys.exit() while it was imported"),
    "runs": ("from stagekit import run\nrun(load)\n", "`bad` called run() while it was imported"),
    "needs": ("import nowhere_to_be_found\n", "`bad` raised while it was imported: ModuleNotFound"),
    "syntax": ("def :\n", "`bad` raised while it was imported: SyntaxError"),
    "base": ("raise GeneratorExit\n", "`bad` raised while it was imported: GeneratorExit"),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_module_that_fails_is_told_with_its_own_frame(kind: str, cli: Cli, write: Write) -> None:
    """D29, D31: exit code 3; the user's line comes first, and none of ours is shown."""
    text, told = FAILING[kind]
    before = "from stagekit import stage\n\n@stage\ndef load() -> None: ...\n\n"
    write("bad.py", before + text)
    done = cli("run", "bad")
    assert (3, "") == (done.code, done.out)
    assert done.err.startswith(f"error[SK011]: {told}")
    line = (before + text).count("\n")
    assert f"   bad.py:{line}\n" in done.err
    assert "importlib" not in done.err
    assert "stagekit/" not in done.err
    assert done.err.endswith("more: stagekit explain SK011\n")


@pytest.mark.parametrize(
    ("word", "near"), [("Salse", "Sales"), ("floot", "float"), ("Unheard", None)]
)
def test_a_misspelt_name_gets_its_near_miss(word: str, near: str, cli: Cli, write: Write) -> None:
    """A type that an annotation misspells: while importing, or planning where Python is lazy."""
    text = f"from stagekit import stage\nclass Sales: ...\n@stage\ndef show(x: {word}): ...\n"
    for name, before in (("flow.py", ""), ("lazy.py", "from __future__ import annotations\n")):
        write(name, before + text)
        done = cli("plan", name)
        assert 3 == done.code
        if before or sys.version_info >= (3, 14):
            assert f"the name `{word}` is not defined in " in done.err
            assert (near is not None) == (f"did you mean `{near}`?\n" in done.err)
            assert (near is not None) == (f"help: write {near}\n" in done.err)
        else:
            assert f"NameError: name '{word}' is not defined" in done.err
            assert (near is not None) == (f"help: did you mean {near}?\n" in done.err)


def test_a_failure_below_the_module_begins_with_its_line(cli: Cli, write: Write) -> None:
    """The excerpt shows where it was raised, the traceback how the module got there."""
    write("bad.py", "import helper\n\nhelper.work()\n")
    write("helper.py", "def work():\n    raise ValueError('no') from KeyError('k')\n")
    done = cli("plan", "bad")
    assert 3 == done.code
    assert "   helper.py:2\n" in done.err
    first = done.err.index('File "bad.py", line 3, in <module>')
    assert first < done.err.index('File "helper.py", line 2, in work')
    assert "KeyError: 'k'" in done.err


def test_the_whole_traceback_is_there_if_asked_for(cli: Cli, write: Write) -> None:
    """--tb full shows what --tb short leaves out."""
    write("bad.py", "import json\njson.loads('{')\n")
    short, full = cli("plan", "bad"), cli("plan", "bad", "--tb", "full")
    assert "decoder.py" not in short.err
    assert "(what libraries did below is left out; --tb full shows it)" in short.err
    assert "decoder.py" in full.err


@pytest.mark.parametrize("text", ["1 / 0", "raise SystemExit", "raise KeyboardInterrupt"])
def test_a_module_that_fails_leaves_no_stages(
    text: str, tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had declared is gone, with the modules that it had imported; all else stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    write("part.py", "from stagekit import stage\n@stage\ndef part() -> None: ...\n")
    write(
        "bad.py",
        f"import part\nfrom stagekit import stage\n@stage\ndef load() -> None: ...\n{text}\n",
    )
    with use_registry(Registry()) as registry:
        registry.add(lambda: None, id="other")
        with pytest.raises((TargetError, KeyboardInterrupt)):
            import_target(parse("bad"))
        assert ["other"] == [declaration.id for declaration in registry]
        assert not {"bad", "part"} & set(sys.modules)
        write("bad.py", "import part\n")
        import_target(parse("bad"))
        assert ["other", "part:part"] == [declaration.id for declaration in registry]
    for name in ("bad", "part"):
        del sys.modules[name]


@pytest.mark.parametrize("name", ["types.py", "stagekit.py", "random/__init__.py"])
def test_a_file_that_hides_a_module_is_warned_of(
    name: str, cli: Cli, write: Write, shop: str
) -> None:
    """D32: a file named like a module of Python, or like us, breaks imports in odd ways."""
    write(name, "")
    done = cli("plan", shop)
    assert 0 == done.code
    hidden = name.partition(".")[0].partition("/")[0]
    what = "stagekit itself" if hidden == "stagekit" else f"the module `{hidden}` of Python"
    place = name.replace("/__init__.py", "")
    assert f"warning: {place} hides {what} from every import; rename it\n" == done.err


def test_a_file_cannot_take_the_place_of_a_module_of_python(cli: Cli, write: Write) -> None:
    """A target named like a module that is loaded is refused, not mistaken for it."""
    write("types.py", "from stagekit import stage\n@stage\ndef load() -> None: ...\n")
    done = cli("plan", "types.py")
    assert 3 == done.code
    assert "error[SK010]: `types.py` cannot be imported: `types` is another module" in done.err
    assert "help: rename the file" in done.err


def test_folders_hide_nothing(cli: Cli, write: Write, shop: str) -> None:
    """A folder without ``__init__.py`` is found last, and ``tests`` are everywhere."""
    for name in ("json/x.txt", "test/__init__.py", "tests/__init__.py"):
        write(name, "")
    assert "" == cli("plan", shop).err


def test_what_a_module_prints_does_not_mix_with_the_answer(cli: Cli, write: Write) -> None:
    """Prints while importing go to stderr, where stdout is for what was asked for."""
    write("loud.py", "from stagekit import stage\nprint('loud')\n@stage\ndef load() -> None: ...\n")
    for arguments in (
        ["plan", "loud"],
        ["list", "loud"],
        ["graph", "loud"],
        ["run", "loud", "--json"],
    ):
        done = cli(*arguments)
        assert 0 == done.code
        assert "loud\n" not in done.out.replace("mloud", "")
        assert done.err.startswith("loud\n")
    assert cli("run", "loud").out == "loud\n"


def test_values_of_a_module_are_planned_while_it_is_imported(cli: Cli, write: Write) -> None:
    """A plan error of a module that plans is shown like any other."""
    write(
        "flow.py", "from stagekit import plan, stage\n@stage\ndef load(x: bytes): ...\nplan(load)\n"
    )
    done = cli("run", "flow:load")
    assert 3 == done.code
    assert "error[SK201]: nothing provides `bytes` for parameter `x` of stage `load`" in done.err


NESTED = """
from stagekit import stage

def make():
    @stage
    def two(k: int = 1) -> int:
        print("two", k)
        return k

make()
"""


def test_the_command_line_takes_the_last_name(cli: Cli, write: Write) -> None:
    """As target, in a selection, to set, and to show."""
    write("flow.py", NESTED)
    assert "two 1\n" == cli("run", "flow.py:two", "-q").out
    done = cli("run", "flow.py", "-s", "two", "--set", "two.k=5", "--show", "two", "-q")
    assert done.out.startswith("two 5\n"), done.err
    assert "5" in done.out.partition("\n")[2]


def test_two_targets_of_one_last_name_are_none(cli: Cli, write: Write) -> None:
    """The whole id says which."""
    other = NESTED.replace("make", "again").replace("from stagekit import stage\n", "")
    write("flow.py", NESTED + other)
    assert "`flow.py` has no `two`; it has make.two, again.two" in cli("run", "flow.py:two").err
