"""``--set``, ``--params``, the environment, ``--help-params``, and names for the shell."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, List

import pytest
from click.shell_completion import BashComplete

from stagekit.cli.app import stagekit
from stagekit.cli.completion import parameter_names

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

SCHEMAS = Path(parameter_names.__code__.co_filename).with_name("schemas")
SHOP = """
from datetime import date
from pathlib import Path
from typing import List

from stagekit import stage


@stage
def load(path: Path, since: date = date(2026, 1, 1)) -> List[str]:
    return [str(path), str(since)]


@stage
def report(rows: List[str], folds: int = 5) -> None:
    print(rows, folds)
"""
BOTH = "['a.csv', '2026-01-01'] 7\n"


@pytest.fixture
def shop(write: Write) -> str:
    """Write a module with a required parameter, and return its name."""
    write("shop.py", SHOP)
    return "shop"


def test_parameters_are_set_on_the_command_line(cli: Cli, shop: str) -> None:
    """A path, a date, a number: texts, converted by the type."""
    done = cli("run", shop, "--set", "load.path=a=b.csv", "--set", "since=2026-11-30", "-q")
    assert (0, "['a=b.csv', '2026-11-30'] 5\n") == done[:2]


def test_a_flag_wins_over_the_environment_and_a_file(
    cli: Cli, shop: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that sets a parameter."""
    write("p.toml", "[load]\npath = 'a.csv'\n[report]\nfolds = 1\n")
    monkeypatch.setenv("STAGEKIT_PARAM_REPORT__FOLDS", "7")
    assert BOTH == cli("run", shop, "--params", "p.toml", "-q").out
    found = cli("run", shop, "--params", "p.toml", "--set", "folds=8", "-q").out
    assert BOTH.replace("7", "8") == found
    document = json.loads(cli("plan", shop, "--params", "p.toml", "--json").out)
    assert [("load.path", "file"), ("load.since", "default"), ("report.folds", "environment")] == [
        (each["name"], each["source"]) for each in document["parameters"]
    ]


