"""The distribution: what is declared agrees with what is there."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, Iterator, Set

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

import pytest

import stagekit

ROOT = Path(__file__).resolve().parent.parent
# A module that is not named like the distribution that brings it.
MODULES = {"graphlib-backport": "graphlib", "typing-extensions": "typing_extensions"}
# Modules of what a distribution brings with it, that it is never without.
BROUGHT = {"distributed": {"dask", "tblib"}, "pydantic": {"pydantic_core"}}
# Modules of newer standard libraries, imported where they exist.
NEWER = {"annotationlib", "tomllib"}
# Modules that are used where somebody has installed them, and that no extra brings.
FOUND = {"cairosvg"}


def project() -> Dict[str, Any]:  # Any: the values of a TOML table
    """Return the table that describes the project."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: Dict[str, Any] = tomllib.load(file)["project"]
    return table


def distribution(requirement: str) -> str:
    """Return the name in a requirement, normalised."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found.group()).lower()


@lru_cache(maxsize=None)
def imported_modules(folder: Path) -> Set[str]:
    """Return the top-level name of every absolute import below *folder*."""
    return set(_imported_modules(folder))


def _imported_modules(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.split(".")[0]
            elif isinstance(node, ast.Call) and node.args:  # import_module("name")
                called, name = getattr(node.func, "id", ""), getattr(node.args[0], "value", None)
                if called == "import_module" and isinstance(name, str):
                    yield name.split(".")[0]


def standard_library() -> Set[str]:
    """Return the names of the standard library's modules, as far as the interpreter knows them."""
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return set(names)
    stdlib = Path(ast.__file__).parent
    files = {path.stem for path in stdlib.glob("*.py")} | {
        p.parent.name for p in stdlib.glob("*/__init__.py")
    }
    return (
        files
        | set(sys.builtin_module_names)
        | {p.name.split(".")[0] for p in stdlib.glob("lib-dynload/*")}
    )


def test_the_version_is_written_once() -> None:
    """The build reads the version from the package."""
    assert "version" in project()["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+|(a|b|rc)\d+)?", stagekit.__version__)


def test_every_foreign_import_is_declared() -> None:
    """What stagekit imports is the standard library, a dependency, or brought by an extra."""
    table = project()
    declared = list(table["dependencies"])
    for extra in ("testing", "dask", "resources"):
        declared += table["optional-dependencies"][extra]
    names = {distribution(requirement) for requirement in declared}
    allowed = {MODULES.get(name, name.replace("-", "_")) for name in names}
    allowed.update(*[BROUGHT.get(name, set()) for name in names])
    foreign = imported_modules(ROOT / "stagekit") - standard_library() - NEWER - {"stagekit"}
    assert FOUND == foreign - allowed


def test_every_dependency_is_used() -> None:
    """A base dependency that no module imports would be dead weight."""
    names = {distribution(requirement) for requirement in project()["dependencies"]}
    modules = {MODULES.get(name, name.replace("-", "_")) for name in names}
    assert set() == modules - imported_modules(ROOT / "stagekit")


@pytest.mark.parametrize("extra", ["test", "dask", "examples", "bench"])
def test_the_lowest_versions_are_those_that_are_declared(extra: str) -> None:
    """What CI installs to try them: each requirement, with its marker, at its lower bound."""
    table = project()
    declared = [*table["dependencies"], *table["optional-dependencies"][extra]]
    command = [sys.executable, str(ROOT / ".ci" / "lowest.py"), extra]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert [each.replace(">=", "==", 1) for each in declared] == printed.splitlines()


def test_a_dependency_has_the_same_lower_bound_wherever_it_stands() -> None:
    """Or only one of them would be the one that is tried."""
    table = project()
    bounds: Dict[str, Set[str]] = {}
    for requirement in [
        *table["dependencies"],
        *(each for extra in table["optional-dependencies"].values() for each in extra),
    ]:
        bound = requirement.partition(";")[0].partition(">=")[2].strip()
        bounds.setdefault(distribution(requirement), set()).add(bound)
    assert {} == {name: found for name, found in bounds.items() if len(found) > 1}


def test_every_supported_python_is_classified() -> None:
    """The classifiers name each minor version from the floor on, without a gap."""
    found = re.findall(r"Python :: 3\.(\d+)", "\n".join(project()["classifiers"]))
    assert ">=3.8" == project()["requires-python"]
    assert [str(minor) for minor in range(8, 8 + len(found))] == found


def test_the_console_script_can_be_called() -> None:
    """The command `stagekit` is a function of ours."""
    module, _, name = project()["scripts"]["stagekit"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_types_are_shipped() -> None:
    """The marker that makes type checkers read our annotations is in the package."""
    assert (Path(str(stagekit.__file__)).parent / "py.typed").is_file()


def test_no_text_installs_the_unrelated_project_of_the_same_name() -> None:
    """Every install command in the documents installs the checkout."""
    texts = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("stagekit/**/*.py")]
    wrong = re.compile(r"pip install\s+(-\S+\s+)*['\"]?stagekit\b")
    assert [] == [path.name for path in texts if wrong.search(path.read_text(encoding="utf-8"))]
