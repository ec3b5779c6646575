"""The name that a file has when it is imported."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from stagekit._declare.callables import import_name, import_root, main_name


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return the folder of ``outer.inner``, a package in a package."""
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "__init__.py").touch()
    return inner


def test_a_file_in_a_package_has_the_name_of_the_package(package: Path, tmp_path: Path) -> None:
    """Walking up as far as there are packages; the folder above is the root."""
    assert "outer.inner.flow" == import_name(str(package / "flow.py"))
    assert "outer.inner" == import_name(str(package / "__init__.py"))
    assert str(tmp_path) == import_root(str(package / "flow.py"))


def test_a_file_on_its_own_has_its_own_name(tmp_path: Path) -> None:
    """Without packages around it."""
    assert "flow" == import_name(str(tmp_path / "flow.py"))
    assert str(tmp_path) == import_root(str(tmp_path / "flow.py"))


def test_the_main_module_is_named_by_its_spec_its_file_or_not_at_all(package: Path) -> None:
    """``-m`` leaves a spec, a script its file, an interactive session neither."""
    file = str(package / "flow.py")
    assert "a.b" == main_name({"__spec__": ModuleSpec("a.b", None), "__file__": file})
    assert "outer.inner.flow" == main_name({"__spec__": None, "__file__": file})
    assert "my_flow_-1_" == main_name({"__file__": "/nowhere/my flow(-1).py"}).replace("(", "_")
    assert "__main__" == main_name({})
