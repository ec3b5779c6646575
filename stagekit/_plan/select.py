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
from stagekit._base.text import did_you_mean, escape_control, short_name, short_names

UNLIMITED = -1
TAG = "tag:"
_MOST_DIGITS = 9  # more hops than that no graph has
_MOST_NAMED = 5
_WORDS = "write a name, a pattern such as `shop:*` or `tag:x`, and `+` before or after it"


class Graph(NamedTuple):
    """The columns of a plan that a selection looks at, by step number."""

    ids: Sequence[str]
    tags: Sequence[Tuple[str, ...]]
    parents: Sequence[Tuple[int, ...]]
    children: Sequence[Tuple[int, ...]]


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
    steps = selector.union(include) if include else set(range(len(graph.ids)))
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
        message = f"the selection `{escape_control(text)}` cannot be read: {error.why}"
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
        found = self._short.get(atom.value, [])
        if len(found) != 1:
            self.problems.append(self._ambiguous(atom, found) if found else self._unknown(atom))
            return set()
        return {found[0]}

    def _ambiguous(self, atom: Atom, steps: List[int]) -> Problem:
        ids = [self.graph.ids[step] for step in steps]
        shown = ", ".join(f"`{stage_id}`" for stage_id in ids[:_MOST_NAMED])
        more = f" and {len(ids) - _MOST_NAMED:,} more" if len(ids) > _MOST_NAMED else ""
        return Problem(
            Code.AMBIGUOUS_NAME,
            f"the selection `{atom.spelt(atom.value)}` may mean {len(ids):,} stages: {shown}{more}",
            fixes=tuple(map(atom.spelt, (*ids[:_MOST_NAMED], f"*:{atom.value}"))),
        )

    def _unknown(self, atom: Atom) -> Problem:
        names = short_names(self.graph.ids)
        near = [names[stage_id] for stage_id in did_you_mean(atom.value, self.graph.ids)]
        return Problem(
            Code.UNKNOWN_STAGE,
            f"the selection `{atom.spelt(atom.value)}` names no stage of this target",
            notes=(f"did you mean {' or '.join(f'`{name}`' for name in near)}?",) if near else (),
            fixes=tuple(map(atom.spelt, near)),
        )


def is_pattern(value: str) -> bool:
    """Tell whether a name stands for all that look like it."""
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
        raise _MalformedError("`+` stands before or after a name, with a number of hops or alone")
    if "@" in value:
        raise _MalformedError("`@` stands before a name, and nothing before it")
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
    for texts, is_wanted in ((include, True), (exclude, False)):
        for atom in atoms_of(texts):
            tag = atom.value[len(TAG) :]
            if not atom.value.startswith(TAG) or is_pattern(tag) or tag in known:
                continue
            near = did_you_mean(tag, known)
            if near or is_wanted:
                found[_unknown_tag(atom, near, known)] = None
    return tuple(found)


def _unknown_tag(atom: Atom, near: Sequence[str], known: Sequence[str]) -> Problem:
    notes = [f"did you mean {' or '.join(f'`{TAG}{escape_control(tag)}`' for tag in near)}?"]
    if not near:
        shown = [f"`{escape_control(tag)}`" for tag in known[:_MOST_NAMED]]
        more = f" and {len(known) - _MOST_NAMED:,} more" if len(known) > _MOST_NAMED else ""
        notes = [f"there is: {', '.join(shown) or 'no tag at all'}{more}"]
    return Problem(
        Code.UNKNOWN_TAG,
        f"the selection `{atom.spelt(atom.value)}` means no stage: none of this target has that "
        "tag",
        notes=tuple(notes),
        fixes=tuple(atom.spelt(TAG + tag) for tag in near),
    )