def test_all_mistakes_are_one_error_and_nothing_runs(
    cli: Cli, shop: str, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of flags, of the environment and of a file: each with its place, value, and what to type."""
    write("p.toml", "folds = 'x'\n")
    monkeypatch.setenv("STAGEKIT_PARAM_LOAD__SINCE", "soon")
    done = cli(
        *("run", shop, "--params", "p.toml", "--set", "lod.path=a", "--set", "x"),
        *("--set", "rows=[]", "--json"),
    )
    assert 3 == done.code
    assert "6 problems; nothing was run" in done.err
    parts = [
        """error[SK218]: `--set lod.path=a` sets no parameter: there is no `lod.path`

help: --set load.path=a
""",
        """error[SK218]: `--set x` is not NAME=VALUE

help: --set load.path=...
""",
        "error[SK218]: `--set rows=[]` cannot set `report.rows`: `load` fills it",
        "error[SK219]: `soon` is no `date` for parameter `load.since`: input should",
        """   set by `STAGEKIT_PARAM_LOAD__SINCE=soon`

help: STAGEKIT_PARAM_LOAD__SINCE=2026-11-30
""",
        "error[SK219]: `'x'` is no `int` for parameter `report.folds`: input should",
        """def report(rows: List[str], folds: int = 5) -> None:
      │                             ^^^^^^^^^^ another type

   set by `folds` in `p.toml`

help: "report.folds" = 1
""",
        "help: set it: --set load.path=...\n",
    ]
    assert [] == [part for part in parts if part not in done.err]
    document = json.loads(done.out)
    assert ("error", 3) == (document["status"], document["exit_code"])
    assert 6 == len(document["error"]["problems"])


def test_the_help_of_an_error_works_as_it_stands(cli: Cli, shop: str) -> None:
    """What is proposed for a required parameter is accepted, with a value in the gap."""
    refused = cli("run", shop)
    assert 3 == refused.code
    (line,) = [each for each in refused.err.split("\n") if "set it: --set" in each]
    flag, assignment = line.rpartition("set it: ")[2].replace("...", "a.csv").split()
    assert 0 == cli("run", shop, flag, assignment).code


def test_parameters_are_listed_without_a_plan(cli: Cli, shop: str) -> None:
    """Also where a required one has no value; of what is selected."""
    expected = """\
load.path     Path  required
load.since    date  2026-01-01  default
report.folds  int   5           default
"""
    assert (0, expected, "") == cli("run", shop, "--help-params")[:3]
    assert (0, expected) == cli("plan", shop, "--help-params")[:2]
    selected = "load.path   Path  required\nload.since  date  2026-01-01  default\n"
    assert (0, selected) == cli("run", shop, "--help-params", "-s", "load")[:2]
    found = cli("run", shop, "--help-params", "--set", "report.folds=7").out
    assert "report.folds  int   7           --set, default 5" in found
    listed = cli("list", shop).out
    assert "\nparameters\n" + "".join(f"  {each}\n" for each in expected.splitlines()) in listed


def test_parameters_are_a_document(cli: Cli, shop: str) -> None:
    """Of ``--help-params`` and of ``list``."""
    alone = json.loads(cli("run", shop, "--help-params", "--json").out)
    listed = json.loads(cli("list", shop, "--json").out)
    assert ("stagekit.parameters/1", "shop") == (alone["schema"], alone["target"])
    assert alone["parameters"] == listed["parameters"]
    assert {
        "name": "load.path",
        "stage": "shop:load",
        "parameter": "path",
        "type": "Path",
        "default": None,
        "value": None,
        "source": "",
    } == alone["parameters"][0]


def test_a_target_without_parameters_says_so(cli: Cli, write: Write) -> None:
    """A target of one stage that takes nothing."""
    write("none.py", "from stagekit import stage\n@stage\ndef one() -> None: ...\n")
    assert "none has no parameters to be set\n" == cli("run", "none", "--help-params").out


def test_a_plan_has_its_values_already(
    cli: Cli, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is typed for it is refused; a variable is for whoever can take it."""
    text = SHOP + "\nfrom stagekit import plan\nmade = plan(params={'path': Path('a.csv')})\n"
    write("made.py", text)
    done = cli("run", "made:made", "--set", "folds=3")
    assert 2 == done.code
    assert "is a plan, made already; say it where it is made: plan(params={...})" in done.err
    monkeypatch.setenv("STAGEKIT_PARAM_FOLDS", "3")
    assert 0 == cli("run", "made:made").code
    assert "load.path" in cli("run", "made:made", "--help-params").out
    assert "load.path" in cli("list", "made:made").out


def complete(words: List[str], incomplete: str) -> List[str]:
    """Return what the shell is offered."""
    shell = BashComplete(stagekit, {}, "stagekit", "_STAGEKIT_COMPLETE")
    return [str(each.value) for each in shell.get_completions(words, incomplete)]


COMPLETED = """
from stagekit import stage
import stagekit
raise SystemExit("nobody runs this")

@stage
def load(path: str, /, when: "date", rows: list, *, sep=",", by: int, of: object): ...

@stagekit.stage(retries=2)
async def fetch(url: str, where: pathlib.Path, tries=3): ...

@shop.stage
def third(model: Model, *rest): ...

@other
def helper(x: int = 3): ...

class Group: ...
"""


def test_names_of_parameters_are_completed_without_running_the_file(
    cli: Cli, write: Write, tmp_path: Path
) -> None:
    """From a file, a module and a package, wherever the option stands."""
    assert cli("-V").code == 0
    write("done.py", COMPLETED)
    write("pkg/__init__.py", "from stagekit import stage\n@stage\ndef a(b: int): ...\n")
    names = ["load.by=", "load.path=", "load.sep=", "load.when="]
    assert names == complete(["run", "done.py", "--set"], "lo")
    assert names == complete(["plan", "done:load", "--set"], "load.")
    assert ["a.b="] == complete(["run", "pkg", "--strict", "--set"], "")
    assert ["fetch.tries", "fetch.url", "fetch.where"] == parameter_names("done")[:3]
    assert [] == complete(["run", "--set"], "lo")


@pytest.mark.parametrize("text", ["def (", "\0", "x" * 10 + "=" * 9])
def test_a_file_that_is_not_python_offers_nothing(text: str, cli: Cli, write: Write) -> None:
    """Nor one that is not there; the shell is never answered with a traceback."""
    assert cli("-V").code == 0
    write("bad.py", text)
    assert [] == complete(["run", "bad.py", "--set"], "")
    assert [] == complete(["run", "none.py", "--set"], "")


def proposed(err: str) -> List[str]:
    """Return the words of the first ``--set`` that an error proposes."""
    return shlex.split(re.findall(r"--set [^`?\n]+", err)[0])[:2]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["shop.py", "--path", "b.csv"], "`path` is a parameter of `load`: --set path=b.csv\n"),
        (["--path=b c.csv", "shop"], "`path` is a parameter of `load`: --set 'path=b c.csv'\n"),
        (["shop", "--pth", "b.csv"], "there is no option --pth; did you mean --set path=b.csv?\n"),
        (["shop", "--folds"], "`folds` is a parameter of `report`: --set folds=...\n"),
        (["shop", "-qz"], "there is no option -z (--set sets load.path or"),
        (["shop", "--year", "3"], "(--set sets load.path or load.since or report.folds)\n"),
    ],
)
def test_an_option_of_the_name_of_a_parameter_is_answered_with_set(
    typed: List[str], told: str, cli: Cli, shop: str
) -> None:
    """The file is read, not imported; what is proposed runs when it is pasted."""
    done = cli("run", *typed)
    assert (2, True) == (done.code, told in done.err)
    if "b" in told.partition("=")[2]:
        assert cli("run", shop, *proposed(done.err), "-q").out.startswith("['b")


