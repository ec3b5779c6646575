"""Problems of parameters that nothing fills, or too much: with the provider that is meant.

A provider is proposed only where its name stands out, and where taking it makes no cycle; else a
gap is left. All that is proposed in one plan fits together.
"""

from __future__ import annotations

import functools
import re
from types import FunctionType
from typing import Any, Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set, Tuple

from stagekit._base.keys import NamedKey, NoneType, describe, is_scalar, members_of
from stagekit._base.problem import Cause, Code, Problem
from stagekit._base.text import did_you_mean, listed, one_edit
from stagekit._declare.callables import last_name, namespace_of
from stagekit._declare.declaration import Declaration
from stagekit._plan import notebook, problems
from stagekit._plan.annotation import annotations_of
from stagekit._plan.index import Lack
from stagekit._plan.late_providers import is_loose
from stagekit._plan.map_inputs import peeled
from stagekit._plan.parameters import can_be_set, setting_fixes
from stagekit._plan.resolve import Resolver
from stagekit._plan.signature import Reader
from stagekit._plan.signature_data import BARE, Parameter
from stagekit._plan.slots import GIVEN, Slot
from stagekit._plan.suggestions import (
    GENERATES,
    Near,
    as_value,
    imports_of,
    near_misses,
    parts_of,
    place,
    several,
    short,
    spelled,
    undecorated,
)
from stagekit._plan.wiring import places_of, stages_in

_MOST_SHOWN = 8  # stages
_MOST_COMPARED = 100  # names, where a typo is looked for


def with_advice(
    resolver: Resolver, targets: Optional[Sequence[int]], found: Sequence[Any]
) -> List[Problem]:
    """Return problems, those made of what parameters lack in the place of it."""
    advisor = _Advisor(resolver, targets)
    made = [advisor.problem(each) if isinstance(each, Lack) else each for each in found]
    return made if notebook.names() is None else _with_removals(resolver, made)


def _with_removals(resolver: Resolver, made: List[Problem]) -> List[Problem]:
    """Add to problems of stages whose cells are gone how to take them out."""
    texts = {each.id: notebook.gone_text(each) for each in resolver.index.stages}
    for problem in made:
        text = "" if problem.code is Code.GONE_STAGE else texts.get(problem.stage_id or "")
        problem.fixes = (text, *problem.fixes) if text else problem.fixes
    return made


