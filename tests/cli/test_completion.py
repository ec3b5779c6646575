"""Completion: what a shell is offered for a line, and bash, zsh and fish as they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, List

import pytest

from stagekit.cli.app import stagekit
from stagekit.cli.shells import SCRIPTS, answer
from tests.cli.terminals import read, read_until

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

ROOT = Path(__file__).resolve().parent.parent.parent
BREAKS = "\"'><=;|&(:"
SHOP = """
import time
from stagekit import Registry, stage
print("printed")
time.sleep(600)
raise SystemExit(3)

spare = Registry()

@stage(tags=["io", "late"])
def load(path: str = "a.csv") -> int:
    '''Read the orders.

    From a file.
    '''

@stage(id="shop:sum_up", tags=NAMES, **OPTIONS)
def total(load: int) -> str: ...

def helper(x): ...
"""


@pytest.fixture
def folder(cli: Cli, write: Write, tmp_path: Path) -> Path:
    """Return a folder with a script that prints, hangs and fails, where it is imported."""
    assert cli("-V").code == 0
    write("shop.py", SHOP)
    write("flows/web.py", "from stagekit import stage\n@stage\ndef fetch(): ...\n")
    write("flows/__init__.py", "")
    write("with space.py", "")
    write("notes.txt", "")
    return tmp_path


def offered(line: str, shell: str = "zsh") -> List[str]:
    """Return the words that a shell is offered for a line, up to the cursor."""
    environ = {"COMP_LINE": line, "COMP_WORDBREAKS": BREAKS}
    text = answer(stagekit, f"{shell}_complete", environ)
    return [each.partition("\t")[0] for each in text.split("\n") if each]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ["run", "plan", "list", "graph", "bench", "explain", "completion"]),
        ("pl", ["plan"]),
        ("completion z", ["zsh"]),
        ("run ", ["flows/", "shop.py", "with space.py"]),
        ("run sh", ["shop.py", "shop"]),
        ("run flows/", ["flows/web.py"]),
        ("run flows.", ["flows.web"]),
        ("run nowhere.", []),
        ("run nowhere/", []),
        ("run shop.py:", ["shop.py:load", "shop.py:sum_up", "shop.py:spare"]),
        ("run shop:s", ["shop:sum_up", "shop:spare"]),
        ("list flows.web:", ["flows.web:fetch"]),
        ("run none.py:", []),
        ("plan shop.py -s ", ["load", "sum_up", "tag:io", "tag:late"]),
        ("plan shop.py -s 2+l", ["2+load"]),
        ("plan shop.py -s tag:l", ["tag:late"]),
        ("plan shop.py --exclude=s", ["--exclude=sum_up"]),
        ("graph shop.py --from ", ["load", "sum_up"]),
        ("run shop.py --until lo", ["load"]),
        ("run --adopt shop.py --until h", ["helper"]),
        ("run shop.py --show l", ["load"]),
        ("run shop.py --output ", ["load=", "sum_up="]),
        ("run shop.py --output load=n", ["load=notes.txt"]),
        ("run shop.py --set ", ["load.path="]),
        ("run shop.py --set load.path=fl", ["load.path=flows/"]),
        ("run shop.py --params n", ["notes.txt"]),
        ("run shop.py --junit-xml no", ["notes.txt"]),
        ("run shop.py --executor i", ["inline"]),
        ("run shop.py --color n", ["never"]),
        ("run shop.py --wor", ["--workers"]),
        ("run --workers 3 shop.py --wor", []),
        ("explain SK20", [f"SK20{number}" for number in range(1, 10)]),
        ("run 'with", ["with space.py"]),
        ("run shop.py -- --x", []),
        ("nothing like this ", []),
        ("run \x00", []),
    ],
)
def test_a_line_is_completed(line: str, expected: List[str], folder: Path) -> None:
    """Commands, targets, options, their values, stages, tags, parameters, files and codes."""
    assert expected == offered(f"stagekit {line}")
    assert expected == offered(f"A=b .venv/bin/stagekit {line}")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run shop.py:l", ["load"]),
        ("run shop.py --set load.path=fl", ["flows/"]),
        ("run shop.py --set=lo", ["load.path="]),
        ("run with", ["with\\ space.py"]),
        ("run 'with", ["with space.py"]),
    ],
)
def test_bash_replaces_what_follows_a_break(line: str, expected: List[str], folder: Path) -> None:
    """It takes words apart at colons and at equals signs, and blanks have to be escaped."""
    assert expected == offered(f"stagekit {line}", "bash")


def test_words_have_their_meaning(folder: Path) -> None:
    """The first line of a docstring, the title of a code, the help of an option."""
    environ = {"COMP_LINE": "stagekit run shop.py:l"}
    assert "shop.py:load\tRead the orders." == answer(stagekit, "fish_complete", environ)
    environ = {"COMP_LINE": "stagekit explain SK201"}
    told = "SK201\tnothing provides what a parameter asks for"
    assert told == answer(stagekit, "fish_complete", environ)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_what_hangs_is_not_waited_for(folder: Path) -> None:
    """A pipe has no end, and a name with a control character is not offered."""
    os.mkfifo("pipe.py")
    Path("evil\x1b[31m.py").touch()
    assert [] == offered("stagekit run pipe.py -s ")
    assert "pipe.py" in offered("stagekit run ")
    assert not any("evil" in each for each in offered("stagekit run "))


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_script_is_printed(
    shell: str, cli: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """By the command, and as click's users know it; a line is answered by the program, too."""
    script = cli("completion", shell).out
    monkeypatch.setenv("_STAGEKIT_COMPLETE", f"{shell}_source")
    assert script == cli().out != ""
    monkeypatch.setenv("_STAGEKIT_COMPLETE", f"{shell}_complete")
    monkeypatch.setenv("COMP_LINE", "stagekit pl")
    assert "plan\tCheck the stages" in cli().out
    monkeypatch.setenv("_STAGEKIT_COMPLETE", "nothing")
    monkeypatch.setenv("COMP_LINE", "stagekit x")
    assert (0, "", "") == cli("run")[:3]
    monkeypatch.delenv("_STAGEKIT_COMPLETE")
    assert "there is no 'bsh'; did you mean bash or zsh?" in cli("completion", "bsh").err


