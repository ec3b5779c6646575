"""The selection language: which stages of a graph a text means. The words are dbt's.

============== =====================================================================
``a``          the stage of that id, or of that short name
``shop:*``     the stages whose id or short name matches the pattern (``*``, ``?``, ``[ab]``)
``tag:x``      the stages that carry the tag; patterns as well
``+a``, ``2+a``  with all that it needs, or with what it needs within two hops
``a+``, ``a+2``  with all that needs it, or with what needs it within two hops
``@a``         with all that needs it, and all that any of those needs
``a,b``        the stages that both mean
``a b``        the stages that one of them means; so do several texts
============== =====================================================================

A name that no stage has is a problem; a pattern or a tag that fits none means none, and for a tag
there is a warning.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from stagekit._base.problem import Code, Problem
from stagekit._base.text import did_you_mean, escape_control, listed, short_name, short_names
from stagekit._declare.callables import last_name

if TYPE_CHECKING:
    from typing_extensions import Self

UNLIMITED = -1
TAG = "tag:"
FROM, UNTIL = "--from", "--until"
_MOST_DIGITS = 9  # more hops than that no graph has
_MOST_NAMED = 5
_WORDS = "write a name, a pattern such as `shop:*` or `tag:x`, and `+` before or after it"


class Graph(NamedTuple):
    """The columns of a plan that a selection looks at, by step number."""

    ids: Sequence[str]
    tags: Sequence[Tuple[str, ...]]
    parents: Sequence[Tuple[int, ...]]
    children: Sequence[Tuple[int, ...]]


class Typed(Tuple[str, ...]):  # noqa: SLOT001 - a tuple has none
    """The words of ``--select`` with what narrows them: ``--from`` and ``--until``.

    Example:
        >>> graph = Graph(("a", "b", "c"), ((), (), ()), ((), (0,), (1,)), ((1,), (2,), ()))
        >>> select(graph, Typed((), "b"))
        ((1, 2), ())
        >>> select(graph, Typed(["a b"], None, "b"))
        ((0, 1), ())
    """

    def __new__(
        cls,
        words: Iterable[str],
        start: Optional[str] = None,  # noqa: ARG004 - for __init__
        end: Optional[str] = None,  # noqa: ARG004 - the same
    ) -> Self:
        """Return the words."""
        return super().__new__(cls, tuple(words))

    def __init__(
        self,
        words: Iterable[str],  # noqa: ARG002 - for __new__
        start: Optional[str] = None,
        end: Optional[str] = None,
    ) -> None:
        self.start, self.end = start, end

    def __bool__(self) -> bool:
        return len(self) > 0 or bool(self.narrowing())

    def narrowing(self) -> List[Tuple[str, str]]:
        """Return the flags that were typed, and what followed each."""
        pairs = ((FROM, self.start), (UNTIL, self.end))
        return [(flag, text) for flag, text in pairs if text is not None]


def _narrowing(include: Sequence[str]) -> List[Tuple[str, str]]:
    return include.narrowing() if isinstance(include, Typed) else []


class _Reach(NamedTuple):
    """How far a selection goes from the stages that it names; ``None`` is not at all."""

    up: Optional[int] = None
    down: Optional[int] = None
    around: bool = False


class Atom(NamedTuple):
    """A name, pattern or method, with what its operators say."""

    before: str
    value: str
    after: str
    reach: _Reach

    def spelt(self, value: str) -> str:
        """Return the text of the atom with another value between its operators."""
        return escape_control(f"{self.before}{value}{self.after}")


class _MalformedError(Exception):
    """A text is not in the language.

    Attributes:
        why: the rule that it breaks.
        hints: what may be written.
    """

    def __init__(self, why: str, hints: Tuple[str, ...] = (_WORDS,)) -> None:
        super().__init__(why, hints)
        self.why = why
        self.hints = hints


def select(
    graph: Graph, include: Sequence[str], exclude: Sequence[str] = ()
) -> Tuple[Tuple[int, ...], Tuple[Problem, ...]]:
    """Return the steps that *include* means and *exclude* does not, and what is wrong with both.

    Without *include*, every step is meant. Steps are ascending; with a problem there are none.
    """
    selector = _Selector(graph)
    steps = selector.union(include) if len(include) else set(range(len(graph.ids)))
    for flag, text in _narrowing(include):
        steps &= selector.narrowed(flag, text)
    left_out = selector.union(exclude)
    problems = tuple(dict.fromkeys(selector.problems))
    return (() if problems else tuple(sorted(steps - left_out))), problems


def atoms_of(texts: Iterable[str]) -> Iterator[Atom]:
    """Yield the names, patterns and methods of texts, but for those that cannot be read."""
    for part in ",".join(",".join(text.split()) for text in texts).split(","):
        try:
            yield _parse_atom(part)
        except _MalformedError:
            continue


class _Selector:
    """Evaluates texts on one graph, and gathers what is wrong with them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.problems: List[Problem] = []
        self._flag = ""  # what is read follows it
        self._step: Dict[str, int] = {}
        self._short: Dict[str, List[int]] = {}

    def union(self, texts: Iterable[str]) -> Set[int]:
        """Return what at least one of *texts* means."""
        found: Set[int] = set()
        alone: Dict[_Reach, Set[int]] = {}  # what goes equally far is followed in one pass
        for text in texts:
            words = text.split()
            if not words:
                self._malformed(text, _MalformedError("it is empty"))
            for word in words:
                atoms = self._parse(word)
                if len(atoms) == 1:
                    alone.setdefault(atoms[0].reach, set()).update(self._named(atoms[0]))
                elif atoms:
                    found |= self._intersection(atoms)
        for reach, named in alone.items():
            found |= _follow(self.graph, named, reach)
        return found

    def narrowed(self, flag: str, text: str) -> Set[int]:
        """Return what a flag that narrows means, with all after it, or before it."""
        self._flag = flag
        word = f"{text}+" if flag == FROM else f"+{text}"
        if len(text.split()) != 1 or "," in text:
            self._malformed(word, _MalformedError("it takes one name"))
            atoms: List[Atom] = []
        else:
            atoms = self._parse(word)
        found: Set[int] = self._intersection(atoms) if atoms else set()
        self._flag = ""
        return found

    def _spelt(self, atom: Atom, value: str) -> str:
        return self._typed(atom.spelt(value))

    def _typed(self, text: str) -> str:
        """Return a text as it was typed: behind its flag, if it has one."""
        if not self._flag:
            return text
        return f"{self._flag} {text[:-1] if self._flag == FROM else text[1:]}"

    def _said(self, text: str) -> str:
        return f"`{text}`" if self._flag else f"the selection `{text}`"

    def _intersection(self, atoms: List[Atom]) -> Set[int]:
        met = [_follow(self.graph, self._named(atom), atom.reach) for atom in atoms]
        return met[0].intersection(*met[1:])

    def _parse(self, word: str) -> List[Atom]:
        try:
            return [_parse_atom(part) for part in word.split(",")]
        except _MalformedError as error:
            self._malformed(word, error)
            return []

    def _malformed(self, text: str, error: _MalformedError) -> None:
        message = f"{self._said(escape_control(self._typed(text)))} cannot be read: {error.why}"
        self.problems.append(Problem(Code.BAD_SELECTION, message, notes=error.hints))

    def _named(self, atom: Atom) -> Set[int]:
        """Return the steps that the word itself means, without its operators."""
        ids = self.graph.ids
        if atom.value.startswith(TAG):
            return self._tagged(atom.value[len(TAG) :])
        if is_pattern(atom.value):
            from fnmatch import fnmatchcase

            pattern = atom.value
            pairs = ((step, ids[step]) for step in range(len(ids)))
            return {
                step
                for step, stage_id in pairs
                if fnmatchcase(stage_id, pattern) or fnmatchcase(short_name(stage_id), pattern)
            }
        return self._by_name(atom)

    def _tagged(self, value: str) -> Set[int]:
        tags = self.graph.tags
        if not is_pattern(value):
            return {step for step, own in enumerate(tags) if value in own}
        from fnmatch import fnmatchcase

        return {
            step for step, own in enumerate(tags) if any(fnmatchcase(tag, value) for tag in own)
        }

    def _by_name(self, atom: Atom) -> Set[int]:
        if not self._step:
            for step, stage_id in enumerate(self.graph.ids):
                self._step[stage_id] = step
                self._short.setdefault(short_name(stage_id), []).append(step)
        if atom.value in self._step:
            return {self._step[atom.value]}
        found = self._short.get(atom.value) or self._of_last_name(atom.value)
        if len(found) != 1:
            self.problems.append(self._ambiguous(atom, found) if found else self._unknown(atom))
            return set()
        return {found[0]}

    def _of_last_name(self, name: str) -> List[int]:
        """Return the steps of functions in functions that are called so."""
        return [step for step, each in enumerate(self.graph.ids) if last_name(each) == name]

    def _ambiguous(self, atom: Atom, steps: List[int]) -> Problem:
        ids = [self.graph.ids[step] for step in steps]
        shown = listed([f"`{stage_id}`" for stage_id in ids], _MOST_NAMED)
        sign = ":" if short_name(ids[0]) == atom.value else "."
        pattern = f"*{sign}{atom.value}"
        return Problem(
            Code.AMBIGUOUS_NAME,
            f"{self._said(self._spelt(atom, atom.value))} may mean {len(ids):,} stages: {shown}",
            fixes=tuple(self._spelt(atom, each) for each in [*ids[:_MOST_NAMED], pattern]),
        )

    def _unknown(self, atom: Atom) -> Problem:
        names = short_names(self.graph.ids)
        near = [names[stage_id] for stage_id in did_you_mean(atom.value, self.graph.ids)]
        note = f"did you mean {' or '.join(f'`{name}`' for name in near)}?"
        if not near:
            note = f"there is: {_some([escape_control(name) for name in names.values()])}"
        return Problem(
            Code.UNKNOWN_STAGE,
            f"{self._said(self._spelt(atom, atom.value))} names no stage of this target",
            notes=(note,),
            fixes=tuple(self._spelt(atom, name) for name in near),
        )


