"""The proposed fix of every problem, copied into the program: the problem is gone.

Worlds are programs as text: stages with names that equal, resemble or contradict those of
parameters; types that one stage returns, several, or none; annotations that were forgotten.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from hypothesis import event, given
from hypothesis import strategies as st

from stagekit import PlanError, Problem, Registry, plan, use_registry
from stagekit._declare.callables import last_name
from stagekit.errors import Code

HEAD = """
from typing import Tuple
from stagekit import stage
class A: ...
class B: ...
class SubA(A): ...
"""
NAMES = ["orders", "order", "df_orders", "orders_raw", "products", "productz", "stores", "x", "y"]
RETURNS = ["A", "A", "A", "B", "SubA", "Tuple[A, B]", None]
ASKED = (Code.MISSING_PROVIDER, Code.AMBIGUOUS_PROVIDER, Code.SAME_VALUE, Code.NO_KEY)
COPIED = re.compile(r"(\w+: (?:Annotated\[.*\]|\w+))$")


class Line(NamedTuple):
    """One function of a program."""

    name: str
    parameters: Tuple[Tuple[str, Optional[str]], ...]
    returns: Optional[str]
    is_stage: bool = True
    provides: str = ""

    def text(self) -> str:
        """Return its source."""
        mark = f"@stage({self.provides})\n" if self.is_stage else ""
        taken = ", ".join(name if kind is None else kind for name, kind in self.parameters)
        returns = "" if self.returns is None else f" -> {self.returns}"
        return f"{mark}def {self.name}({taken}){returns}: ...\n"


Program = List[Line]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Draw up to seven functions, each taking up to two values."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=7, unique=True))
    lines: Program = []
    for name in names:
        taken = draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))
        kinds = [draw(st.sampled_from(["A", "A", "A", "B", None])) for _ in taken]
        parameters = tuple((p, k if k is None else f"{p}: {k}") for p, k in zip(taken, kinds))
        returns = draw(st.sampled_from(RETURNS))
        lines.append(Line(name, parameters, returns, draw(st.integers(0, 5)) != 0))
    return lines


class Planned(NamedTuple):
    """What came of planning a program."""

    problems: List[Problem]
    bindings: Dict[Tuple[str, str], str]

    def has(self, problem: Problem) -> bool:
        """Tell whether a problem is among these: of its code, stage and parameter."""
        key = (problem.code, problem.stage_id, problem.parameter)
        return key in [(each.code, each.stage_id, each.parameter) for each in self.problems]


def planned(program: Program, imports: Sequence[str] = ()) -> Planned:
    """Plan a program."""
    module = ModuleType("shop")
    sys.modules["shop"] = module
    source = "\n".join([*imports, HEAD, *(line.text() for line in program)])
    try:
        with use_registry(Registry()) as registry:
            exec(compile(source, "shop.py", "exec"), vars(module))  # noqa: S102
        made = plan(registry=registry)
    except PlanError as error:
        return Planned(list(error.problems), {})
    finally:
        del sys.modules["shop"]
    bindings = {
        (last_name(stage_id), each.parameter): last_name(made.order[step])
        for stage_id, bindings in zip(made.order, made.bindings)
        for each in bindings
        for step in each.providers
    }
    return Planned([], bindings)


def repaired(program: Program, problem: Problem) -> Optional[Program]:
    """Return the program with the first fix of a problem; None where it has a gap."""
    fix, asking = problem.fixes[0], last_name(str(problem.stage_id))
    words = re.findall(r"`(\w+)`", fix)
    found: Program = []
    for line in program:
        new = line
        if words and line.name == words[0] and fix.startswith("annotate `"):
            new = line._replace(returns=fix.rpartition("-> ")[2])
        elif words and line.name == words[0] and fix.startswith("make `"):
            new = line._replace(is_stage=True)
        elif words and line.name == words[0] and fix.startswith("publish"):
            new = line._replace(provides=re.findall(r"@stage\((.*)\) above", fix)[0])
        elif line.name == asking and COPIED.search(fix) and "..." not in fix:
            text: str = COPIED.findall(fix)[0]
            kinds = [
                (name, text if name == problem.parameter else kind)
                for name, kind in line.parameters
            ]
            new = line._replace(parameters=tuple(kinds))
        found.append(new)
    return None if found == program else found


def imports_of(problems: Sequence[Problem]) -> List[str]:
    """Return the import lines that fixes come with."""
    return [fix[6:] for each in problems for fix in each.fixes if fix.startswith("with: ")]


@given(programs())
def test_a_copied_fix_makes_its_problem_go_away(program: Program) -> None:
    """The problem is gone, and no cycle has come."""
    before = planned(program)
    cycles = [each.code for each in before.problems].count(Code.CYCLE)
    for problem in before.problems:
        if problem.code in ASKED:
            fixed = repaired(program, problem)
            event(f"{problem.code.name}: {'a gap' if fixed is None else 'a fix'}")
            if fixed is not None:
                after = planned(fixed, imports_of([problem]))
                assert not after.has(problem), problem.fixes
                assert cycles >= [each.code for each in after.problems].count(Code.CYCLE)


@given(programs())
def test_copied_fixes_contradict_no_name(program: Program) -> None:
    """All of them are copied, again and again: no value goes past the stage of its name."""
    imports: List[str] = []
    for _ in range(6):
        found = planned(program, imports)
        imports += imports_of(found.problems)
        has_cycle = any(each.code is Code.CYCLE for each in found.problems)
        before = program
        for problem in found.problems:
            if problem.code in ASKED:
                program = repaired(program, problem) or program
        if program == before:
            break
        if not has_cycle:
            event("copied")
    found = planned(program, imports)
    types = {line.name: line.returns for line in program if line.is_stage and not line.provides}
    for (asking, parameter), provider in found.bindings.items():
        if parameter != asking and types.get(parameter) == types.get(provider, ""):
            assert parameter == provider
