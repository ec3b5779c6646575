"""An id that is declared again: replaced by a reload or a notebook cell, else refused."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Dict, Iterator, Tuple

import pytest

from stagekit import DuplicateStageError, Registry, run, stage, use_registry
from stagekit.errors import Code

LOAD = "from stagekit import stage\n@stage\ndef load() -> int:\n    return {}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder that modules can be imported from, and forget them afterwards."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(folder: Path, files: Dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    importlib.invalidate_caches()


def python(folder: Path, *arguments: str) -> Tuple[int, str, str]:
    """Run the interpreter in a folder; return exit code, output and the last line of errors."""
    done = subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )
    return done.returncode, done.stdout, done.stderr.rstrip().rpartition("\n")[2]


def reloaded(module: ModuleType, folder: Path, text: str) -> None:
    """Write a module anew and reload it."""
    written(folder, {f"{module.__name__}.py": text})
    importlib.reload(module)


def test_a_reloaded_module_replaces_its_stages(folder: Path) -> None:
    """The stage is the new function, once, in its old place; however often it is reloaded."""
    written(folder, {"shop_reloaded.py": LOAD.format(1) + "@stage\ndef last() -> None: ...\n"})
    with use_registry(Registry()) as registry:
        module = importlib.import_module("shop_reloaded")
        for number in (22, 333):
            reloaded(module, folder, LOAD.format(number))
            assert ["shop_reloaded:load", "shop_reloaded:last"] == [each.id for each in registry]
            assert number == run("load")["load"]
            assert number == run(module.load)[module.load]


def test_a_reloaded_module_that_declares_an_id_twice_is_refused(folder: Path) -> None:
    """A reload replaces what was there before, not what it has declared itself."""
    written(folder, {"shop_doubled.py": LOAD.format(1)})
    with use_registry(Registry()) as registry:
        module = importlib.import_module("shop_doubled")
        with pytest.raises(DuplicateStageError):
            reloaded(module, folder, LOAD.format(2) + "@stage\ndef load() -> int:\n    return 3\n")
    assert 1 == len(registry)


def test_a_module_imported_anew_replaces_its_stages(folder: Path) -> None:
    """Taken out of ``sys.modules`` and imported again, as test tools do, it is another spec."""
    written(folder, {"shop_anew.py": LOAD.format(1)})
    with use_registry(Registry()) as registry:
        importlib.import_module("shop_anew")
        del sys.modules["shop_anew"]
        written(folder, {"shop_anew.py": LOAD.format(22)})
        importlib.import_module("shop_anew")
        assert (1, 22) == (len(registry), run("load")["load"])


def test_the_same_code_declared_twice_is_told_so() -> None:
    """A loop or a factory declares one id again: the error names the place and the cure."""
    registry = Registry()

    def factory(number: int) -> None:
        @registry.stage
        def load() -> int:
            return number

    factory(1)
    with pytest.raises(DuplicateStageError) as caught:
        factory(2)
    error = caught.value
    assert (Code.DUPLICATE_STAGE, False) == (error.code, error.twin)
    assert error.first == error.location
    assert error.location is not None
    assert "the same code has declared it twice (a loop, a factory)" in str(error)
    assert "registry.add(fn, id=" in str(error)


def test_two_functions_of_one_name_in_one_module_are_refused(folder: Path) -> None:
    """The second ``def load`` of a module does not silently win."""
    text = LOAD.format(1) + "\n@stage\ndef load() -> int:\n    return 2\n"
    written(folder, {"shop_twice.py": text})
    with use_registry(Registry()), pytest.raises(DuplicateStageError) as caught:
        importlib.import_module("shop_twice")
    assert caught.value.first is not None
    assert caught.value.location is not None
    assert (3, 7) == (caught.value.first.line, caught.value.location.line)
    for line in ("shop_twice.py:3", "shop_twice.py:7"):
        assert line in str(caught.value)


def test_another_function_of_the_same_id_is_refused_where_it_is_declared() -> None:
    """The traceback ends at the second declaration, not at a later plan."""
    registry = Registry()
    registry.add(lambda: 1, id="load")
    with pytest.raises(DuplicateStageError) as caught:
        registry.add(lambda: 2, id="load")
    frame = caught.traceback[0]
    assert "registry.add(lambda: 2" in str(frame.statement)


def test_a_function_decorated_twice_is_refused() -> None:
    """Twice the same function, in one registry, is a mistake as well."""
    registry = Registry()

    @registry.stage
    def load() -> int:
        return 1

    with pytest.raises(DuplicateStageError):
        registry.stage(load)


NOTEBOOK = """
import sys
names = {"__name__": "__main__"}
if sys.argv[1] == "cell":
    import types
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    names = vars(main)
exec("from stagekit import *", names)
for number in (1, 2, 3):
    exec(f"@stage\\ndef load() -> int: return {number}", names)
    exec("print(run()[load], run('load')['load'], plan().order)", names)