def _some(names: Sequence[str]) -> str:
    """List the first of some names, and say how many more there are."""
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(f"`{name}`" for name in names[:_MOST_NAMED]) + more


class Ways:
    """How a selection is changed so that a stage is not parted from what it needs.

    Args:
        graph: what is selected from.
        places: by step, how others number the stages; ascending.
        include: what is selected.
        exclude: what is not.
    """

    def __init__(
        self, graph: Graph, places: Sequence[int], include: Sequence[str], exclude: Sequence[str]
    ) -> None:
        self._graph, self._places = graph, places
        self._include, self._exclude = include, exclude
        self._known: Optional[_Parted] = None

    def of(self, place: int, lost: int) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """Return facts that help, and what to write, for a stage that lacks another."""
        from bisect import bisect_left

        known = self._known
        if known is None:
            known = self._known = _parted(self._graph, self._include, self._exclude)
        step, other = bisect_left(self._places, place), bisect_left(self._places, lost)
        name = known.names[self._graph.ids[step]]
        ways: List[str] = []
        notes: Tuple[str, ...] = ()
        if step in known.without:
            is_it = other in known.excluded
            what = f"`{known.names[self._graph.ids[other]]}`" if is_it else f"what `{name}` needs"
            ways.append(f"do not exclude {what}")
        start, is_all = known.start, False
        if step in known.after:
            what = f"{FROM} {start} leaves out what `{name}` needs from elsewhere"
            notes = (f"{what}, and no value of an earlier run is kept",)
            is_all = not any(c in start for c in "+@*?[")
            way = f"write -s @{start} instead of {FROM} {start}"
            ways.append(way if is_all else f"leave out {FROM} {start}")
        if step in known.beside and not is_all:
            ways.append(f"select its ancestors too: +{name}")
        return notes, (", and ".join(ways),)


