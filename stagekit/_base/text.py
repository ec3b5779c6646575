"""Text for people: near misses, hostile text made harmless, names, counts, seconds, columns."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

LIMIT = 64 * 1024
MOST_SUGGESTIONS = 3
MOST_COMPARED = 5_000
_CUTOFF = 0.6
_UNITS = ("B", "kB", "MB", "GB", "TB")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def short_name(stage_id: str) -> str:
    """Return the part of an id after its last ``:``."""
    return stage_id.rpartition(":")[2]


def short_names(ids: Iterable[str]) -> Dict[str, str]:
    """Return for each id its short name, or the id itself where the short name is not unique.

    What is returned can be typed wherever a stage is asked for.
    """
    known = tuple(ids)
    count: Dict[str, int] = {}
    for stage_id in known:
        short = short_name(stage_id)
        count[short] = count.get(short, 0) + 1
    shorts = ((stage_id, short_name(stage_id)) for stage_id in known)
    return {stage_id: short if count[short] == 1 else stage_id for stage_id, short in shorts}


def did_you_mean(word: str, candidates: Iterable[str]) -> Tuple[str, ...]:
    """Return at most three candidates that *word* may have been meant for, the likeliest first.

    A candidate one edit away from *word* (a letter missing, added, changed, or two swapped) comes
    before all others, whatever the case of letters; so does an id whose short name is. Among more
    than ``MOST_COMPARED`` candidates only those are looked for.
    """
    known = tuple(dict.fromkeys(candidates))
    scored = [(score, _order(word, each), each) for each in known for score in (_near(word, each),)]
    near = [each for score, _, each in sorted(scored) if score < _FAR]
    if not near and len(known) <= MOST_COMPARED:
        near = _alike(word, known)
    return tuple(near[:MOST_SUGGESTIONS])


_FAR = 4


def _near(word: str, candidate: str) -> int:
    """Return how near a candidate is, 0 to ``_FAR``: same word, short name, an edit of either."""
    small, other = word.casefold(), candidate.casefold()
    short = short_name(other)
    if small == other:
        return 0
    if small == short or short_name(small) == other:
        return 1
    if one_edit(small, other):
        return 2
    return 3 if one_edit(small, short) and len(short) > 1 else _FAR


def _order(word: str, candidate: str) -> Tuple[object, ...]:
    """Order candidates that are equally near: same beginning first, then by the alphabet."""
    return (candidate[:1] != word[:1], abs(len(candidate) - len(word)), candidate)


def one_edit(a: str, b: str) -> bool:
    """Say whether a letter missing, added or changed, or two swapped, make *b* of *a*."""
    if abs(len(a) - len(b)) > 1 or max(len(a), len(b)) < 2:  # noqa: PLR2004 - one letter: anything
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    if a[start:] == b[start + 1 :] or a[start + 1 :] in (b[start:], b[start + 1 :]):
        return True
    return a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]


def _alike(word: str, known: Tuple[str, ...]) -> List[str]:
    import difflib  # 8 ms

    folded: Dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    for each in known:
        folded.setdefault(short_name(each).casefold(), each)
    names = difflib.get_close_matches(word.casefold(), sorted(folded), MOST_SUGGESTIONS, _CUTOFF)
    return list(dict.fromkeys(folded[name] for name in names))


def escape_control(text: str, *, keep: str = "") -> str:
    r"""Return *text* with all that a terminal would obey or hide shown as ``\x1b`` and the like.

    That is what ``repr()`` escapes: control characters, bidirectional and zero-width ones, lone
    surrogates, every space but the ordinary one.

    Args:
        text: any text.
        keep: characters that stay as they are, such as ``"\n"``.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    number = ord(character)
    if number <= 0xFF:  # noqa: PLR2004 - the largest that \x can say
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - for \u


def safe_text(error: object) -> str:
    """Return ``str(error)``, or ``<unprintable T>``; cut at 64 KiB, and then its length is said."""
    return _safe(str, error)


def safe_repr(value: object) -> str:
    """Return ``repr(value)``, or ``<unprintable T>``; cut like ``safe_text``."""
    return _safe(repr, value)


def _safe(show: Callable[[object], str], value: object) -> str:
    try:
        # A subclass of str could run more of its own code wherever it is printed.
        text = str.__str__(show(value))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - the code of a user, that must not hide the error it tells
        return f"<unprintable {type(value).__name__}>"
    return text if len(text) <= LIMIT else _cut(text)


def _cut(text: str) -> str:
    import hashlib  # 5 ms

    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[:LIMIT]}… ({len(text):,} characters, cut at {LIMIT:,}; sha256 {digest}…)"