def needs(shell: str) -> pytest.MarkDecorator:
    """Skip a test where a shell is not installed."""
    is_there = shutil.which(shell) is not None
    return pytest.mark.skipif(not is_there, reason=f"{shell} is not installed here")


@pytest.fixture
def program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program ``stagekit`` on the path."""
    path = folder / "bin" / "stagekit"
    path.parent.mkdir()
    text = "import sys\nfrom stagekit.__main__ import main\nsys.exit(main())\n"
    path.write_text(f"#!{sys.executable}\n{text}", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("TERM", "dumb")
    return folder


def shown(shell: List[str], script: str) -> str:
    """Return what a shell prints."""
    done = subprocess.run(
        [*shell, script], stdout=subprocess.PIPE, encoding="utf-8", timeout=60, check=True
    )
    return done.stdout


@needs("bash")
def test_functions_of_bash(program: Path) -> None:
    """The function that is registered fills the reply."""
    line = "stagekit run shop.py:s"
    script = f"""
        eval "$(stagekit completion bash)"
        COMP_LINE='{line} and more'; COMP_POINT={len(line)}
        COMP_WORDS=(stagekit run shop.py : s); COMP_CWORD=4
        _stagekit_completion stagekit s :
        printf '%s\\n' "${{COMPREPLY[@]}}"
        complete -p stagekit
    """
    expected = "sum_up\nspare\ncomplete -o nosort -F _stagekit_completion stagekit\n"
    assert expected == shown(["bash", "--norc", "-c"], script)


@needs("fish")
def test_functions_of_fish(program: Path) -> None:
    """It says itself what it would offer."""
    script = "stagekit completion fish | source; complete -C 'stagekit run shop.py:l'"
    assert "shop.py:load\tRead the orders.\n" == shown(["fish", "--no-config", "-c"], script)
    script = "stagekit completion fish | source; complete -C 'stagekit run shop.py --set load.'"
    assert "load.path=\n" == shown(["fish", "--no-config", "-c"], script)


STARTS = {
    "bash": (["--norc", "-i"], 'eval "$(stagekit completion bash)"'),
    "zsh": (
        ["-f", "-i"],
        'autoload -U compinit && compinit -u -D && eval "$(stagekit completion zsh)"',
    ),
}
TYPED = [  # what is typed before the tab, and what stands there then
    (b"run sho", b"run shop"),
    (b"run shop.py:su", b"run shop.py:sum_up "),
    (b"run shop.py --set lo", b"run shop.py --set load.path="),
    (b"plan shop.py --until su", b"plan shop.py --until sum_up "),
    (b"expl", b"explain "),
    (b"run with\\ spac", b"run with\\ space.py "),
]


def stands_there(line: bytes, seen: bytes) -> bool:
    """Tell whether a line is on a terminal, bells left out."""
    return line in seen.replace(b"\a", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize("shell", [pytest.param(each, marks=needs(each)) for each in STARTS])
def test_a_tab_in_a_real_shell(shell: str, program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the line becomes what was meant, and nothing else is printed."""
    import pty

    monkeypatch.setenv("PS1", "ready> ")
    arguments, start = STARTS[shell]
    master, slave = pty.openpty()
    with subprocess.Popen(
        [shell, *arguments], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    ) as process:
        os.close(slave)
        try:
            os.write(master, f"{start}; echo begi''ns\n".encode())
            read_until(master, b"begins")
            for typed, expected in TYPED:
                os.write(master, b"stagekit " + typed + b"\t")
                seen = read(master, partial(stands_there, expected))
                assert b"printed" not in seen
                os.write(master, b"\x15")  # the line is not wanted
        finally:
            process.kill()
            os.close(master)
