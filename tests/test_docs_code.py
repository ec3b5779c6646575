"""The code in the documents and the docstrings runs, and prints what is shown.

In docs/*.md, in the order of the page and in a folder of its own (README.md: test_readme.py):

- a ``python`` block that begins with ``# name.py`` is saved as that file, and run as a script
  unless a ``console`` block below does;
- any other ``python`` block is run, the blocks of a page one after another in one session;
- a ``text`` block directly below either is what it prints;
- a ``console`` block holds ``$ python ...`` or ``$ stagekit ...`` and what they print;
- ``<!-- not run: why -->`` directly above a block leaves it out.

Durations and ids of runs are compared as if they were all equal; ``...`` stands for any text.
"""

from __future__ import annotations

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import pytest

import stagekit

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
FENCE = re.compile(
    r"(?P<above><!-- not run: .+? -->\s*\n)?"
    r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<code>.*?)^ *```",
    re.MULTILINE | re.DOTALL,
)
FILE = re.compile(r"# (\w+\.py)\b")
MARK = "\x1e"  # printed between two blocks of a session
TIMEOUT = 60


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    kind: str
    code: str
    line: int
    shown: Optional[str]  # the text block directly below

    @property
    def file(self) -> Optional[str]:
        """The name of the file that the block is, if it is one."""
        found = FILE.match(self.code)
        return found.group(1) if found else None


def blocks(text: str) -> Tuple[Block, ...]:
    """Return the blocks of a page that can be run."""
    found = list(FENCE.finditer(text))
    made: List[Block] = []
    for match, after in zip(found, [*found[1:], None]):
        shown = None
        if after and after["kind"] == "text" and not text[match.end() : after.start()].strip():
            shown = textwrap.dedent(after["code"])
        if match["kind"] in {"python", "console"} and not match["above"]:
            line = text.count("\n", 0, match.start("code")) + 1
            made.append(Block(match["kind"], textwrap.dedent(match["code"]), line, shown))
    return tuple(made)


def masked(text: str) -> str:
    """Return *text* without what differs from run to run."""
    text = re.sub(r"\brun [0-9a-z]{4,}\b", "run r", text)
    return re.sub(r"\b\d+(\.\d+)? ?(µs|ms|s)\b", "0 s", text)


def assert_prints(shown: str, printed: str, where: str) -> None:
    """Fail unless *printed* is what is *shown*."""
    checker = doctest.OutputChecker()
    if not checker.check_output(masked(shown), masked(printed), FLAGS):
        pytest.fail(f"{where} shows\n{shown}\nbut this is printed\n{printed}")


def run(arguments: List[str], folder: Path, script: Optional[str] = None) -> Tuple[int, str]:
    """Run Python in *folder*, and return its exit code and what it printed."""
    environment: Dict[str, str] = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    environment["PYTHONIOENCODING"] = "utf-8"
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    return done.returncode, done.stdout


def run_session(page: str, session: List[Block], folder: Path) -> None:
    """Run the blocks of a page one after another in one interpreter."""
    script = "import sys\n"
    for block in session:
        padded = "\n" * (block.line - 1) + block.code  # errors name the line of the page
        script += f"exec(compile({padded!r}, {page!r}, 'exec'))\n"
        script += f"sys.stdout.flush()\nprint({MARK!r}, flush=True)\n"
    code, printed = run(["-"], folder, script)
    assert code == 0, printed
    for block, output in zip(session, printed.split(f"{MARK}\n")):
        if block.shown is not None:
            assert_prints(block.shown, output, f"{page}:{block.line}")


def run_console(page: str, block: Block, folder: Path) -> None:
    """Run the commands of a console block, and compare what each prints."""
    for command, shown in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n?)*)", block.code, re.MULTILINE):
        program, *arguments = shlex.split(command)
        assert program in {"python", "python3", "stagekit"}, f"{page}: cannot run {command!r}"
        if program == "stagekit":
            arguments = ["-m", "stagekit", *arguments]
        _, printed = run(arguments, folder)
        assert_prints(shown, printed, f"{page}: {command}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_a_page_runs_and_prints_what_is_shown(page: Path, tmp_path: Path) -> None:
    """Every block works as it stands, in the order in which it is read."""
    found = blocks(page.read_text(encoding="utf-8"))
    commands = "\n".join(block.code for block in found if block.kind == "console")
    files = [block for block in found if block.kind == "python" and block.file]
    for block in files:
        (tmp_path / str(block.file)).write_text(block.code, encoding="utf-8")
    for block in files:
        if block.shown is not None or not re.search(rf"\b{Path(str(block.file)).stem}\b", commands):
            code, printed = run([str(block.file)], tmp_path)
            assert code == 0, printed
            assert_prints(block.shown or "...", printed, f"{page.name}:{block.line}")
    session = [block for block in found if block.kind == "python" and not block.file]
    if session:
        run_session(page.name, session, tmp_path)
    for block in found:
        if block.kind == "console":
            run_console(page.name, block, tmp_path)


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(stagekit.__path__, "stagekit.")
    if module.name != "stagekit.__main__"  # importing it is running it
)


def has_examples(name: str) -> bool:
    """Tell whether a module of ours shows a session anywhere."""
    path = Path(str(stagekit.__file__)).parent.parent.joinpath(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ">>>" in file.read_text(encoding="utf-8")


def test_every_module_can_be_imported() -> None:
    """No module needs what is not installed with stagekit."""
    for name in MODULES:
        importlib.import_module(name)


@pytest.mark.parametrize("name", [name for name in MODULES if has_examples(name)])
def test_the_examples_of_a_docstring_run(name: str) -> None:
    """Every example in a docstring prints what it shows."""
    module = importlib.import_module(name)
    with stagekit.use_registry(stagekit.Registry()):
        failed, _ = doctest.testmod(module, optionflags=FLAGS)
    assert failed == 0


def test_a_page_that_shows_something_else_is_found(tmp_path: Path) -> None:
    """The tests above can fail: wrong output, in a session or in a console, is noticed."""
    page = "```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n"
    with pytest.raises(pytest.fail.Exception, match="but this is printed"):
        run_session("page.md", list(blocks(page)), tmp_path)
    page = '```console\n$ python -c "print(2)"\n3\n```\n'
    with pytest.raises(pytest.fail.Exception, match="but this is printed"):
        run_console("page.md", blocks(page)[0], tmp_path)


def test_a_page_that_raises_is_found(tmp_path: Path) -> None:
    """An error in a block fails the page, and names the page and its line."""
    page = "text\n\n```python\n1 / 0\n```\n"
    with pytest.raises(AssertionError, match=r'"page.md", line 4'):
        run_session("page.md", list(blocks(page)), tmp_path)


def test_blocks_are_read_as_this_file_says() -> None:
    """Files, outputs and blocks that are left out are told apart."""
    page = (
        "```python\n# shop.py\nx = 1\n```\n\n```text\nout\n```\n"
        "<!-- not run: needs a cluster -->\n```python\ny\n```\n"
        "- a list\n\n  ```python\n  z = 2\n  ```\n"
        "```sh\ngit clone\n```\n"
    )
    first, second = blocks(page)
    assert ("shop.py", "out\n") == (first.file, first.shown)
    assert ("z = 2\n", None, None) == (second.code, second.file, second.shown)