class _Parted(NamedTuple):
    """Which steps a selection parts from what they need, and the names of all.

    Attributes:
        names: what to write for each id.
        excluded: those that ``exclude`` means.
        without: these, and all that needs any of them.
        after: those that need what ``--from`` leaves out.
        beside: those that need what ``include`` does not mean.
        start: what followed ``--from``.
    """

    names: Dict[str, str]
    excluded: Set[int]
    without: Set[int]
    after: Set[int]
    beside: Set[int]
    start: str


def _parted(graph: Graph, include: Sequence[str], exclude: Sequence[str]) -> _Parted:
    selector, everything = _Selector(graph), set(range(len(graph.ids)))
    start = next((text for flag, text in _narrowing(include) if flag == FROM), "")
    excluded = selector.union(exclude)
    before = everything - (selector.narrowed(FROM, start) if start else everything)
    other = everything - (selector.union(include) if len(include) else everything)
    without, after, beside = (
        _walk(graph.children, each, UNLIMITED) for each in (excluded, before, other)
    )
    return _Parted(short_names(graph.ids), excluded, without, after, beside, start)


def is_pattern(value: str) -> bool:
    """Return whether a name stands for all that look like it."""
    return any(c in value for c in "*?[")


def _parse_atom(text: str) -> Atom:
    """Take the operators off a word.

    Raises:
        _MalformedError: what is left is not a name, pattern or method.
    """
    if text.startswith("@"):
        return _checked(Atom("@", text[1:], "", _Reach(around=True)))
    up, down, start, end = None, None, 0, len(text)
    hops, plus, rest = text.partition("+")
    if plus and rest and _is_hops(hops):
        up, start = _hops(hops), len(hops) + 1
    rest, plus, hops = text[start:].rpartition("+")
    if plus and rest and _is_hops(hops):
        down, end = _hops(hops), start + len(rest)
    return _checked(Atom(text[:start], text[start:end], text[end:], _Reach(up, down)))


