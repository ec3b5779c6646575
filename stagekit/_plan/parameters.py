"""Parameters of a pipeline: those that no stage fills and whose type is plain can be set.

Works on what is wired already: planning without ``params`` loads nothing of this.
"""

from __future__ import annotations

from stagekit._base.conversion import (
    UnfitError,
    check,
    cut,
    example,
    from_data,
    from_text,
    is_plain,
    shown,
)
from stagekit._base.keys import describe, may_be_none
from stagekit._base.parameters import ENVIRONMENT, FLAG, PREFIX, PYTHON, SOURCES, UNSET, Setting
from stagekit._base.problem import Code, Problem
from stagekit._base.record import Record, Row
from stagekit._base.text import did_you_mean, escape_control, listed, safe_repr, short_names
from stagekit._declare.callables import last_name, namespace_of
from stagekit._plan.index import Lack
from stagekit._plan.late_providers import ambiguous, is_called_after, is_loose
from stagekit._plan.signature_data import EMPTY
from stagekit._plan.slots import NONE, SET, Slot
from stagekit._plan.suggestions import as_value, at, imports_of, several, short
from stagekit._plan.wiring import Omit, reasons_of, sources_of, stages_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Collection, Dict, List, Optional, Sequence, Set, Tuple, Union

    from stagekit._declare.declaration import Declaration
    from stagekit._plan.resolve import Resolver
    from stagekit._plan.signature_data import Parameter
    from stagekit._plan.wiring import AnyWiring, Source

_MOST_KNOWN = 8  # names that are listed where none is near


class PlanParameter(Row):
    """A parameter of a pipeline: what ``params=`` and ``--set`` can set.

    Attributes:
        name: what to write: ``load.path``.
        stage: the id of the stage that takes it.
        parameter: its name there.
        type: as one writes it.
        default: for people; None where it is required.
        value: for people; None where it is not set.
        source: what has set it: ``"--set"``, ``"environment"``, ``"file"``, ``"params="``,
            ``"default"``, or ``"stage"`` where it is that of a stage unless it is set; empty where
            it is required and not set.

    Example:
        >>> from stagekit import Registry, plan
        >>> registry = Registry()
        >>> @registry.stage
        ... def train(folds: int = 5) -> None: ...
        >>> [(each.name, each.type, each.default) for each in plan(registry=registry).parameters]
        [('train.folds', 'int', '5')]
    """

    name: str
    stage: str
    parameter: str
    type: str
    default: Optional[str]
    value: Optional[str]
    source: str


class Settable(Record):
    """A parameter that can be set.

    Attributes:
        row: the number of its stage among those that were looked at.
        number: its own number in the signature.
        stage: the stage.
        parameter: what was read of it.
        source: what fills it: its default, None, a value that was set, or nothing.
        name: what to write, ``load.path``.
    """

    row: int
    number: int
    stage: Declaration
    parameter: Parameter
    source: Source
    name: str

    @property
    def is_required(self) -> bool:
        """Whether the stage cannot be called unless it is set."""
        return self.parameter.default is EMPTY and not may_be_none(self.parameter.key)


def settables(
    stages: Sequence[Declaration],
    parameters: Sequence[Sequence[Parameter]],
    wirings: Sequence[AnyWiring],
    breakable: Collection[Tuple[int, int]] = (),
) -> List[Settable]:
    """Return the parameters of some stages that nothing fills and whose type is plain.

    *breakable* are others, by row and number: those that may be set all the same.
    """
    names = short_names([stage.id for stage in stages])
    return [
        Settable(row, number, stage, each, source, f"{names[stage.id]}.{each.name}")
        for row, (stage, own, wiring) in enumerate(zip(stages, parameters, wirings))
        for number, (each, source) in enumerate(zip(own, sources_of(wiring)))
        if (_is_free(source) or (row, number) in breakable) and can_be_set(each)
    ]


def _is_free(source: Source) -> bool:
    is_slot = isinstance(source, Slot) and source.kind in {NONE, SET}
    return is_slot or isinstance(source, Omit)