def test_one_option_may_be_the_name_of_several_parameters(cli: Cli, write: Write) -> None:
    """Each has its stage; one of them is written out."""
    text = "from stagekit import stage\n"
    for name in ("read", "load"):
        text += f"@stage\ndef {name}(path: str = 'a') -> None: print('{name}', path)\n"
    write("two.py", text)
    done = cli("run", "two.py", "--path", "b")
    assert "`path` is a parameter of `load` and `read`: --set load.path=b\n" in done.err
    assert "load b\n" in cli("run", "two.py", *proposed(done.err), "-q").out


def test_a_word_may_be_meant_for_the_one_parameter(cli: Cli, write: Write) -> None:
    """A file to read, as scripts take it; no selection and no argument is proposed for it."""
    write("one.py", "from stagekit import stage\n@stage\ndef load(path: str): print(path)\n")
    done = cli("run", "one.py", "a.csv")
    assert (
        "nothing takes a.csv after one.py; did you mean "
        "`stagekit run one.py --set load.path=a.csv` (a parameter)?\n"
    ) in done.err
    assert "a.csv\n" == cli("run", "one.py", *proposed(done.err), "-q").out


@pytest.mark.parametrize("command", ["run", "bench"])
def test_arguments_that_no_stage_takes_are_refused(command: str, cli: Cli, shop: str) -> None:
    """Before anything runs: which parameters can be set, and how a stage takes arguments."""
    done = cli(command, shop, "--set", "path=a", "--", "--since", "2026-11-30")
    assert (2, "") == done[:2]
    assert "error: no stage takes what follows `--`: --since 2026-11-30\n" in done.err
    names = "load.path, load.since, report.folds"
    assert f"help: set a parameter: --set load.since=...  (there is: {names})\n" in done.err
    assert "def load(arguments: Arguments), from stagekit import Arguments\n" in done.err


@pytest.mark.parametrize(
    "parameters", ["arguments: Arguments", "context: Context", "*, arguments: Arguments"]
)
def test_arguments_reach_whoever_can_see_them(parameters: str, cli: Cli, write: Write) -> None:
    """Also by the context."""
    head = "from stagekit import Arguments, Context, stage\n"
    write("seen.py", f"{head}@stage\ndef a({parameters}) -> None: print('ran')\n")
    assert (0, "ran\n") == cli("run", "seen.py", "-q", "--", "--since")[:2]
    write("blind.py", "from stagekit import stage\n@stage\ndef a() -> None: print('ran')\n")
    done = cli("run", "blind.py", "--", "x")
    assert (2, "") == done[:2]
    assert "--set" not in done.err