class _Advisor:
    """Knows the graph of all stages, and what it has proposed so far."""

    def __init__(self, resolver: Resolver, targets: Optional[Sequence[int]]) -> None:
        resolver.resolve_all()
        self._resolver, self._index, self._reader = resolver, resolver.index, Reader()
        self._targets = dict.fromkeys(targets or ())
        self._names: Dict[str, List[int]] = {}
        self._last: List[str] = []
        self._users: Dict[int, List[int]] = {}
        for number, stage in enumerate(self._index.stages):
            self._last.append(last_name(stage.id))
            self._names.setdefault(self._last[-1], []).append(number)
            for above in resolver.stages_of(number):
                self._users.setdefault(above, []).append(number)
        self._proposed: Dict[int, Set[int]] = {}
        self._asking: Dict[object, List[int]] = {}
        readings = self._index.readings
        self._silent = [number for number, each in enumerate(readings) if each.is_silent]

    def problem(self, lack: Lack) -> Problem:
        """Return the problem that a parameter is."""
        if lack.filled:
            found = self._filled_twice(lack)
        elif lack.parameter.fault is not None:
            found = self._without_type(lack)
        elif lack.found:
            found = self._ambiguous(lack)
        else:
            found = self._missing(lack)
        if lack.consumer.is_undo:
            from stagekit._plan.problems_policy import of_undo

            return of_undo(found, lack.consumer.stage)
        return found

    # Which provider is meant

    def _later(self, *stages: int) -> Set[int]:
        """Return stages and all that wait for them: what they give comes too late for them."""
        seen, stack = set(stages), list(stages)
        while stack:
            for user in self._users.get(stack.pop(), ()):
                if user not in seen:
                    seen.add(user)
                    stack.append(user)
        return seen

    def _askers(self, key: object) -> List[int]:
        """Return the stages that would take a value of a type, were there one."""
        found = self._asking.get(key)
        if found is None:
            found = self._asking[key] = [
                number
                for number, reading in enumerate(self._index.readings)
                if any(key in _keys(each.key) for each in reading.parameters or ())
            ]
        return found

    def _outstanding(self, lack: Lack, among: Sequence[int]) -> Optional[int]:
        """Return the one of some stages whose name stands out for a parameter; note that it is."""
        consumer, name = lack.consumer, lack.parameter.name
        others = {each.name for each in self._parameters(lack)} - {name}
        names = {each: self._last[each] for each in among}
        best = _best(name, names)
        if best is None or names[best] in others or best in self._later(consumer.place):
            return None
        if name in self._names and names[best] != name:
            return None  # a stage has the very name, and it is not among them
        taken = self._proposed.setdefault(consumer.place, set())
        sources = self._resolver.wirings[consumer.place]
        if best in taken or best in _data_of(sources):
            return None
        taken.add(best)
        self._users.setdefault(best, []).append(consumer.place)
        return best

    def _parameters(self, lack: Lack) -> Sequence[Parameter]:
        undo = self._resolver.undos.get(lack.consumer.place)
        if lack.consumer.is_undo and undo is not None:
            return undo.parameters
        return self._index.readings[lack.consumer.place].parameters or ()

    def _reference(self, lack: Lack, number: int) -> str:
        """Return what stands for a stage in the file of another: its function, or its name."""
        stage, user = self._index.stages[number], lack.consumer.stage
        name = last_name(stage.id)
        if namespace_of(user.fn).get(name) is stage.fn:
            here, there = user.location, stage.location
            if here is None or there is None or here.file != there.file or there.line < here.line:
                return name
        found = self._index.references.find(short(stage), user)
        return f'"{short(stage) if found == number else stage.id}"'

    # What is told

    def _path(self, lack: Lack) -> Tuple[str, ...]:
        """Return by which stages a target needs the one that lacks something."""
        start = lack.consumer.place
        if start in self._targets or not self._targets:
            return ()
        came: Dict[int, int] = {start: start}
        queue = [start]
        for number in queue:
            if number in self._targets:
                chain = [number]
                while chain[-1] != start:
                    chain.append(came[chain[-1]])
                stages = [f"`{short(self._index.stages[each])}`" for each in chain]
                text = " needs ".join(stages)
                return (f"{text} needs `{lack.parameter.name}: {_text(lack.parameter)}`",)
            for user in self._users.get(number, ()):
                if user not in came:
                    came[user] = number
                    queue.append(user)
        return ()

    def _annotated(self, lack: Lack, reference: str) -> str:
        """Return a parameter that takes what a stage returns, as one writes it."""
        parameter = lack.parameter
        names = namespace_of(lack.consumer.stage.fn)
        each = f", {parameter.marker.written}" if parameter.takes_items else ""
        text = spelled(parameter.key, names, with_name=False)
        return f"{parameter.name}: Annotated[{text}, From({reference}){each}]"

    @staticmethod
    def _imports(lack: Lack, text: str) -> Tuple[str, ...]:
        return imports_of(text, namespace_of(lack.consumer.stage.fn))

    def _ambiguous(self, lack: Lack) -> Problem:
        index, consumer, parameter = self._index, lack.consumer, lack.parameter
        later = self._later(consumer.place) - {consumer.place}
        every = tuple(dict.fromkeys(places_of(lack.found)))
        places = [each for each in every if each not in later]
        given = [each.key for each in lack.found if isinstance(each, Slot) and each.kind == GIVEN]
        if not places and not given:  # all of them come later
            return self._missing(lack)
        providers = [index.stages[each] for each in places]
        is_only_one = len(places) == 1 and not given
        chosen = places[0] if is_only_one else self._outstanding(lack, places)
        reference = "..." if chosen is None else self._reference(lack, chosen)
        proposal = self._annotated(lack, reference)
        renamed: Tuple[str, ...] = ()
        if not parameter.takes_items:
            text = spelled(parameter.key, namespace_of(consumer.stage.fn))
            renamed = ("or give the parameter the name of the stage that it takes",)
            if chosen is not None:
                new = last_name(index.stages[chosen].id)
                known = [each for each in _keys(parameter.key) if each in index.providers]
                pair = index.called(consumer, new, known[0]) if len(known) == 1 else None
                is_free = new.isidentifier() and pair is not None and pair[0] == chosen
                renamed = (f"or give it the name of the stage: {new}: {text}",) if is_free else ()
        late = [index.stages[each] for each in every if each in later and is_only_one]
        found = problems.ambiguous(consumer.stage, parameter, providers, given, late)
        if given:
            found.notes += self._path(lack)
            return found
        found.notes += self._path(lack)
        imports = self._imports(lack, proposal)
        gone, is_sure = notebook.removal(providers)
        found.fixes = (f"say which: {proposal}", *imports, *renamed)
        found.fixes = (*gone, *found.fixes) if is_sure else (*found.fixes, *gone)
        returning = [number for number, _ in index.providers.get(parameter.key, ())] or places
        title = f"ask for `{_text(parameter)}`, which {len(set(returning))} stages return"
        names = several([short(index.stages[each]) for each in dict.fromkeys(returning)])
        by_order = "or, for a stage with one such parameter: @stage(depends_on=...)"
        shared = (
            "say which stage each takes, or give it the name of that stage",
            *imports,
            by_order,
        )
        shared = (*gone, *shared) if is_sure else (*shared, *gone)
        found.cause = Cause(title, (_who(lack), proposal), (f"the stages: {names}",), shared)
        return found

    def _filled_twice(self, lack: Lack) -> Problem:
        consumer, parameter = lack.consumer, lack.parameter
        (source,) = lack.found
        names = [each.name for each in lack.filled]
        places = stages_in(source)
        if not places:
            text = spelled(parameter.key, namespace_of(consumer.stage.fn))
            new = f"{parameter.name}: Annotated[{text}, Named({parameter.name!r})]"
            value = f"values=[given(..., as_={text}, name={parameter.name!r})]"
            fixes = (f"give it a name: {new}", *self._imports(lack, new), f"and the value: {value}")
            return problems.same_value(consumer.stage, parameter, names, None, fixes)
        stage = self._index.stages[places[0]]
        others = [
            each
            for each, _ in self._index.providers.get(parameter.key, ())
            if each not in places and each not in self._later(consumer.place)
        ]
        chosen = self._outstanding(lack, others)
        meant = self._annotated(lack, self._reference(lack, places[0]))
        fixes = (f"or, if it is meant: {meant}", *self._imports(lack, meant))
        if chosen is not None:
            new = self._annotated(lack, self._reference(lack, chosen))
            fixes = (f"say which stage is meant: {new}", *fixes)
        else:
            fixes = (f"say which stage is meant: {self._annotated(lack, '...')}", *fixes)
        found = problems.same_value(consumer.stage, parameter, names, stage, fixes)
        shown = [f"`{short(self._index.stages[each])}`" for each in others]
        if shown:
            found.notes += (
                f"`{_text(parameter)}` is also returned by {listed(shown, _MOST_SHOWN)}",
            )
        return found

    def _without_type(self, lack: Lack) -> Problem:
        stage, parameter = lack.consumer.stage, lack.parameter
        fault = parameter.fault
        assert fault is not None  # noqa: S101 - that is what it lacks
        late = self._later(lack.consumer.place)
        named = [each for each in self._names.get(parameter.name, ()) if each not in late]
        notes: Tuple[str, ...] = ()
        text, silent = "...", ""
        if len(named) == 1:
            other = self._index.stages[named[0]]
            reading = self._index.readings[named[0]]
            if len(reading.provides) == 1:
                key = reading.provides[0][0]
                text = spelled(key, namespace_of(stage.fn))
                notes = (f"`{short(other)}` returns `{describe(key)}`{place(other)}",)
            elif reading.returns is None and reading.fault is None:
                notes = (f"`{short(other)}` has no return annotation either{place(other)}",)
                silent = f"  and a type for what `{short(other)}` returns"
        proposal = f"{parameter.name}: {text}"
        found = problems.without_type(stage, parameter, fault, proposal, notes)
        if fault.kind == BARE:
            title = "have no annotation, so nothing can fill them"
            shared = ("say what each takes, and what the stages return: def f(x: Orders) -> Total",)
            found.cause = Cause(title, (_who(lack), proposal + silent), (), shared)
        return found

    def _missing(self, lack: Lack) -> Problem:
        index, consumer, parameter = self._index, lack.consumer, lack.parameter
        key = parameter.key
        late = self._later(consumer.place, *self._askers(key))
        provided: Dict[object, List[Declaration]] = {}
        for other, pairs in index.providers.items():
            after = self._after(other, key, late)
            stages = [index.stages[number] for number, _ in pairs if number not in after]
            if stages:
                provided[other] = stages
        again = self._redefined(lack, provided)
        names = namespace_of(consumer.stage.fn)
        near = again or self._items(lack, provided)
        near = near or near_misses(key, provided, tuple(index.given), names)
        culprits = self._culprits(lack, late, has_near=bool(near))
        found = problems.missing(
            consumer.stage, parameter, [*culprits, *near][:4], [*provided, *index.given]
        )
        waiting = self._waiting(lack)
        if waiting:
            verb = "return" if waiting[1:] else "returns"
            wait = "wait" if waiting[1:] else "waits"
            who = several([short(each) for each in waiting])
            found.notes += (f"{who} {verb} it, and {wait} for `{short(consumer.stage)}`",)
        found.notes += self._path(lack)
        evident = [each.fix for each in (*again, *culprits, *near) if each.fix]
        evident += self._other_name(lack, tuple(provided), late)
        has_producer = any(each.is_of_stage for each in (*culprits, *near))
        what = "annotate the producer" if has_producer else "have a stage return it"
        producing = f"{what}: -> {spelled(key, names)}"
        if GENERATES in evident:
            producing = evident.pop(evident.index(GENERATES))
        whose = "no earlier stage" if waiting else "nothing"
        title = f"ask for `{_text(parameter)}`, which {whose} provides"
        if can_be_set(parameter) and not (consumer.is_undo or self._takes_items(lack)):
            return self._not_set(lack, found, title, evident, producing)
        if key is NoneType:  # nobody returns it, and nobody gives it
            found.fixes = ("leave it out; to run after a stage: @stage(depends_on=...)",)
            found.cause = Cause(title, (_who(lack), ""), (), found.fixes)
            return found
        fix = evident[0] if evident else producing
        value = f"stagekit.run(..., values=[{as_value(key, names)}])"
        found.fixes = (fix, f"or give a value: {value}", *self._imports(lack, f"{fix} {value}"))
        shared = found.fixes[1:] if evident else found.fixes
        found.cause = Cause(title, (_who(lack), fix if evident else ""), (), shared)
        return found

    def _items(
        self, lack: Lack, provided: Mapping[object, Sequence[Declaration]]
    ) -> Tuple[Near, ...]:
        """Return how a stage is called for each item, where one other returns a list of these."""
        parameter, key = lack.parameter, lack.parameter.key
        lists = [(other, stages) for other, stages in provided.items() if peeled(other) == key]
        if parameter.marker is not None or lack.consumer.is_undo or is_loose(parameter):
            return ()
        if len(lists) != 1 or len(lists[0][1]) != 1:
            return ()
        other, (stage,) = lists[0]
        text = f"`{short(stage)}` returns `{describe(other)}`: a stage can take each of its items"
        own = spelled(key, namespace_of(lack.consumer.stage.fn))
        fix = f"take each item: {parameter.name}: Annotated[{own}, Each()]"
        return (Near(f"{text}{place(stage)}", fix),)

    def _waiting(self, lack: Lack) -> List[Declaration]:
        """Return the stages that provide what is asked for, and wait for the one that asks."""
        pairs = self._index.providers.get(lack.parameter.key, ())
        later = self._later(lack.consumer.place) - {lack.consumer.place}
        return [
            self._index.stages[each] for each in dict.fromkeys(n for n, _ in pairs) if each in later
        ]

    def _takes_items(self, lack: Lack) -> bool:
        """Return whether the stage takes the items of what is asked for, one after another."""
        name = lack.parameter.name
        return any(each.takes_items for each in self._parameters(lack) if each.name == name)

    def _other_name(self, lack: Lack, provided: Sequence[object], late: Set[int]) -> List[str]:
        """Return what asks for a value by the name it has, where that is nearly the one written."""
        key, parameter = lack.parameter.key, lack.parameter
        if not isinstance(key, NamedKey) or parameter.takes_items:
            return []
        there = [each for each in provided if isinstance(each, NamedKey) and each.type == key.type]
        near = did_you_mean(key.name, [each.name for each in there])
        if not near:
            return self._stage_of_name(lack, key, late)
        if len(near) != 1:
            return []
        text = spelled(NamedKey(key.type, near[0]), namespace_of(lack.consumer.stage.fn))
        return [f"ask for the name that there is: {parameter.name}: {text}"]

    def _stage_of_name(self, lack: Lack, key: NamedKey, late: Set[int]) -> List[str]:
        """Return what takes the value of a stage whose name stands where that of a value does."""
        index = self._index
        found = [
            number
            for number in self._names.get(key.name, ())
            if number not in late
            and any(each == key.type for each, _ in index.readings[number].provides)
        ]
        if len(found) != 1:
            return []
        text = self._annotated(lack, self._reference(lack, found[0]))
        return [f"`{key.name}` is a stage: {text}"]

    def _redefined(
        self, lack: Lack, provided: Mapping[object, Sequence[Declaration]]
    ) -> Tuple[Near, ...]:
        """Return what looks as what is asked for, in a notebook where a type was defined again."""
        key, stage = lack.parameter.key, lack.consumer.stage
        there = [(other, stages[0]) for other, stages in provided.items()]
        for other, provider in (*there, *((other, None) for other in self._index.given)):
            text, fix = notebook.redefined(key, other, stage, provider)
            if text:
                return (Near(text, fix),)
        return ()

    def _not_set(
        self, lack: Lack, found: Problem, title: str, evident: Sequence[str], producing: str
    ) -> Problem:
        """Say of a parameter that lacks a value how it is set."""
        stage, parameter = lack.consumer.stage, lack.parameter
        is_one = len(self._index.references.by_short[short(stage)]) == 1
        name = f"{short(stage) if is_one else stage.id}.{parameter.name}"
        typed, mapping = setting_fixes(name)
        text = spelled(parameter.key, namespace_of(stage.fn))
        there = namespace_of(stage.fn).get(parameter.name)
        is_named = parameter.name in self._names or isinstance(there, FunctionType)
        is_simple = is_scalar(parameter.key) and not is_named  # it comes from outside
        first = evident[:1]
        if not first and _has_new_type(parameter.key):
            first = [producing]  # such types are made to be wired
        before = () if is_simple else tuple(first)
        after = () if before else tuple(first) or (f"have a stage return it: -> {text}",)
        found.fixes = (
            *before,
            f"{'or ' if before else ''}set it: {typed}",
            f"or in Python: stagekit.run(..., {mapping})",
            *(f"or {each}" for each in after),
            *self._imports(lack, " ".join(first)),
        )
        _, mapping = setting_fixes("stage.parameter")
        shared = (f"set each: as above, or in Python: stagekit.run(..., {mapping})",)
        found.cause = Cause(title, (_who(lack), (before or (typed,))[0]), (), shared)
        return found

    def _after(self, other: object, key: object, late: Set[int]) -> Set[int]:
        """Return the stages that cannot give a type; nor, taken apart, a tuple that holds it."""
        parts = parts_of(other)
        if key not in parts:
            return late
        askers = [number for part in parts for number in self._askers(part)]
        return late | self._later(*askers)

    def _culprits(self, lack: Lack, late: Set[int], *, has_near: bool) -> List[Near]:
        """Return what evidently keeps a value from being provided, the likeliest first."""
        index, key = self._index, lack.parameter.key
        others = {each.name for each in self._parameters(lack)} - {lack.parameter.name}
        found: List[Near] = []
        silent = [
            number
            for number in self._silent
            if number not in late and self._last[number] not in others
        ]
        outside = self._undecorated(lack, late)
        best = self._outstanding(lack, silent)
        if best is None and len(silent) == 1 and not (has_near or outside):
            best = None if lack.parameter.name in self._names else silent[0]
        for number in [best] if best is not None else silent[:2]:
            stage = index.stages[number]
            text = spelled(key, namespace_of(stage.fn))
            fix = f"annotate `{short(stage)}`: -> {text}" if number == best else ""
            found.append(Near(f"`{short(stage)}` has no return annotation{place(stage)}", fix))
        for name, where in outside:
            fix = f"make `{name}` a stage: @stage above it" if len(outside) == 1 else ""
            text = f"`{name}` returns it and is no stage{where}"
            found.append(Near(text, fix, is_of_stage=False))
        found += self._broken(lack, late)
        return found

    def _broken(self, lack: Lack, late: Set[int]) -> List[Near]:
        """Return the stages whose return annotation says nothing, as it is broken."""
        index, parameter = self._index, lack.parameter
        wanted = set(re.findall(r"\w+", describe(parameter.key)))
        broken = [
            (number, reading.fault)
            for number, reading in enumerate(index.readings)
            if reading.fault is not None and number not in late
        ]
        alike = [
            (number, fault)
            for number, fault in broken
            if last_name(index.stages[number].id) == parameter.name
            or wanted & set(re.findall(r"\w+", fault.text))
        ]
        return [
            Near(
                f"the return annotation of `{short(index.stages[number])}` is broken: "
                f"`{fault.text}`{place(index.stages[number])}",
                f"fix the return annotation of `{short(index.stages[number])}`"
                if len(alike) == 1
                else "",
            )
            for number, fault in (alike or broken)[:3]
        ]

    def _undecorated(self, lack: Lack, late: Set[int]) -> List[Tuple[str, str]]:
        """Return functions of the module that return what is asked for, and are no stages."""
        names = namespace_of(lack.consumer.stage.fn)
        module = names.get("__name__")
        stages = {id(stage.fn) for stage in self._index.stages}
        readings = self._index.readings
        too_late = {key for number in late for key, _ in readings[number].provides}
        too_late.add(lack.parameter.key)
        found: List[Tuple[str, str]] = []
        for name, fn in tuple(names.items()):
            declaration = undecorated(name, fn, module)
            if declaration is None or id(fn) in stages or "return" not in annotations_of(fn):
                continue
            reading = self._reader.read(declaration)
            if (lack.parameter.key, None) in reading.provides:
                asked = [
                    key
                    for each in self._reader.parameters(declaration, reading)
                    for key in _keys(each.key)
                ]
                if not too_late.intersection(asked):
                    found.append((name, place(declaration)))
        own = [each for each in found if each[0] == lack.parameter.name]
        return own or found[:3]


