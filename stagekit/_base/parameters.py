"""Values for the parameters of a pipeline, as they were written, before planning knows their types.

A plan that has none loads nothing of this.
"""

from __future__ import annotations

from stagekit._base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, List, Mapping, Optional, Tuple, cast
else:

    def cast(_: str, value: object) -> object:
        """Only type checkers look at it."""
        return value


# Where a value was written. The first of these that sets a parameter wins.
FLAG, ENVIRONMENT, FILE, PYTHON = "--set", "environment", "file", "params="
SOURCES = (FLAG, ENVIRONMENT, FILE, PYTHON)
PREFIX = "STAGEKIT_PARAM_"
MOST_BYTES = 1_000_000  # of a file


UNSET: Any = object()  # a value that is yet to be set: a picture can do without


class Setting(Record):
    """One value, and for which parameters it was written.

    Attributes:
        name: ``stage.parameter`` or ``parameter``; in the environment with ``__`` for the dot, in
            capitals. Empty where what was written cannot be read at all.
        value: a text, what a file has, or an object.
        source: one of ``SOURCES``.
        place: where it was written, for people.
        mistake: why it cannot be read; else empty.
        fixes: what to write instead, where it cannot be read.
    """

    name: str
    value: Any
    source: str
    place: str
    mistake: str = ""
    fixes: Tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the value is the text of one, to be converted."""
        return self.source in {FLAG, ENVIRONMENT}


def from_python(params: Mapping[str, object]) -> Tuple[Setting, ...]:
    """Return the settings that ``params=`` of ``plan`` and ``run`` has."""
    return tuple([Setting(name, params[name], PYTHON, PYTHON) for name in params])


def from_command_line(
    assignments: Iterable[str], file: Optional[str], environment: Mapping[str, str]
) -> Tuple[Setting, ...]:
    """Return what ``--set`` and ``--params`` say, and the variables of the environment."""
    found: List[Setting] = []
    for text in assignments:
        name, is_assigned, value = text.partition("=")
        place = f"{FLAG} {text}"
        if is_assigned and name.strip():
            found.append(Setting(name.strip(), value, FLAG, place))
        else:
            fix = f"{FLAG} load.path=a.csv, or {FLAG} path=a.csv"
            found.append(Setting("", value, FLAG, place, "is not NAME=VALUE", (fix,)))
    for name in sorted(environment):
        if name.startswith(PREFIX):
            place = f"{name}={environment[name]}"
            found.append(Setting(name[len(PREFIX) :], environment[name], ENVIRONMENT, place))
    return (*found, *(() if file is None else from_file(file)))


class _UnreadableError(Exception):
    """A file cannot be read; the text says why.

    Attributes:
        fixes: what to do instead.
    """

    def __init__(self, why: str, *fixes: str) -> None:
        super().__init__(why)
        self.fixes = fixes


def from_file(path: str) -> Tuple[Setting, ...]:
    """Return the settings that a file of TOML or JSON has; where it cannot be read, one of that."""
    place = f"--params {path}"
    try:
        table = _read(path)
    except _UnreadableError as error:
        return (Setting("", None, FILE, place, str(error), error.fixes),)
    inner = table.get("params")
    if len(table) == 1 and isinstance(inner, dict):
        table = cast("Mapping[str, Any]", inner)
    return tuple([Setting(name, table[name], FILE, path) for name in table])


def _read(path: str) -> Mapping[str, Any]:
    is_toml = path.lower().endswith(".toml")
    if not is_toml and not path.lower().endswith(".json"):
        near = _near_files(path) or ["a file that ends with .toml or .json"]
        raise _UnreadableError("is neither TOML nor JSON", *near)
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise _UnreadableError(f"cannot be read: {why}", *_near_files(path)) from None
    if len(data) > MOST_BYTES:
        why = f"is too large: more than {MOST_BYTES:,} bytes"
        raise _UnreadableError(why, "have a stage read large data; a parameter is its path")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = f"is not UTF-8: line {line} has the byte 0x{data[error.start]:02x}"
        raise _UnreadableError(why, "save it as UTF-8") from None
    return _parsed_toml(text) if is_toml else _parsed_json(text)


def _near_files(path: str) -> List[str]:
    import os

    from stagekit._base.text import did_you_mean

    folder, name = os.path.split(path)
    try:
        there = [each for each in os.listdir(folder or ".") if each.endswith((".toml", ".json"))]
    except OSError:
        return []
    return [f"--params {os.path.join(folder, each)}" for each in did_you_mean(name, there)]


def _parsed_toml(text: str) -> Mapping[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:  # pragma: no cover - older interpreters
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error) or "it nests too deeply"
        raise _UnreadableError(
            f"is no TOML: {why}", 'lines such as "load.path" = "a.csv"'
        ) from None


def _parsed_json(text: str) -> Mapping[str, Any]:
    import json

    twice: List[str] = []

    def table(pairs: List[Tuple[str, Any]]) -> Mapping[str, Any]:
        found = dict(pairs)
        twice.extend(name for name in found if [key for key, _ in pairs].count(name) > 1)
        return found

    try:
        found = json.loads(text, object_pairs_hook=table)
    except (ValueError, RecursionError) as error:
        why = str(error) or "it nests too deeply"
        raise _UnreadableError(f"is not JSON: {why}", 'an object: {"load.path": "a.csv"}') from None
    if twice:
        why = f"has {', '.join(map(repr, twice))} twice"
        raise _UnreadableError(why, "set only one of them")
    if not isinstance(found, dict):
        why = f"is no object, but a {type(found).__name__}"
        raise _UnreadableError(why, 'an object: {"load.path": "a.csv"}')
    return found  # pyright: ignore[reportUnknownVariableType]
