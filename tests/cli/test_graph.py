"""``stagekit graph``: files by their suffix, what is folded and what is said of it."""

from __future__ import annotations

import os
import stat
import sys
import types
from pathlib import Path
from typing import Callable, Dict

import pytest
from typing_extensions import Protocol

from stagekit.cli.commands import graph as command

if sys.platform == "win32":
    WHICH = "rsvg-convert.bat"
else:
    WHICH = "rsvg-convert"


class Done(Protocol):
    """What a command line did."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]
Write = Callable[[str, str], object]

MANY = """
from stagekit import stage

@stage
def load() -> None: ...

def fit() -> None: ...

for number in range({count}):
    stage(id=f"fit.{{number}}", depends_on=load)(lambda: None)

@stage(depends_on=[f"fit.{{number}}" for number in range({count})])
def report() -> None: ...
"""
CHAIN = """
from stagekit import stage

for number in range(100):
    stage(id=f"{'abcdefghij'[number // 10]}.{number}", depends_on=last if number else ())(lambda: 1)
    last = f"{'abcdefghij'[number // 10]}.{number}"
"""


@pytest.fixture
def many(write: Write) -> str:
    """A module of twelve equal stages between two others."""
    write("many.py", MANY.format(count=12))
    return "many.py"


def test_a_file_is_what_its_name_ends_in(cli: Cli, shop: str, tmp_path: Path) -> None:
    """Each suffix has its language; nothing is printed, and the file is what would be."""
    for suffix, said in (
        *((".svg", "svg"), (".dot", "dot"), (".mmd", "mermaid"), (".mermaid", "mermaid")),
        *((".json", "json"), (".txt", "tree"), (".SVG", "svg")),
    ):
        path = tmp_path / f"drawn{suffix}"
        done = cli("graph", shop, "-o", str(path))
        assert (0, "", "") == (done.code, done.out, done.err)
        assert cli("graph", shop, "--format", said).out == path.read_text(encoding="utf-8")
    assert not list(tmp_path.glob(".drawn*"))


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("a.pdf", "FILE ends in one of .svg, .png, .dot, .mmd, .mermaid, .json, .txt"),
        ("a", "FILE ends in one of .svg, .png, "),
        ("a.svgg", "did you mean .svg? FILE ends in one of"),
        ("none/a.svg", "there is no folder none; write mkdir -p none"),
        ("\x1b[31m.svg/a.svg", "there is no folder \\x1b[31m.svg"),
        ("folder.svg", "that is a folder"),
    ],
)
def test_a_file_that_cannot_be_is_an_error_of_usage(
    file: str, said: str, cli: Cli, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told before anything is imported, on one line."""
    (tmp_path / "folder.svg").mkdir()
    done = cli("graph", shop, "-o", file)
    assert 2 == done.code
    assert said in done.err
    assert "\x1b" not in done.err
    assert not (tmp_path / "a.pdf").exists()


def test_a_suffix_and_a_format_must_agree(cli: Cli, shop: str) -> None:
    """Saying the same twice is no mistake."""
    done = cli("graph", shop, "-o", "a.svg", "--format", "dot")
    assert (2, "error: -o a.svg and --format dot contradict each other\n") == (done.code, done.err)
    assert 0 == cli("graph", shop, "-o", "a.svg", "--format", "svg").code