def _data_of(wiring: Any) -> FrozenSet[int]:
    sources = getattr(wiring, "sources", ())
    return frozenset(number for source in sources for number in stages_in(source))


def _text(parameter: Parameter) -> str:
    return describe(parameter.key)


def _has_new_type(key: object) -> bool:
    parts = (key, *members_of(key), *getattr(key, "args", ()))
    return any(hasattr(each, "__supertype__") for each in parts)


def _keys(key: object) -> Tuple[object, ...]:
    return (key, *(each for each in members_of(key) if each != key))


def _who(lack: Lack) -> str:
    return f"{short(lack.consumer.stage)}({lack.parameter.name})"


@functools.lru_cache(maxsize=4096)
def _words(name: str) -> FrozenSet[str]:
    """Return the words of a name, without case and the plural's ``s``."""
    found = re.findall(r"[A-Z]?[^\W_A-Z]+|[A-Z]+", name)
    return frozenset(
        word.lower()[:-1] if len(word) > 3 and word.lower().endswith("s") else word.lower()  # noqa: PLR2004
        for word in found
    )


def _best(name: str, names: Dict[int, str]) -> Optional[int]:
    """Return whose name stands out: equal, of the same words, a typo, of more words or fewer."""
    words = _words(name)
    ways: Tuple[Callable[[str], bool], ...] = (
        lambda other: other == name,
        lambda other: _words(other) == words,
        lambda other: one_edit(other, name),
        lambda other: bool(words) and (_words(other) < words or words < _words(other)),
    )
    for way in ways:
        found = [number for number, other in names.items() if way(other)]
        if found:
            return found[0] if len(found) == 1 else None
    near = did_you_mean(name, names.values()) if len(names) <= _MOST_COMPARED else ()
    found = [number for number, other in names.items() if other in near]
    return found[0] if len(found) == 1 else None