@pytest.mark.parametrize(
    ("typed", "fix"),
    [("path", "path"), ("load.pth", "load.path"), ("folds=", ""), ("year", "load.path"), ("", "")],
)
def test_a_setting_without_a_value_is_answered_with_a_parameter_that_there_is(
    typed: str, fix: str, cli: Cli, shop: str
) -> None:
    """The one that was typed, or the nearest; an empty text is a value."""
    done = cli("plan", shop, "--set", typed, "--set", "load.since=2026-01-02")
    assert 3 == done.code
    expected = f"help: --set {fix or 'load.path'}=...\n"
    assert (typed != "folds=") == (expected in done.err), done.err
    write_path = ["--set", f"{fix or 'load.path'}=a.csv"]
    assert 0 == cli("plan", shop, *write_path).code


def test_a_setting_without_a_value_where_nothing_can_be_set(cli: Cli, write: Write) -> None:
    """An example, as of any pipeline."""
    write("bare.py", "from stagekit import stage\n@stage\ndef a(): ...\n")
    assert (
        "help: --set load.path=a.csv, or --set path=a.csv\n"
        in cli("plan", "bare.py", "--set", "path").err
    )


def test_list_shows_what_only_a_later_stage_could_fill(cli: Cli, write: Write) -> None:
    """``load(path: str)`` in a script whose last stage returns a ``str``."""
    text = """
    from typing import List
    from stagekit import stage

    @stage
    def load(path: str) -> List[int]: return [len(path)]

    @stage
    def report(load: List[int]) -> str: return str(load)
    """
    write("late.py", text)
    assert "load.path  str  required" in cli("list", "late.py").out
    assert "load.path  str  required" in cli("run", "late.py", "--help-params").out
    assert ["load.path"] == parameter_names("late.py")
    assert "--set path=a.csv" in cli("run", "late.py", "--path", "a.csv").err


def test_a_picture_needs_no_value(cli: Cli, write: Write) -> None:
    """What has to be set to run it is said beside; a mistake of another kind is one still."""
    text = """
    from typing import List
    from stagekit import stage

    @stage
    def load(path: str, sep: str) -> List[int]: return [len(path + sep)]

    @stage
    def report(load: List[int]) -> bytes: return b""
    """
    write("drawn.py", text)
    done = cli("graph", "drawn.py")
    assert (0, "load ─▶ report\n") == (done.code, done.out)
    assert "note: to run it, set load.path, load.sep\n" in done.err
    assert "set load.sep\n" in cli("graph", "drawn.py", "--set", "path=a.csv").err
    document = json.loads(cli("graph", "drawn.py", "--format", "json").out)
    schema = json.loads((SCHEMAS / "plan-1.json").read_text(encoding="utf-8"))
    jsonschema: Any = importlib.import_module("jsonschema")  # has no types
    jsonschema.validate(document, schema)
    assert [None, None] == [each["value"] for each in document["parameters"]]
    assert 3 == cli("plan", "drawn.py").code
    write("wrong.py", text + "\n    @stage\n    def more(x: type) -> None: ...\n")
    done = cli("graph", "wrong.py")
    assert (3, "") == (done.code, done.out)
    assert "SK201" in done.err


def test_what_a_stage_happens_to_fill_is_listed(cli: Cli, write: Write) -> None:
    """``path`` can be set, and says whose value it is otherwise; ``host`` has its stage's name."""
    write(
        "sim.py",
        "from stagekit import stage\n"
        "@stage\ndef host() -> str: return 'db'\n"
        "@stage\ndef load(path: str, host: str) -> list: return [path]\n",
    )
    done = cli("run", "sim.py", "--help-params")
    assert (0, "load.path  str  of `host`  stage\n") == (done.code, done.out)
    document = json.loads(cli("run", "sim.py", "--help-params", "--json").out)
    (parameter,) = document["parameters"]
    assert ("load.path", None, "of `host`", "stage") == tuple(
        parameter[name] for name in ("name", "default", "value", "source")
    )
    set_ = cli("run", "sim.py", "--help-params", "--set", "load.path=x")
    assert "load.path  str  x" in set_.out
