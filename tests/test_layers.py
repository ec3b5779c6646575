"""The law of imports: a module imports from lower floors or its own folder (DESIGN 10)."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Dict, Iterator, List, Set, Tuple

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "stagekit"

# The part of the package (module or folder below stagekit) and the floor it stands on.
FLOORS = {
    "errors": 0,
    "events": 0,
    "_base": 0,
    "_declare": 1,
    "_plan": 2,
    "_render": 3,
    "_run": 3,
    "executors": 4,
    "hooks": 4,
    "store": 4,
    "_api": 5,
    "_options": 5,
    "_settings": 5,
    "config": 5,
    "plugins": 5,
    "application": 5,
    "_bench": 6,
    "": 6,  # stagekit itself: a lazy table of names, whose users stand outside
    "testing": 7,
    "report": 7,
    "cli": 7,
    "__main__": 8,
    "_script": 9,  # `stagekit.main()`: the command line, for the script that calls it
}
ADAPTERS = 4
SHARED = (0, 5)  # floors whose parts are single files that may know each other


@dataclass(frozen=True)
class Import:
    """One import of one of our modules by another."""

    importer: str
    imported: str
    line: int

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


def modules(package: Path) -> Dict[str, Path]:
    """Return every module of *package* by its dotted name."""
    found: Dict[str, Path] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: Dict[str, Path]) -> Iterator[Import]:
    """Yield the imports of our own modules in *path*, those inside functions too."""
    for node in _nodes(path):
        for target in _targets(node, name, is_package=path.name == "__init__.py"):
            while target not in known and "." in target:
                target = target.rpartition(".")[0]  # noqa: PLW2901  # a name inside a module
            if target in known:
                yield Import(name, target, getattr(node, "lineno", 0))


@lru_cache(maxsize=None)
def _nodes(path: Path) -> List[ast.AST]:
    kinds = (ast.Import, ast.ImportFrom, ast.Call)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def _targets(node: ast.AST, importer: str, *, is_package: bool) -> List[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            up = importer.split(".")
            kept = len(up) - node.level + is_package
            base = ".".join(up[:kept] + ([node.module] if node.module else []))
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else None
        called = function.id if isinstance(function, ast.Name) else called
        if called in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
            return [node.args[0].value]
    return []


def part(module: str) -> str:
    """Return the part of the package that *module* belongs to."""
    return module.split(".")[1] if "." in module else ""


def is_legal(found: Import) -> bool:
    """Say whether *found* goes down or stays in its own folder."""
    above, below = part(found.importer), part(found.imported)
    if above == below:
        return True
    if FLOORS[above] == ADAPTERS:
        return FLOORS[below] == 0
    if FLOORS[above] == FLOORS[below]:
        return FLOORS[above] in SHARED
    return FLOORS[above] > FLOORS[below]


def illegal(package: Path) -> List[str]:
    """Return every import of *package* that breaks the law, as text, in order."""
    known = modules(package)
    strangers = [f"{name} stands on no floor" for name in known if part(name) not in FLOORS]
    if strangers:
        return strangers
    return [
        str(found)
        for name, path in known.items()
        if name != "stagekit"  # its table is checked by the test below
        for found in imports(name, path, known)
        if not is_legal(found)
    ]


def circles(package: Path) -> Tuple[Tuple[str, ...], ...]:
    """Return each group of modules that can reach each other by imports, wherever those stand."""
    known = modules(package)
    graph = {
        name: {found.imported for found in imports(name, path, known)} - {name}
        for name, path in known.items()
    }
    reach = {name: _reached(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach[other]))
        for name in graph
        if name in reach[name]
    }
    return tuple(sorted(groups))


def _reached(graph: Dict[str, Set[str]], start: str) -> Set[str]:
    """Return what *start* imports, and what that imports in turn."""
    seen: Set[str] = set()
    stack = [start]
    while stack:
        found = graph[stack.pop()] - seen
        seen |= found
        stack += found
    return seen


def test_imports_go_down_or_stay_in_their_folder() -> None:
    """No module knows a module above it, and no adapter knows another."""
    assert [] == illegal(PACKAGE)


def test_no_two_modules_import_each_other() -> None:
    """No import makes a circle, be it inside a function or where only a type checker looks."""
    assert () == circles(PACKAGE)


def test_the_front_door_imports_nothing_of_ours_when_it_is_imported() -> None:
    """``import stagekit`` reads a table; modules are loaded when a name is asked for."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    eager = [
        target
        for node in tree.body
        for target in _targets(node, "stagekit", is_package=True)
        if target.startswith("stagekit")
    ]
    assert [] == eager


@pytest.mark.parametrize(
    ("module", "source", "broken"),
    [
        ("_base/keys.py", "from stagekit._plan.plan import Plan", True),
        ("_base/keys.py", "from .._plan import plan", True),
        ("_base/keys.py", "import stagekit._plan.plan", True),
        ("_plan/plan.py", "def run():\n    from stagekit._run import start", True),
        ("_plan/plan.py", "import importlib\nimportlib.import_module('stagekit._run.start')", True),
        ("_plan/plan.py", "from stagekit import run", True),
        ("hooks/logs.py", "from stagekit.executors.futures import submit", True),
        ("hooks/logs.py", "from stagekit._plan.plan import Plan", True),
        ("testing.py", "from stagekit.cli import run", True),
        ("_run/start.py", "from stagekit._plan.plan import Plan", False),
        ("_run/start.py", "from . import scheduler", False),
        ("hooks/logs.py", "from stagekit.events import RunStarted", False),
        ("cli/run.py", "from stagekit import run", False),
        ("newcomer.py", "", True),
    ],
)
def test_the_checker_finds_a_broken_law(
    tmp_path: Path, module: str, source: str, broken: object
) -> None:
    """An import upwards or sideways is found however it is written."""
    package = tmp_path / "stagekit"
    skeleton = ["__init__.py", "events.py", "_plan/plan.py", "_run/start.py", "_run/scheduler.py"]
    skeleton += ["executors/futures.py", "cli/__init__.py", "_run/__init__.py", "_plan/__init__.py"]
    for name in (*skeleton, module):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).touch()
    (package / module).write_text(textwrap.dedent(source), encoding="utf-8")
    assert bool(broken) == bool(illegal(package))


@pytest.mark.parametrize(
    "source",
    [
        "import stagekit.errors",
        "if TYPE_CHECKING:\n    import stagekit.errors",
        "def explain():\n    from stagekit.errors import PlanError",
        "def explain():\n    from stagekit import _base",
    ],
)
def test_the_checker_finds_a_circle(tmp_path: Path, source: str) -> None:
    """Modules that import each other are found wherever the import stands, packages included."""
    package = tmp_path / "stagekit"
    (package / "_base").mkdir(parents=True)
    (package / "errors.py").write_text("import stagekit.events", encoding="utf-8")
    (package / "_base" / "__init__.py").write_text("import stagekit.events", encoding="utf-8")
    (package / "events.py").write_text(source, encoding="utf-8")
    (package / "alone.py").write_text("import stagekit.events", encoding="utf-8")
    other = "stagekit._base" if "_base" in source else "stagekit.errors"
    assert (tuple(sorted([other, "stagekit.events"])),) == circles(package)