def _checked(atom: Atom) -> Atom:
    value = atom.value
    if value in {"", "+", TAG}:
        raise _MalformedError("a name is missing")
    if "+" in value and atom.before == "@":
        raise _MalformedError("`@` takes all that needs the stage already, and goes with no `+`")
    if "+" in value:
        raise _MalformedError("write `+` before or after a name, alone or with a number of hops")
    if "@" in value:
        raise _MalformedError("write `@` before a name, and nothing before `@`")
    if value.startswith("state:"):
        raise _MalformedError("`state:` compares with earlier runs, and comes with the store", ())
    return atom


def _is_hops(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())


def _hops(text: str) -> int:
    return int(text) if text and len(text) <= _MOST_DIGITS else UNLIMITED


def _follow(graph: Graph, named: Set[int], reach: _Reach) -> Set[int]:
    """Return *named* with what the operators add."""
    found = set(named)
    if reach.around:
        return _walk(graph.parents, _walk(graph.children, named, UNLIMITED), UNLIMITED)
    if reach.up is not None:
        found |= _walk(graph.parents, named, reach.up)
    if reach.down is not None:
        found |= _walk(graph.children, named, reach.down)
    return found


def _walk(neighbours: Sequence[Tuple[int, ...]], start: Set[int], hops: int) -> Set[int]:
    """Return *start* and what can be reached from it, each step visited once."""
    seen = set(start)
    layer: FrozenSet[int] = frozenset(start)
    while layer and hops != 0:
        layer = frozenset(far for step in layer for far in neighbours[step]) - seen
        seen |= layer
        hops -= 1
    return seen


def unknown_tags(
    graph: Graph, include: Sequence[str], exclude: Sequence[str]
) -> Tuple[Problem, ...]:
    """Return a warning for each tag that is written out and that no stage carries.

    Of what is left out only where another tag is near: no stage may carry what is never wanted.
    """
    known = tuple(dict.fromkeys(tag for own in graph.tags for tag in own))
    found: Dict[Problem, None] = {}
    narrowing = [(f"{flag} ", (text,)) for flag, text in _narrowing(include)]
    for flag, texts in (("", include), *narrowing, ("", exclude)):
        for atom in atoms_of(texts):
            tag = atom.value[len(TAG) :]
            if not atom.value.startswith(TAG) or is_pattern(tag) or tag in known:
                continue
            near = did_you_mean(tag, known)
            if near or texts is not exclude:
                found[_unknown_tag(flag, atom, near, known)] = None
    return tuple(found)


def _unknown_tag(flag: str, atom: Atom, near: Sequence[str], known: Sequence[str]) -> Problem:
    notes = [f"did you mean {' or '.join(f'`{TAG}{escape_control(tag)}`' for tag in near)}?"]
    if not near:
        notes = [f"there is: {_some(list(map(escape_control, known))) or 'no tag at all'}"]
    who = f"`{flag}{atom.spelt(atom.value)}`"
    return Problem(
        Code.UNKNOWN_TAG,
        f"{who if flag else f'the selection {who}'} means no stage: none of this target has that "
        "tag",
        notes=tuple(notes),
        fixes=tuple(flag + atom.spelt(TAG + tag) for tag in near),
    )