exec("@stage\\ndef other() -> str: return str(load())", names)
exec("@stage\\ndef total(n: int) -> float: return float(n)", names)
exec("print(run(total)[total])", names)
"""


def test_a_notebook_cell_that_is_run_again_replaces_its_stages(tmp_path: Path) -> None:
    """In an interactive ``__main__``, which has no file, the newest definition counts."""
    written(tmp_path, {"notebook.py": NOTEBOOK})
    lines = [f"{n} {n} ('__main__:load',)\n" for n in (1, 2, 3)]
    assert (0, "".join(lines) + "3.0\n", "") == python(tmp_path, "notebook.py", "cell")


@pytest.mark.slow
def test_an_interactive_session_is_a_notebook(tmp_path: Path) -> None:
    """``python -c`` and the prompt have no file either."""
    text = "from stagekit import *\nfor n in (1, 2):\n  exec('@stage\\ndef f() -> int: return n')\n"
    assert (0, "2\n", "") == python(tmp_path, "-c", text + "print(run()['f'])")


@pytest.mark.slow
def test_a_script_that_declares_twice_is_no_notebook(tmp_path: Path) -> None:
    """A ``__main__`` with a file follows the rule of every module."""
    written(tmp_path, {"flow.py": LOAD.format(1) + LOAD.format(2)})
    code, _, last = python(tmp_path, "flow.py")
    assert 1 == code
    assert last.startswith("stagekit.errors.DuplicateStageError: stage 'flow:load'")


PACKAGE = {
    "pkg/__init__.py": "",
    "pkg/flow.py": LOAD.format(1) + "import pkg.sibling\n",
    "pkg/sibling.py": "from pkg.flow import load\n",
}


def check_twin(last: str, name: str) -> None:
    """Check the last line of errors of a file that was imported twice."""
    assert last.startswith(f"stagekit.errors.DuplicateStageError: stage '{name}:load'")
    assert f"'__main__' and as '{name}'" in last or f"'{name}' and as '__main__'" in last
    assert f"python -m stagekit run {name}" in last
    assert "move the stages to a module of their own" in last


@pytest.mark.slow
def test_a_module_run_by_name_and_imported_by_its_sibling_is_told_so(tmp_path: Path) -> None:
    """``python -m pkg.flow`` whose sibling imports ``pkg.flow`` has every type twice."""
    written(tmp_path, PACKAGE)
    code, _, last = python(tmp_path, "-m", "pkg.flow")
    assert 1 == code
    check_twin(last, "pkg.flow")


@pytest.mark.slow
def test_a_file_of_a_package_run_as_a_script_is_told_so(tmp_path: Path) -> None:
    """``python pkg/flow.py`` gets the name of the package too, so the twin is found."""
    written(tmp_path, PACKAGE)
    text = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n" + LOAD.format(1)
    written(tmp_path, {"pkg/flow.py": text + "import pkg.sibling\n"})
    code, _, last = python(tmp_path, "pkg/flow.py")
    assert 1 == code
    check_twin(last, "pkg.flow")


def test_a_script_imported_by_name_is_told_so(tmp_path: Path) -> None:
    """``python flow.py`` whose helper says ``import flow``."""
    written(tmp_path, {"flow.py": LOAD.format(1) + "import part\n", "part.py": "import flow\n"})
    code, _, last = python(tmp_path, "flow.py")
    assert 1 == code
    check_twin(last, "flow")


def test_a_file_of_a_package_whose_part_imports_it_by_its_stem_is_told_so(tmp_path: Path) -> None:
    """``cd pkg; python flow.py`` gets the name of the package, and ``import flow`` does not."""
    script = "import part\n" + LOAD.format(1) + "print(load.__module__)\n"
    written(tmp_path, {"__init__.py": "", "flow.py": script, "part.py": "import flow\n"})
    code, out, last = python(tmp_path, "flow.py")
    assert (1, "flow\n") == (code, out)  # of the import, which comes first
    assert "its file is imported twice, as 'flow' and as '__main__'" in last
    assert "python -m stagekit run flow" in last


def imported(file: Path, name: str) -> None:
    """Import a file under a name."""
    spec = importlib.util.spec_from_file_location(name, str(file))
    assert spec is not None
    loader: Any = spec.loader
    loader.exec_module(importlib.util.module_from_spec(spec))


def test_a_file_imported_with_its_package_and_without_is_told_so(tmp_path: Path) -> None:
    """No script is needed for a file to be imported twice; a stage that is gone does not count."""
    written(tmp_path, {"flow.py": LOAD.format(1), "other/flow.py": LOAD.format(2)})
    with use_registry(Registry()) as registry:
        imported(tmp_path / "flow.py", "flow")
        imported(tmp_path / "other/flow.py", "other.flow")  # is another file
        with pytest.raises(DuplicateStageError) as caught:
            imported(tmp_path / "flow.py", "shop.flow")
        assert caught.value.twin
        assert Code.IMPORTED_TWICE == caught.value.code
        assert "twice, as 'flow' and as 'shop.flow'" in str(caught.value)
        assert "import it as 'shop.flow' everywhere" in str(caught.value)
        assert ["flow:load", "other.flow:load"] == [each.id for each in registry]
        registry.remove("flow:load")
        imported(tmp_path / "flow.py", "shop.flow")
        registry.clear()
        imported(tmp_path / "flow.py", "flow")


def test_a_file_may_be_loaded_under_names_of_its_own(tmp_path: Path) -> None:
    """Names that are not two ways to one module are meant."""
    written(tmp_path, {"flow.py": LOAD.format(1)})
    with use_registry(Registry()) as registry:
        imported(tmp_path / "flow.py", "north")
        imported(tmp_path / "flow.py", "south")
    assert ["north:load", "south:load"] == [each.id for each in registry]


def test_ids_of_a_script_are_those_of_the_module(tmp_path: Path) -> None:
    """As a script, by ``-m`` and imported by name, a stage has one id."""
    printing = "import stagekit\nprint(stagekit.plan().order)\n"
    written(tmp_path, {"pkg/__init__.py": "", "pkg/flow.py": LOAD.format(1) + printing})
    expected = (0, "('pkg.flow:load',)\n", "")
    assert expected == python(tmp_path, "pkg/flow.py")
    assert expected == python(tmp_path, "-m", "pkg.flow")
    assert expected == python(tmp_path, "-c", "import pkg.flow")
    assert expected == python(tmp_path / "pkg", "flow.py")


@pytest.mark.slow
def test_ids_of_a_package_that_is_run_are_those_of_its_main_module(tmp_path: Path) -> None:
    """``python -m pkg`` runs ``pkg/__main__.py``."""
    printing = "import stagekit\nprint(stagekit.plan().order)\n"
    written(tmp_path, {"pkg/__init__.py": "", "pkg/__main__.py": LOAD.format(1) + printing})
    assert (0, "('pkg.__main__:load',)\n", "") == python(tmp_path, "-m", "pkg")


SPAWNING = (
    LOAD.format(1)
    + """
