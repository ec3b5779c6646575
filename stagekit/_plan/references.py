"""From what stands for a stage (function, id, short name, ``StageRef``) to its place."""

from __future__ import annotations

from types import MethodType, ModuleType

from stagekit._base.problem import Code
from stagekit._base.record import Record
from stagekit._base.refs import OptionalRef, StageRef
from stagekit._declare.callables import MAIN_NAMES, last_name, main_name
from stagekit._declare.declaration import MARK, Declaration

_MOST_KNOWN = 8  # stages that are listed
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple, Union


class Miss(Record):
    """Why a reference leads nowhere."""

    code: Code
    message: str
    notes: Tuple[str, ...] = ()
    fixes: Tuple[str, ...] = ()


class References:
    """The ways to name the stages of one registry snapshot."""

    __slots__ = ("_by_fn", "_by_id", "_by_last", "_by_short", "_is_one_to_one", "_many", "stages")

    def __init__(self, stages: Sequence[Declaration]) -> None:
        self.stages = stages
        self._by_id: Optional[Dict[str, int]] = None
        self._by_short: Optional[Dict[str, List[int]]] = None
        self._by_last: Optional[Dict[str, List[int]]] = None
        self._by_fn: Dict[int, int] = {id(d.fn): place for place, d in enumerate(stages)}
        self._is_one_to_one = len(self._by_fn) == len(stages)  # no function serves two stages
        self._many: Optional[Dict[int, List[int]]] = None

    def find_plain(self, refs: Tuple[object, ...]) -> Optional[Tuple[int, ...]]:
        """Return the places of functions and whole ids; None where one needs a closer look."""
        if len(refs) == 1 and self._is_one_to_one:
            place = self._by_fn.get(id(refs[0]))
            if place is not None:
                return (place,)
        found: List[int] = []
        for ref in refs:
            if type(ref) is str:
                place = self.by_id.get(ref)
            elif self._is_one_to_one:
                place = self._by_fn.get(id(ref))
            else:
                place = None
            if place is None:
                return None
            found.append(place)
        return tuple(found) if len(found) == 1 else tuple(dict.fromkeys(found))

    @property
    def by_id(self) -> Dict[str, int]:
        """Place by id."""
        found = self._by_id
        if found is None:
            found = self._by_id = {d.id: place for place, d in enumerate(self.stages)}
        return found

    @property
    def by_short(self) -> Dict[str, List[int]]:
        """Places by the part of the id after its last colon."""
        if self._by_short is None:
            self._by_short = {}
            for place, d in enumerate(self.stages):
                self._by_short.setdefault(d.id.rpartition(":")[2], []).append(place)
        return self._by_short

    def find_soft(
        self, ref: Any, asker: Declaration
    ) -> Union[int, Miss, None]:  # Any: one of these two
        """Resolve ``optional`` (None where it is absent) and ``one_of`` (the first that exists)."""
        if isinstance(ref, OptionalRef):
            found = self.find(ref.stage, asker)
            is_absent = isinstance(found, Miss) and found.code is Code.UNKNOWN_STAGE
            return None if is_absent else found
        misses: List[Miss] = []
        for each in ref.stages:
            found = self.find(each, asker)
            if isinstance(found, int):
                return found
            misses.append(found)
        first = misses[0]
        text = "none of one_of exists: " + first.message
        return Miss(first.code, text, first.notes, first.fixes)

    def find(self, ref: Any, asker: Optional[Declaration] = None) -> int | Miss:
        """Return the place of a stage, or why there is none.

        Args:
            ref: a function, an id, a short name or a ``StageRef``. Any: what users write.
            asker: who names it; stages of its module win over others of the same name.
        """
        if isinstance(ref, str):
            return self._find_text(ref, asker)
        if isinstance(ref, StageRef):
            place = self.by_id.get(ref.id)
            return place if place is not None else self._unknown(ref.id, asker)
        place = self._by_fn.get(id(ref))
        if place is not None and self._is_one_to_one:
            return place
        return self._find_function(ref)

    def _find_function(self, fn: Any) -> int | Miss:
        if self._many is None:
            self._many = {}
            for place, d in enumerate(self.stages):
                self._many.setdefault(id(d.fn), []).append(place)
                if isinstance(d.fn, MethodType):
                    self._many.setdefault(id(d.fn.__func__), []).append(place)
        places = self._many.get(id(fn), [])
        if not places and isinstance(fn, MethodType):
            places = [place for place, d in enumerate(self.stages) if d.fn == fn]
        if not places:  # a wrapper that has copied the mark is another name of that stage
            mark = getattr(fn, "__dict__", {}).get(MARK)
            if isinstance(mark, Declaration):
                found = self.by_id.get(mark.id)
                places = [] if found is None else [found]
        if len(places) == 1:
            return places[0]
        name = getattr(fn, "__qualname__", None) or repr(fn)
        if fn is ...:
            fix = "write the function of a stage, or its name, where the dots are"
            return Miss(Code.UNKNOWN_STAGE, "`...` is a gap to be filled in", (), (fix,))
        if not places:
            return Miss(
                Code.UNKNOWN_STAGE,
                f"`{name}` is not a stage of this registry",
                (),
                (_how_declared(name),),
            )
        ids = [self.stages[place].id for place in places]
        return Miss(
            Code.AMBIGUOUS_NAME,
            f"`{name}` stands for {len(ids)} stages: {', '.join(ids[:5])}",
            (),
            (f'name one by its id: "{ids[0]}"',),
        )

    def _find_text(self, text: str, asker: Optional[Declaration]) -> int | Miss:
        place = self.by_id.get(text)
        if place is None and asker is not None:
            place = self.by_id.get(f"{asker.module}:{text}")
        if place is not None:
            return place
        places = self.by_short.get(text) or self._of_last_name(text, asker)
        if len(places) == 1:
            return places[0]
        if not places:
            return self._unknown(text, asker)
        ids = [self.stages[place].id for place in places]
        return Miss(
            Code.AMBIGUOUS_NAME,
            f"{text!r} is the short name of {len(ids)} stages: {', '.join(ids[:5])}",
            (),
            (f'write the whole id: "{ids[0]}"',),
        )

    def _of_last_name(self, text: str, asker: Optional[Declaration]) -> List[int]:
        """Return the stages of functions in functions that are called so, the nearest ones only."""
        if self._by_last is None:
            self._by_last = {}
            for place, d in enumerate(self.stages):
                self._by_last.setdefault(last_name(d.id), []).append(place)
        found = self._by_last.get(text, [])
        if len(found) > 1 and asker is not None:
            beside = asker.id.rpartition(".")[0] + "." + text
            own = [place for place in found if self.stages[place].id == beside]
            found = own or [p for p in found if self.stages[p].module == asker.module] or found
        return [] if found and self._below(text) else found  # it is a module

    def _unknown(self, text: str, asker: Optional[Declaration]) -> Miss:
        from stagekit._base.text import did_you_mean, listed, short_name

        own = () if asker is None else (asker.id, short_name(asker.id))
        names = (*self.by_short, *self.by_id)
        near = did_you_mean(text, [name for name in names if name not in own])
        if near:
            return Miss(
                Code.UNKNOWN_STAGE,
                f"there is no stage {text!r}",
                (f"did you mean {near[0]!r}?",),
                (f'write "{near[0]}"',),
            )
        module = text.partition(":")[0] if ":" in text else None
        fixes = (
            f"import the module that declares it: import {module}"
            if module
            else "declare it with @stage, or import the module that does",
        )
        others = [name for name in self.by_short if name not in own]
        known = listed(others, _MOST_KNOWN) or "none"
        return Miss(
            Code.UNKNOWN_STAGE, f"there is no stage {text!r}", (f"stages here: {known}",), fixes
        )

    def of_module(self, module: ModuleType) -> List[int]:
        """Return the stages declared in a module or its submodules, and those bound in it."""
        found = dict.fromkeys(self._below(_name_of(module)))
        for value in tuple(vars(module).values()):
            if isinstance(value, StageRef):
                place = self.by_id.get(value.id)
            elif MARK in getattr(value, "__dict__", {}):
                mark = value.__dict__[MARK]
                place = self.by_id.get(mark.id) if isinstance(mark, Declaration) else None
            else:
                continue
            if place is not None:
                found[place] = None
        return sorted(found)

    def _below(self, module: str) -> List[int]:
        inside = module + "."
        return [
            place
            for place, d in enumerate(self.stages)
            if d.module == module or d.module.startswith(inside)
        ]

    def of_module_name(self, name: str) -> List[int]:
        """Return the stages declared in the module of that name or below; none is no error."""
        return self._below(name)