def can_be_set(parameter: Parameter) -> bool:
    """Return whether a parameter can be set where nothing fills it."""
    marker, key = parameter.marker, parameter.key
    is_by_type = marker is None or type(marker).__name__ == "Named"
    return is_by_type and parameter.fault is None and key is not None and is_plain(key)


def described(found: Settable, wiring: AnyWiring) -> PlanParameter:
    """Return a parameter with its default and its value."""
    default: Optional[str] = None
    if not found.is_required:
        own = found.parameter.default
        default = shown(None if own is EMPTY else own)
    value, source = default, "" if found.is_required else "default"
    slot = found.source
    if isinstance(slot, Slot) and slot.kind == SET and slot.value is not UNSET:
        value, source = shown(slot.value), reasons_of(wiring)[found.number]
    name, kind = found.parameter.name, describe(found.parameter.key)
    return PlanParameter(found.name, found.stage.id, name, kind, default, value, source)


def taken(found: Settable, above: Sequence[Declaration]) -> PlanParameter:
    """Return a parameter of a simple type that takes the value of stages unless it is set."""
    own = found.parameter.default
    default = None if own is EMPTY else shown(own)
    value = f"of {several([short(stage) for stage in above])}"
    name, kind = found.parameter.name, describe(found.parameter.key)
    return PlanParameter(found.name, found.stage.id, name, kind, default, value, "stage")


def setting_fixes(name: str) -> Tuple[str, str]:
    """Return how a parameter is set: on the command line, and in Python."""
    return f"{FLAG} {name}=...", f'params={{"{name}": ...}}'


def found_in(resolver: Resolver, places: Sequence[int]) -> List[Settable]:
    """Return the parameters of the stages in some places that can be set."""
    index, wrong = resolver.index, resolver.problems
    rows = {place: row for row, place in enumerate(places)}
    found = settables(
        [index.stages[place] for place in places],
        [index.readings[place].parameters or () for place in places],
        [resolver.wirings[place] for place in places],
        {(rows[place], number) for place, number in resolver.breakable if place in rows},
    )
    return [
        each
        for each in found
        if not any(_is_of(problem, each) for problem in wrong.get(places[each.row], ()))
    ]


def taken_in(resolver: Resolver, places: Sequence[int]) -> List[Settable]:
    """Return the parameters of simple types that a stage fills, or several could, by type alone.

    They can be set all the same: what is said outweighs a stage that happens to return a text.
    """
    index = resolver.index
    names = short_names([index.stages[place].id for place in places])
    found: List[Settable] = []
    for row, place in enumerate(places):
        stage = index.stages[place]
        undecided = [each.parameter for each in ambiguous(resolver, place)]
        sources = sources_of(resolver.wirings[place])
        for number, (each, source) in enumerate(zip(resolver.read_parameters(place), sources)):
            above = stages_in(source)
            is_taken = above and not is_called_after(resolver, each, above)
            if (is_taken or each in undecided) and is_loose(each) and can_be_set(each):
                name = f"{names[stage.id]}.{each.name}"
                found.append(Settable(row, number, stage, each, source, name))
    return found


def _is_of(problem: Union[Problem, Lack], settable: Settable) -> bool:
    """Say whether a problem of a stage is one of this parameter, other than that it lacks all."""
    if isinstance(problem, Lack):
        return problem.parameter is settable.parameter and not problem.is_empty
    return problem.parameter == settable.parameter.name


def apply(
    resolver: Resolver, places: Sequence[int], settings: Sequence[Setting]
) -> Tuple[List[Problem], List[Problem], bool]:
    """Fill the parameters that are set.

    Returns:
        What is wrong with settings, warnings, and whether a stage fills a parameter no more.
    """
    work = _Work(resolver, places)
    for setting in settings:
        work.add(setting)
    for settable, ranked in work.chosen.values():
        work.fill(settable, ranked)
    return work.problems, work.warnings, work.has_replaced