def error_line(error: BaseException, *, limit: Optional[int] = None, is_first: bool = False) -> str:
    """Return ``Type: message`` on one line, harmless to print, at most *limit* characters long.

    With *is_first* it is the first line of the message.

    Of an error of ours, as a run in a stage raises, it is the first of what went wrong.
    """
    message = safe_text(error).strip()
    if "\n" in message and getattr(type(error), "_is_of_stagekit", False):
        message = _first_of(message)
    elif is_first:
        message = message.partition("\n")[0].rstrip()
    message = escape_control(message)
    name = escape_control(type(error).__name__)
    line = f"{name}: {message}" if message else name
    if isinstance(error, SystemExit):
        line += " (sys.exit was called)"
    return line if limit is None or len(line) <= limit else line[: max(0, limit - 1)] + "…"


def _first_of(message: str) -> str:
    """Return the head of a message of ours and the first line below it."""
    head, first, *others = (line.strip() for line in message.split("\n"))
    return f"{head.rstrip(':')}: {first}" + (" …" if others else "")


def listed(parts: Sequence[str], most: int, *, of: Optional[int] = None, joiner: str = ", ") -> str:
    """Join texts; of many only the first, and how many more there are.

    Args:
        parts: the texts, or as many of them as are to be shown.
        most: how many are shown.
        of: how many there are, where *parts* has not all.
        joiner: stands between two of them.

    Example:
        >>> listed(["a", "b", "c", "d"], 2)
        'a, b and 2 more'
    """
    more = (len(parts) if of is None else of) - most
    shown = joiner.join(parts[:most])
    comma = joiner.rstrip() if joiner != ", " else ""
    return f"{shown}{comma} and {more:,} more" if more > 0 else shown


def plural(count: int, noun: str, many: Optional[str] = None) -> str:
    """Return a count with its noun: ``1 stage``, ``2 stages``, ``1,200 stages``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {many if many is not None else noun + 's'}"


def seconds(duration: float) -> str:
    """Return a duration for people: ``3.1 ms``, ``0.42 s``, ``4.9 s``, ``2 min 05 s``."""
    duration = max(0.0, duration)
    if duration < 0.00995:  # noqa: PLR2004 - shown as 0.01 s from here
        return f"{duration * 1000:.1f} ms"
    if duration < 0.995:  # noqa: PLR2004 - shown as 1.0 s from here
        return f"{duration:.2f} s"
    if duration < 59.95:  # noqa: PLR2004 - shown as 1 min 00 s from here
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60:,} h {minutes % 60:02} min"


def fine_seconds(duration: float) -> str:
    """Return a duration with three digits, for who compares.

    Example:
        >>> fine_seconds(0.0000412), fine_seconds(0.4123), fine_seconds(74.26)
        ('41.2 µs', '412 ms', '74.3 s')
    """
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if duration * factor < 999.5:  # noqa: PLR2004 - shown as 1 of the next unit from here
            return f"{duration * factor:.3g} {unit}"
    return f"{duration:.3g} s" if duration < 999.5 else f"{duration:,.0f} s"  # noqa: PLR2004 - as above


def bytes_text(count: Optional[float]) -> str:
    """Return a number of bytes for people; a dash where nobody knows.

    Example:
        >>> bytes_text(512), bytes_text(29_835_264), bytes_text(None)
        ('512 B', '29.8 MB', '-')
    """
    if count is None:
        return "-"
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004 - kB of 1000 B, and so on
        count, unit = count / 1000, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes that holds no control characters."""
    if text.isascii():
        return len(text)
    import unicodedata  # 2 ms

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def pad(text: str, columns: int) -> str:
    """Return *text* with spaces after it, so that it takes *columns* columns of a terminal."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """Return *text*, or as much of it as *columns* columns of a terminal have room for.

    Example:
        >>> cut("ConnectionError: refused", 16)
        'ConnectionError…'
    """
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) >= columns:
            break
        kept += character
    return f"{kept}…"


def aligned(rows: Sequence[Sequence[str]]) -> List[str]:
    """Return rows of cells as lines whose columns stand below each other in a terminal.

    Example:
        >>> aligned([("stage", "wall"), ("load_orders", "3 s")])
        ['stage        wall', 'load_orders  3 s']
    """
    widths = [max(map(width, column)) for column in zip(*rows)]
    return ["  ".join(map(pad, row, widths)).rstrip() for row in rows]


def note(error: BaseException, text: str) -> None:
    """Add a note to an exception, from Python 3.11 on, unless its class refuses attributes.

    It is an object of the user: a note is not worth an error, and reports say the same beside it.
    """
    add_note: Any = getattr(BaseException, "add_note", None)  # Any: from 3.11 on
    if add_note is None:  # pragma: no cover - older interpreters
        return
    try:  # noqa: SIM105 - contextlib is not loaded for this
        add_note(error, text)
    except Exception:  # noqa: BLE001, S110 - code of a user's class
        pass
