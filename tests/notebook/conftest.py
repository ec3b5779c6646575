"""What a notebook's process looks like, without one: an interactive main module, a shell."""

from __future__ import annotations

import linecache
import sys
from contextlib import suppress
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from stagekit import Registry, use_registry


class Cells:
    """Runs cells in an interactive ``__main__``, under a shell that says which cell it is.

    Attributes:
        main: the main module.
        shell: what ``IPython.get_ipython`` returns.
    """

    def __init__(self) -> None:
        self.main = ModuleType("__main__")
        self.shell: Any = SimpleNamespace(
            compile=SimpleNamespace(format_code_name=self._name),
            parent_header={},
            events=SimpleNamespace(register=self._register),
        )
        self._ended: List[Callable[[Any], None]] = []
        self._numbers: Dict[str, int] = {}
        self._count = 0

    def _name(self, file: str) -> Optional[Tuple[str, str]]:
        return ("Cell", f"In[{self._numbers[file]}]") if file in self._numbers else None

    def _register(self, event: str, call: Callable[[Any], None]) -> None:
        assert "post_run_cell" == event
        if call not in self._ended:
            self._ended.append(call)

    def run(self, code: str, cell: str = "") -> Any:
        """Run a cell, of this id; return what it calls ``found``."""
        self._count += 1
        file = f"/nowhere/{abs(hash(code))}.py"
        self._numbers[file] = self._count
        self.shell.parent_header = {"metadata": {"cellId": cell} if cell else {}}
        lines: List[str] = code.splitlines(keepends=True)
        linecache.cache[file] = (len(code), None, lines, file)
        ended = SimpleNamespace(success=False)
        try:
            exec(compile(code, file, "exec", dont_inherit=True), vars(self.main))  # noqa: S102 - that is what a cell is
            ended.success = True
        finally:
            for call in self._ended:
                call(ended)
        for made in tuple(
            vars(self.main).values()
        ):  # 3.14 reads annotations when a plan first does
            if isinstance(made, FunctionType):
                with suppress(NameError):
                    made.__annotations__.copy()
        return vars(self.main).get("found")


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cells]:
    """Give a notebook that has just been opened."""
    made, module = Cells(), ModuleType("IPython")
    vars(module)["get_ipython"] = lambda: made.shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "__main__", made.main)
    with use_registry(Registry()):
        made.run(
            "from typing import List, NewType\n"
            "from typing_extensions import Annotated\n"
            "from stagekit import *\n"
        )
        yield made