def _name_of(module: ModuleType) -> str:
    """Return the name of a module; of a script the one that it has when it is imported."""
    return main_name(vars(module)) if module.__name__ in MAIN_NAMES else module.__name__


def show_ref(ref: object) -> str:
    """Return a reference as it stands in source code."""
    if isinstance(ref, str):
        return repr(ref)
    return str(getattr(ref, "__qualname__", None) or getattr(ref, "id", None) or repr(ref))


def targets_of(
    target: object, references: References
) -> Tuple[Optional[List[int]], List[Miss], str]:
    """Return the stages that a target names (None: all), what is wrong with it, and its text."""
    if target is None:
        return None, [], ""
    if isinstance(target, ModuleType):
        return references.of_module(target), [], _name_of(target)
    if isinstance(target, (list, tuple, set, frozenset)):
        many: List[object] = list(target)  # pyright: ignore[reportUnknownArgumentType]
        places: Dict[int, None] = {}
        misses: List[Miss] = []
        texts: List[str] = []
        for each in many:
            found, wrong, text = targets_of(each, references)
            places.update(dict.fromkeys(found or ()))
            misses += wrong
            texts.append(text)
        return sorted(places), misses, ", ".join(texts)
    found_one = references.find(target)
    if isinstance(found_one, int):
        return [found_one], [], references.stages[found_one].id
    if isinstance(target, str):
        below = references.of_module_name(target)
        if below:
            return below, [], target
    return [], [found_one], show_ref(target)


def _how_declared(name: str) -> str:
    """Return how a function becomes a stage; what no code can name gets a name first."""
    if "<lambda>" in name:
        return "write it as a function with a name, and decorate it with @stage"
    if "<" in name:
        return "decorate it with @stage"
    return f"decorate it with @stage, or add it: registry.add({name})"