def child(queue):
    from stagekit import plan
    queue.put((__name__, plan().order))

if __name__ == "__main__":
    import multiprocessing
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(queue.get(timeout=30))
    process.join()
"""
)


@pytest.mark.slow
def test_the_main_module_of_a_child_process_counts_as_the_main_module(tmp_path: Path) -> None:
    """``multiprocessing`` imports the script as ``__mp_main__``: the ids are the same."""
    written(tmp_path, {"flow.py": SPAWNING})
    assert (0, "('__mp_main__', ('flow:load',))\n", "") == python(tmp_path, "flow.py")


@pytest.mark.slow
def test_a_script_whose_name_is_no_identifier_has_an_id(tmp_path: Path) -> None:
    """Signs that ids cannot have become underscores."""
    printing = "import stagekit\nprint(stagekit.plan().order)\n"
    written(tmp_path, {"my flow (1).py": LOAD.format(1) + printing})
    assert (0, "('my_flow__1_:load',)\n", "") == python(tmp_path, "my flow (1).py")


def test_the_first_declaration_stays_after_a_refusal() -> None:
    """A refused duplicate changes nothing in the registry."""
    with use_registry(Registry()) as registry:
        stage(id="load")(lambda: 1)
        before = registry.version
        with pytest.raises(DuplicateStageError):
            stage(id="load")(lambda: 2)
    assert (before, 1) == (registry.version, run("load", registry=registry)["load"])


def test_two_things_without_a_place_are_not_one_file() -> None:
    """Classes made at run time stand in no file, so no file was imported twice."""
    registry = Registry()
    registry.add(type("Made", (), {"__module__": "__main__"}), id="made")
    with pytest.raises(DuplicateStageError) as caught:
        registry.add(type("Made", (), {"__module__": "shop"}), id="made")
    assert not caught.value.twin
    assert "declared at an unknown place" in str(caught.value)


@pytest.mark.parametrize("more", [{}, {"__name__": None}, {"__name__": "shop"}])
def test_code_that_is_executed_needs_no_name(more: Dict[str, Any]) -> None:
    """``exec`` with globals that name a file and no module: its functions are stages."""
    with use_registry(Registry()) as registry:
        for number in range(2):
            namespace: Dict[str, Any] = {"__file__": "shop.py", "number": number, **more}
            text = "from stagekit import stage\n@stage(id=f'a{number}')\ndef a() -> int: return 1\n"
            exec(compile(text, "shop.py", "exec"), namespace)  # noqa: S102 - our own text
    assert ["a0", "a1"] == [each.id for each in registry]
