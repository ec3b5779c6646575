"""A command line in this process: streams captured, modules and stages forgotten afterwards."""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import sys
import textwrap
from pathlib import Path
from typing import Callable, Generator, NamedTuple

import pytest

from stagekit import Registry, use_registry

SILENT = (
    "CI",
    "COLUMNS",
    "GITHUB_ACTIONS",
    "FORCE_COLOR",
    "NO_COLOR",
    "TERM",
    "TERM_PROGRAM",
    "VTE_VERSION",
)


class Done(NamedTuple):
    """What a command line did: exit code, standard output, standard error, and both as one."""

    code: int
    out: str
    err: str
    both: str


class _Stream(io.StringIO):
    """A captured stream that also writes to one that has everything."""

    def __init__(self, everything: io.StringIO) -> None:
        super().__init__()
        self._everything = everything

    def write(self, text: str) -> int:
        self._everything.write(text)
        return super().write(text)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute in the stubs  # pyright: ignore[reportIncompatibleVariableOverride]
        """What a terminal of today has."""
        return "utf-8"


@contextlib.contextmanager
def forgotten() -> Generator[None, None, None]:
    """Forget every module that the block imports, and what it has put on the path."""
    modules, path = set(sys.modules), list(sys.path)
    linecache.clearcache()
    try:
        yield
    finally:
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            is_kept = "site-packages" in file or os.path.realpath(file).startswith(STANDARD)
            if not is_kept and not name.startswith("stagekit"):
                del sys.modules[name]
        sys.path[:] = path


Cli = Callable[..., Done]
Write = Callable[[str, str], Path]
STANDARD = os.path.realpath(os.__file__).rpartition(os.sep)[0]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Return a function that carries out a command line in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in SILENT:
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Done:
        from stagekit.cli.app import main

        everything = io.StringIO()
        out, err = _Stream(everything), _Stream(everything)
        with contextlib.ExitStack() as stack:
            stack.enter_context(forgotten())
            stack.enter_context(use_registry(Registry()))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            code = main(arguments)
        return Done(code, out.getvalue(), err.getvalue(), everything.getvalue())

    return run


SHOP = """\
from dataclasses import dataclass

from stagekit import stage


@dataclass(frozen=True)
class Orders:
    rows: tuple


@dataclass(frozen=True)
class Total:
    amount: int


@stage(tags=["io"])
def load() -> Orders:
    \"""Read the orders.\"""
    return Orders((3, 4))


@stage
def total(orders: Orders) -> Total:
    \"""Add them up.\"""
    return Total(sum(orders.rows))


@stage(depends_on=total, tags=["io", "late"])
def announce() -> None:
    print("done")
"""


@pytest.fixture
def shop(write: Write) -> str:
    """Return the name of a module with three stages: load, total, announce."""
    write("shop.py", SHOP)
    return "shop"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file below the empty folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write