def test_what_cannot_be_written_leaves_the_old_file(
    cli: Cli, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one line and exit code 74; nothing is half written."""
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    done = cli("graph", shop, "-o", str(path))
    assert 74 == done.code
    assert f"error: -o {path} cannot be written: No space left on device\n" == done.err
    assert "old" == path.read_text(encoding="utf-8")
    assert not list(tmp_path.glob(".a.svg*"))


def test_equal_stages_are_folded_unless_told(cli: Cli, many: str) -> None:
    """``--unfold`` draws each, in every language; nothing is said of what the box itself says."""
    for word in ("svg", "mermaid", "dot"):
        done = cli("graph", many, "--format", word)
        assert (0, "") == (done.code, done.err)
        assert "fit ×12" in done.out.replace("#215;", "×")
        unfolded = cli("graph", many, "--format", word, "--unfold").out
        assert "12" not in unfolded.replace("fit.12", "") or "×" not in unfolded
        assert all(f"fit.{number}" in unfolded for number in range(12))


def test_a_folded_picture_says_how_to_unfold_it(cli: Cli, write: Write) -> None:
    """Past 60 boxes standard error has how many there are of how many stages."""
    write("chain.py", CHAIN)
    said = "note: 100 stages in 10 boxes; --unfold, or fold=False, draws each stage\n"
    for word in ("svg", "mermaid", "dot"):
        assert said == cli("graph", "chain.py", "--format", word).err
        assert "" == cli("graph", "chain.py", "--format", word, "--unfold").err
    assert "" == cli("graph", "chain.py").err
    assert "" == cli("graph", "chain.py", "--format", "json").err


def test_mermaid_says_that_it_has_a_limit(cli: Cli, write: Write) -> None:
    """Past 500 edges it folds and says so, and unfolded it says that pages will refuse it."""
    write("many.py", MANY.format(count=300))
    folded = cli("graph", "many.py", "--format", "mermaid")
    assert "note: Mermaid draws at most 500 edges, of 600, so stages share boxes\n" == folded.err
    assert 2 == folded.out.count("-.->")
    unfolded = cli("graph", "many.py", "--format", "mermaid", "--unfold")
    said = "Mermaid draws at most 500 edges unless maxEdges is set, of 600"
    assert f"note: {said}\n" == unfolded.err
    assert f"  %% {said}\n" in unfolded.out
    assert 600 == unfolded.out.count("-.->")
    assert "" == cli("graph", "many.py", "--format", "dot", "--unfold").err


PROGRAM = """#!{python}
import sys
text = sys.stdin.read()
if "wrong" in {mode!r} or "large" in {mode!r} and "2" in sys.argv:
    sys.exit("no \\x1b[31msuch thing\\nat all")
if "mute" in {mode!r}:
    sys.exit(1)
sys.stdout.write("PNG of " + text[:4] + " ".join(sys.argv[1:]))
"""


def converter(folder: Path, mode: str = "") -> None:
    """Put a program into a folder that stands for rsvg-convert."""
    folder.mkdir(exist_ok=True)
    program = folder / WHICH
    program.write_text(PROGRAM.format(python=sys.executable, mode=mode), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


@pytest.mark.skipif(sys.platform == "win32", reason="a script with #! is no program there")
def test_a_png_is_drawn_by_what_is_installed(
    cli: Cli, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rsvg-convert finds too large it draws smaller; another failure is one line."""
    converter(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert 0 == cli("graph", shop, "-o", "a.png").code
    made = Path("a.png").read_text(encoding="utf-8")
    assert "PNG of <svg--zoom 2 --background-color white --format png" == made
    converter(tmp_path / "bin", "large")
    assert 0 == cli("graph", shop, "-o", "a.png").code
    assert "--zoom 1 " in Path("a.png").read_text(encoding="utf-8")
    converter(tmp_path / "bin", "mute")
    said = "error: -o b.png cannot be written: rsvg-convert: it failed\n"
    assert said == cli("graph", shop, "-o", "b.png").err
    converter(tmp_path / "bin", "wrong")
    done = cli("graph", shop, "-o", "b.png")
    assert 74 == done.code
    said = "error: -o b.png cannot be written: rsvg-convert: no \\x1b[31msuch thing\n"
    assert said == done.err
    assert not Path("b.png").exists()


def test_a_png_without_what_draws_it_says_what_to_install(
    cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cairosvg does where rsvg-convert is not there; without both it is an error of usage."""
    monkeypatch.setattr(command, "_drawer", lambda: None)
    done = cli("graph", shop, "-o", "a.png")
    assert 2 == done.code
    assert "a PNG needs rsvg-convert or cairosvg: apt install librsvg2-bin" in done.err
    asked: Dict[str, object] = {}

    def svg2png(**options: object) -> bytes:
        asked.update(options)
        return b"PNG"

    cairosvg = types.ModuleType("cairosvg")
    cairosvg.svg2png = svg2png  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "cairosvg", cairosvg)
    monkeypatch.setattr(command, "_drawer", lambda: "cairosvg")
    assert 0 == cli("graph", shop, "-o", "a.png").code
    assert b"PNG" == Path("a.png").read_bytes()
    assert str(asked["bytestring"]).startswith("b'<svg ")


def test_what_can_draw_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program comes before the library, and neither is loaded."""
    import importlib.util

    def nowhere(_: str) -> None:
        return None

    def somewhere(name: str) -> str:
        return f"/bin/{name}"

    monkeypatch.setattr("shutil.which", nowhere)
    monkeypatch.setattr(importlib.util, "find_spec", nowhere)
    assert command._drawer() is None
    monkeypatch.setattr(importlib.util, "find_spec", somewhere)
    assert "cairosvg" == command._drawer()
    monkeypatch.setattr("shutil.which", somewhere)
    assert "/bin/rsvg-convert" == command._drawer()