class _Work:
    """Matches settings with parameters, and keeps what is wrong with them."""

    def __init__(self, resolver: Resolver, places: Sequence[int]) -> None:
        self._resolver, self._index, self._places = resolver, resolver.index, places
        self._settables = found_in(resolver, places)
        self._names = short_names([self._index.stages[place].id for place in places])
        self._rows: Dict[str, List[int]] = {}  # by id and by short name
        for row, place in enumerate(places):
            stage_id = self._index.stages[place].id
            for name in {stage_id, short(self._index.stages[place])}:
                self._rows.setdefault(name, []).append(row)
        self.problems: List[Problem] = []
        self.warnings: List[Problem] = []
        # by row and number, what is set; where it was said and whether of one stage, the setting
        self.chosen: Dict[
            Tuple[int, int], Tuple[Settable, List[Tuple[Tuple[int, bool], Setting]]]
        ] = {}
        self.has_replaced = False
        self._taken: Optional[List[Settable]] = None
        self._unfit: Set[int] = set()  # settings that do not fit: each hears of once

    def add(self, setting: Setting) -> None:
        """Find what a setting is of; a table may be that of a stage."""
        if setting.mistake:
            message = f"`{escape_control(setting.place)}` {setting.mistake}"
            self._refuse(setting, message, fixes=self._assignments(setting) or setting.fixes)
        elif setting.source == ENVIRONMENT:
            self._add_variable(setting)
        else:
            stack = [setting]
            while stack:
                each = stack.pop()
                found = self._found(each.name)
                if found or not _is_table(each.value):
                    self._add(each, found)
                else:
                    inside = each.value.items()
                    stack += [_below(each, key, value) for key, value in reversed([*inside])]

    def _assignments(self, setting: Setting) -> Tuple[str, ...]:
        """Return what may be meant by a ``--set`` without a value: a parameter of this pipeline."""
        if setting.source != FLAG or not self._settables:
            return ()
        word = setting.place[len(FLAG) :].partition("=")[0].strip()
        names = [each.name for each in self._settables]
        known = dict.fromkeys([*names, *(each.parameter.name for each in self._settables)])
        near = [word] if word in known else did_you_mean(word, known) or names
        return (f"{FLAG} {near[0]}=...",)

    def _found(self, name: str) -> List[Settable]:
        """Return the parameters that a name means."""
        stage, dot, parameter = name.rpartition(".")
        if not dot:
            return self._matching(lambda each: each.parameter.name == name)
        rows = self._rows.get(stage)
        if rows is None:  # a function in a function, by its own name
            found = [self._index.stages[place].id for place in self._places]
            rows = [row for row, each in enumerate(found) if last_name(each) == stage]
        return self._matching(lambda each: each.row in rows and each.parameter.name == parameter)

    def _matching(self, is_meant: Callable[[Settable], bool]) -> List[Settable]:
        """Return the parameters that nothing fills, else those that may be set all the same."""
        found = list(filter(is_meant, self._settables))
        if found:
            return found
        if self._taken is None:
            self._taken = taken_in(self._resolver, self._places)
        return list(filter(is_meant, self._taken))

    def _add_variable(self, setting: Setting) -> None:
        name = setting.name.upper()
        found = self._matching(lambda each: name == _variable(each.parameter.name))
        is_of_one = not found
        if not found:
            found = self._matching(lambda each: name in _variables(each))
        if not found:
            found = self._matching(lambda each: name == _last_variable(each))
        self._choose(setting, found, is_of_one=is_of_one)

    def _add(self, setting: Setting, found: List[Settable]) -> None:
        self._choose(setting, found, is_of_one="." in setting.name)

    def _choose(self, setting: Setting, found: List[Settable], *, is_of_one: bool) -> None:
        if not found:
            self._miss(setting)
        elif is_of_one and len(found) > 1:
            ids = [f"{each.stage.id}.{each.parameter.name}" for each in found]
            self._refuse(setting, f"means {several(ids)}", fixes=("write the whole id",))
        elif len({each.parameter.key for each in found}) > 1:
            types = ", ".join(f"`{each.name}: {describe(each.parameter.key)}`" for each in found)
            fixes = tuple(_written(setting, each.name) for each in found)
            self._refuse(setting, f"means parameters of different types: {types}", fixes=fixes)
        else:
            rank = (SOURCES.index(setting.source), not is_of_one)
            for each in found:
                key = (each.row, each.number)
                self.chosen.setdefault(key, (each, []))[1].append((rank, setting))

    def fill(self, settable: Settable, ranked: List[Tuple[Tuple[int, bool], Setting]]) -> None:
        """Fill a parameter with the value that wins."""
        best = min(rank for rank, _ in ranked)
        first, *others = [setting for rank, setting in ranked if rank == best]
        value: object = None
        if others:
            places = ", ".join(escape_control(_place(each)) for each in (first, *others))
            what = f"`{settable.name}` is set twice: {places}"
            self._problem(what, fixes=("set only one of them",))
        else:
            try:
                value = _converted(first, settable.parameter.key)
            except UnfitError as error:
                self._report_unfit(first, settable, error)
        slot = Slot(SET, settable.parameter.key, value)
        place = self._places[settable.row]
        self.has_replaced |= bool(stages_in(settable.source))
        self._resolver.fill(place, settable.number, slot, first.source)

    def _report_unfit(self, setting: Setting, settable: Settable, error: UnfitError) -> None:
        if id(setting) in self._unfit:  # a bare name, for several stages of one type
            return
        self._unfit.add(id(setting))
        text = describe(settable.parameter.key)
        value = setting.value if setting.is_text else safe_repr(setting.value)
        first, *rest = error.mistakes or ("it is of another type",)
        message = f"`{cut(value)}` is no `{text}` for parameter `{settable.name}`: {first}"
        self.problems.append(
            Problem(
                Code.UNFIT_PARAMETER,
                escape_control(message),
                parameter=settable.parameter.name,
                notes=(*map(escape_control, rest), f"set by {escape_control(_place(setting))}"),
                fixes=(_written(setting, settable.name, self._example(setting, settable)),),
                **at(settable.stage),
            )
        )

    @staticmethod
    def _example(setting: Setting, settable: Settable) -> str:
        key = settable.parameter.key
        if setting.source == PYTHON:
            return as_value(key) if isinstance(key, type) else "..."
        return example(key)

    # What is no parameter that can be set

    def _miss(self, setting: Setting) -> None:
        """Report a setting of nothing: of what is not planned, of what is filled, or unknown."""
        name = setting.name
        planned = set(self._places)
        elsewhere = False
        for place, stage in enumerate(self._index.stages):
            for number, parameter in enumerate(self._resolver.read_parameters(place)):
                if _is_meant(setting, stage, parameter.name):
                    if place in planned:
                        self._refuse_filled(setting, place, number, parameter)
                        return
                    elsewhere = True
        if not elsewhere:
            self._refuse_unknown(setting)
        elif setting.source in {FLAG, PYTHON}:  # files and variables may serve several targets
            text = f"{_place(setting)}: no stage that is planned takes `{escape_control(name)}`"
            self.warnings.append(Problem(Code.UNUSED_VALUE, text))

    def _refuse_filled(
        self, setting: Setting, place: int, number: int, parameter: Parameter
    ) -> None:
        stage = self._index.stages[place]
        source = sources_of(self._resolver.wirings[place])[number]
        whole = f"`{self._names[stage.id]}.{parameter.name}`"
        above = [short(self._index.stages[each]) for each in stages_in(source)]
        fixes: Tuple[str, ...] = ()
        if above:
            why = f"{several(above)} fills it"
            fixes = (f"to replace the stage: overrides={{{above[0].rpartition('.')[2]}: ...}}",)
        elif parameter.takes_items:
            from stagekit._plan.map_inputs import as_list

            names = namespace_of(stage.fn)
            why = "`Each()` takes it from a list"
            value = f"stagekit.run(..., values=[{as_value(as_list(parameter).key, names)}])"
            fixes = (f"give the list: {value}", *imports_of(value, names))
        elif isinstance(source, Slot):
            why = f"it takes a value that is given for `{describe(source.key)}`"
        else:
            why = "its type is not plain"
            if parameter.key is not None and parameter.fault is None:
                why = f"no text stands for its type, `{describe(parameter.key)}`"
                fixes = (f"stagekit.run(..., values=[{as_value(parameter.key)}])",)
        self._refuse(setting, f"cannot set {whole}: {why}", fixes=fixes, stage=stage, of=parameter)

    def _refuse_unknown(self, setting: Setting) -> None:
        known = [each.name for each in self._settables]
        bare = [each.parameter.name for each in self._settables]
        name = setting.name
        if setting.source == ENVIRONMENT:
            variables = {_variable(each.name): each.name for each in self._settables}
            near = did_you_mean(name.upper(), variables)
            fixes = tuple(f"{PREFIX}{each}=..." for each in near)
        else:
            near = did_you_mean(name, known if "." in name else dict.fromkeys(bare))
            fixes = tuple(_written(setting, each) for each in near)
        notes: Tuple[str, ...] = ()
        if not near:
            names = listed([f"`{each}`" for each in known], _MOST_KNOWN)
            notes = (f"there is: {names or 'no parameter that can be set'}",)
        self._refuse(setting, f"sets no parameter: there is no `{name}`", notes=notes, fixes=fixes)

    def _refuse(self, setting: Setting, what: str, **details: Any) -> None:
        """Report what is wrong with a setting; for *details* see ``_problem``."""
        self._problem(what if setting.mistake else f"{_place(setting)} {what}", **details)

    def _problem(
        self,
        text: str,
        *,
        notes: Tuple[str, ...] = (),
        fixes: Tuple[str, ...] = (),
        stage: Optional[Declaration] = None,
        of: Optional[Parameter] = None,
    ) -> None:
        where: Dict[str, Any] = {} if stage is None else at(stage)
        self.problems.append(
            Problem(
                Code.NO_PARAMETER,
                escape_control(text),
                parameter=None if of is None else of.name,
                notes=notes,
                fixes=fixes,
                **where,
            )
        )


def _is_table(value: object) -> bool:
    from collections.abc import Mapping

    return isinstance(value, Mapping)


def _below(setting: Setting, key: object, value: object) -> Setting:
    return Setting(f"{setting.name}.{key}", value, setting.source, setting.place)


def _converted(setting: Setting, key: object) -> object:
    if setting.value is UNSET:
        return UNSET
    if setting.is_text:
        return from_text(setting.value, key)
    if setting.source == PYTHON:
        check(setting.value, key)
        return setting.value
    return from_data(setting.value, key)


def _place(setting: Setting) -> str:
    """Return where a setting was written, and its name where the place does not tell it."""
    if setting.is_text:
        return f"`{setting.place}`"
    return f"`{setting.name}` in `{setting.place}`"


def _written(setting: Setting, name: str, value: Optional[str] = None) -> str:
    """Return how another name, or another value, is written in the same place."""
    if setting.source == PYTHON:
        return f'params={{"{name}": {"..." if value is None else value}}}'
    if setting.source == FLAG:
        return f"{FLAG} {name}={setting.value if value is None else value}"
    if setting.source == ENVIRONMENT:
        return f"{PREFIX}{_variable(name)}={setting.value if value is None else value}"
    return f'"{name}" = {"..." if value is None else value}'


def _variable(name: str) -> str:
    """Return a name as a variable of the environment has it, behind the prefix."""
    head, dot, last = name.rpartition(".")
    words = ["".join(c if c.isalnum() else "_" for c in each) for each in (head, last)]
    return ("__".join(words) if dot else words[1]).upper()


def _variables_of(stage: Declaration, name: str) -> Set[str]:
    return {_variable(name), _variable(f"{short(stage)}.{name}"), _variable(f"{stage.id}.{name}")}


def _is_meant(setting: Setting, stage: Declaration, parameter: str) -> bool:
    """Return whether a setting names a parameter of a stage, be it one that can be set or not."""
    if setting.source == ENVIRONMENT:
        return setting.name.upper() in _variables_of(stage, parameter)
    head, _, last = setting.name.rpartition(".")
    return last == parameter and head in {"", stage.id, short(stage), last_name(stage.id)}


def _variables(settable: Settable) -> Set[str]:
    return _variables_of(settable.stage, settable.parameter.name)


def _last_variable(settable: Settable) -> str:
    return _variable(f"{last_name(settable.stage.id)}.{settable.parameter.name}")
