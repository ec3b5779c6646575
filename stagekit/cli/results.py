"""``--show`` and ``--output``: the values of a run, printed or written to files."""

from __future__ import annotations

import os
from datetime import date
from numbers import Number
from typing import Any, Callable, Dict, Iterator, List, Literal, Mapping, Sequence, Tuple

from stagekit._base.record import Record
from stagekit._base.text import did_you_mean, error_line, escape_control, safe_repr, short_names
from stagekit._base.value_text import short_text, size_text
from stagekit._plan.plan import Plan
from stagekit._plan.signature import Reader
from stagekit._run.result import Result
from stagekit.cli.output import Output, Style
from stagekit.errors import NoValueError, UsageError
from stagekit.events import Outcome

_MOST_ROWS = 20
_MOST_ITEMS = 20
_LONGEST_TEXT = 500  # of one text in a value that is written out
_MOST_DEEP = 8
_MOST_LINES = 100
_LARGE = 1e5  # from there on numbers are shown in full
_MIDNIGHT = " 00:00:00"
_NARROWEST = 10  # columns of a terminal that a column of a table takes

# Any: values of stages


class Wanted(Record):
    """Which values are wanted of a run.

    Attributes:
        shown: the ids of the stages whose values are printed.
        files: the ids of those whose values are written, and where to.
    """

    shown: Tuple[str, ...]
    files: Tuple[Tuple[str, str], ...]

    @property
    def stages(self) -> List[str]:
        """The stages whose values must be kept."""
        return list(dict.fromkeys([*self.shown, *(stage for stage, _ in self.files)]))


def wanted(plan: Plan, show: Sequence[str], outputs: Sequence[str]) -> Wanted:
    """Return which values are wanted, before anything is run.

    Args:
        plan: what is to be run.
        show: what was typed after ``--show``; an empty text means the target.
        outputs: what was typed after ``--output``.

    Raises:
        UsageError: naming all mistakes: a stage that is not there or has no value, a file that
            cannot be written.
    """
    mistakes: List[str] = []
    shown = [stage for text in show for stage in _shown(plan, text, mistakes)]
    files = [found for text in outputs for found in _file(plan, text, mistakes)]
    paths = [os.path.abspath(path) for _, path in files]
    mistakes += [
        f"--output: two values would be written to {os.path.relpath(twice)}"
        for twice in sorted({each for each in paths if paths.count(each) > 1})
    ]
    if mistakes:
        raise UsageError("\n       ".join(mistakes))
    return Wanted(tuple(dict.fromkeys(shown)), tuple(files))


def _shown(plan: Plan, text: str, mistakes: List[str]) -> List[str]:
    if text:
        return _stage(plan, text, "--show", mistakes)
    last = [step for step, children in enumerate(plan.children) if not children]
    found = [plan.order[step] for step in plan.targets or last if _has_value(plan, step)]
    if not found:
        mistakes.append(f"--show: the target returns nothing; {_there(plan, '--show ')}")
    return found


def _stage(plan: Plan, text: str, flag: str, mistakes: List[str]) -> List[str]:
    """Return the id of a stage that has a value."""
    try:
        step = plan.step_of(text)
    except LookupError as error:
        mistakes.append(f"{flag} {text}: {error.args[0]}")
        return []
    if _has_value(plan, step):
        return [plan.order[step]]
    place = plan.stages[step].location
    where = "" if place is None else f" ({place})"
    mistakes.append(f"{flag} {text}: the stage returns nothing{where}; {_there(plan, flag + ' ')}")
    return []


def _has_value(plan: Plan, step: int) -> bool:
    return not Reader().read(plan.stages[step]).returns_none


def _there(plan: Plan, flag: str) -> str:
    names = short_names(plan.order)
    found = [names[plan.order[step]] for step in range(len(plan)) if _has_value(plan, step)]
    return f"write {flag}{found[-1]}" if found else "no stage returns anything"


def _file(plan: Plan, text: str, mistakes: List[str]) -> List[Tuple[str, str]]:
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        mistakes.append(f"--output {text}: write STAGE=FILE, such as total=total.json")
        return []
    found = _stage(plan, name, "--output", mistakes)
    flag, suffix = f"--output {text}", _suffix(path)
    folder = os.path.dirname(path) or "."
    if suffix not in WRITERS:
        near = did_you_mean(suffix, WRITERS)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(WRITERS)}"
        mistakes.append(f"{flag}: no format is called {suffix!r}; {hint}")
    if not os.path.isdir(folder):
        mistakes.append(f"{flag}: there is no folder {folder}; write mkdir -p {folder}")
    elif os.path.isdir(path):
        mistakes.append(f"{flag}: that is a folder; write {name}={os.path.join(path, name)}.json")
    elif not os.access(folder, os.W_OK):
        mistakes.append(f"{flag}: the folder {folder} cannot be written")
    if suffix == ".parquet" and not any(map(_is_installed, ("pyarrow", "fastparquet", "polars"))):
        mistakes.append(f"{flag}: Parquet needs pyarrow: pip install pyarrow")
    return [(stage, path) for stage in found]


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def hand_out(result: Result, want: Wanted, output: Output) -> bool:
    """Print and write the values that are wanted; tell whether all are written that there are."""
    names = short_names(result.plan.order)
    is_written = True
    for stage in want.shown:
        for value in _value(result, stage, f"--show {names[stage]}", output):
            head = f"{output.style.paint('strong', names[stage])}\n" if want.stages[1:] else ""
            output.print_result(head + value_text(value, output.style))
    for stage, path in want.files:
        for value in _value(result, stage, f"--output {names[stage]}={path}", output):
            try:
                _write(value, path)
            except Exception as error:  # noqa: BLE001 - of a value's own writer, or of the disk
                output.print_error(f"--output {names[stage]}={path}: {error_line(error)}")
                is_written = False
    return is_written


def _value(result: Result, stage: str, flag: str, output: Output) -> Iterator[Any]:
    """Yield the value of a stage, if it has one; say why where it has none."""
    try:
        value: Any = result[stage]
    except NoValueError:  # what became of it has been said at length
        outcome = result.report(stage).outcome
        became = "it failed" if outcome is Outcome.FAILED else f"it was {outcome.value}"
        output.print_error(f"{flag}: there is no value, as {became}")
        return
    yield value


# Printing.


def value_text(value: Any, style: Style) -> str:
    """Return a value for people: a table of a data frame, else the value, as far as it is short."""
    if isinstance(value, str):
        return escape_control(value, keep="\n\t")
    frame = value.to_frame() if hasattr(value, "to_frame") and size_text(value) else value
    if _is_frame(frame):
        return f"{_table(frame, style)}\n{short_text(value)}"
    if size_text(value) and hasattr(value, "shape"):  # numpy's text is short by itself
        return f"{_lines(safe_repr(value))}\n{short_text(value)}"
    text = _pretty(value)
    size = size_text(value)
    is_cut = bool(size) and int(size.split()[0].replace(",", "")) > _MOST_ITEMS
    return f"{text}\n{short_text(value)}" if is_cut else text


def _pretty(value: Any) -> str:
    if type(value).__module__ != "builtins" and short_text(value).endswith(f" of {_len(value):,}"):
        return short_text(value)  # its own text may be as long as it
    from rich.pretty import pretty_repr

    text = pretty_repr(
        value,
        max_width=_width(),
        max_length=_MOST_ITEMS,
        max_string=_LONGEST_TEXT,
        max_depth=_MOST_DEEP,
    )
    return _lines(text)


def _len(value: Any) -> int:
    try:
        return len(value)
    except Exception:  # noqa: BLE001 - it has none, or code of a user's class
        return -1


def _lines(text: str) -> str:
    lines = escape_control(text, keep="\n").split("\n")
    return "\n".join([*lines[:_MOST_LINES], *(["…"] if len(lines) > _MOST_LINES else [])])


def _width() -> int:
    from stagekit._base.columns import terminal_columns

    return terminal_columns(100)


def _is_frame(value: Any) -> bool:
    has_all = all(hasattr(value, each) for each in ("columns", "head", "shape"))
    return has_all and not isinstance(value, type) and len(value.shape) == 2  # noqa: PLR2004


def _table(frame: Any, style: Style) -> str:
    """Return the first rows of a data frame of pandas or polars, as many columns as fit."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    head = frame.head(_MOST_ROWS)
    names = [str(name) for name in frame.columns]
    has_index = hasattr(head, "itertuples")
    rows: List[Sequence[Any]] = list(head.itertuples(name=None) if has_index else head.rows())
    fits = max(2, _width() // _NARROWEST) - has_index
    table = Table(box=box.SIMPLE_HEAD if style.has_unicode else box.ASCII, pad_edge=False)
    if has_index:
        of_index = [str(name) for name in head.index.names if name is not None]
        table.add_column(escape_control(" / ".join(of_index)), style="dim")
    kept = list(range(len(names))) if len(names) <= fits else [*range(fits - 2), len(names) - 1]
    for number in kept:
        if len(kept) < len(names) and number == kept[-1]:
            table.add_column("…")
        are_numbers = all(_is_number(row[number + has_index]) for row in rows)
        justify: Literal["left", "right"] = "right" if are_numbers else "left"
        table.add_column(escape_control(names[number]), justify=justify)
    for row in rows:
        index, cells = (row[:1], row[1:]) if has_index else ((), row)
        shown = [_cell(cells[number]) for number in kept]
        gap = ["…"] if len(kept) < len(names) else []
        table.add_row(*map(_cell, index), *shown[:-1], *gap, *shown[-1:])
    from io import StringIO

    console = Console(
        file=StringIO(), width=_width(), force_terminal=style.has_color, markup=False, emoji=False
    )
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().split("\n") if line.strip()]
    return "\n".join([*lines, *(["  …"] if frame.shape[0] > _MOST_ROWS else [])])


def _is_number(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Number)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < _LARGE else f"{value:.10g}"
    if isinstance(value, date):  # pandas' times, too
        text = str(value)
        return text[: -len(_MIDNIGHT)] if text.endswith(_MIDNIGHT) else text
    if isinstance(value, tuple):  # of an index of several levels
        return " / ".join(map(_cell, value))  # pyright: ignore[reportUnknownArgumentType]
    return escape_control(value) if isinstance(value, str) else short_text(value, 40)


# Writing. A file is whole, or is not there: it is written beside its place first.


def _write(value: Any, path: str) -> None:
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{os.getpid()}{_suffix(path)}")
    try:
        WRITERS[_suffix(path)](value, beside)
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)


def _write_json(value: Any, path: str) -> None:
    import json

    if hasattr(value, "write_json"):  # polars
        value.write_json(path)
        return
    if hasattr(value, "to_json") and size_text(value):  # pandas
        _with_index(value).to_json(path, orient="records", indent=2, date_format="iso")
        return
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2, ensure_ascii=False, default=_plain)
        file.write("\n")


def _with_index(frame: Any) -> Any:
    """Return a frame of pandas whose index is a column, where it says more than the number."""
    if type(frame.index).__name__ == "RangeIndex":
        return frame
    columns = frame.columns if hasattr(frame, "columns") else [frame.name]
    taken = {str(name) for name in columns}
    names: List[str] = []
    for number, name in enumerate(frame.index.names):
        new = str(name) if name is not None else f"index{number or ''}"
        while new in taken:
            new += "_index"
        taken.add(new)
        names.append(new)
    return frame.rename_axis(names).reset_index()


def _plain(value: Any) -> Any:
    """Return a value as JSON can have it.

    Raises:
        TypeError: it cannot.
    """
    record = _record(value)
    if record is not value:
        return record
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for method in ("tolist", "to_dict"):  # of numpy and pandas, in something else
        if hasattr(value, method):
            return getattr(value, method)()
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        return to_jsonable_python(value)
    except PydanticSerializationError:
        kind = type(value).__qualname__
        text = f"JSON has nothing for {kind}; write a .pickle, or return a plain value"
        raise TypeError(text) from None


def _write_csv(value: Any, path: str) -> None:
    if hasattr(value, "write_csv"):  # polars
        value.write_csv(path)
        return
    if hasattr(value, "to_csv"):  # pandas
        value.to_csv(path, index=type(value.index).__name__ != "RangeIndex")
        return
    import csv

    if not _is_list(value):
        kind = type(value).__qualname__
        raise TypeError(f"CSV has rows, and {kind} has none; write .json, or return a list of rows")
    rows: List[Any] = [_record(each) for each in value]
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if rows and isinstance(rows[0], dict):
            names = list(dict.fromkeys(name for row in rows for name in _named(row)))
            writer.writerow(names)
            writer.writerows([[_named(row).get(name, "") for name in names] for row in rows])
        else:
            writer.writerows([row if _is_list(row) else [row] for row in rows])


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _named(row: Any) -> Mapping[str, Any]:
    return row if isinstance(row, dict) else {"": row}  # pyright: ignore[reportUnknownVariableType]


def _record(value: Any) -> Any:
    """Return names and values of a record; anything else as it is."""
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    as_dict: Any = getattr(value, "_asdict", None)  # of a tuple with names
    return value if as_dict is None else as_dict()


def _write_parquet(value: Any, path: str) -> None:
    write = getattr(value, "write_parquet", None) or getattr(value, "to_parquet", None)
    if write is None:
        kind = type(value).__qualname__
        raise TypeError(f"Parquet is for data frames, and {kind} is none; write .json or .pickle")
    write(path)


def _write_pickle(value: Any, path: str) -> None:
    import pickle

    with open(path, "wb") as file:
        pickle.dump(value, file)


def _write_text(value: Any, path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(value if isinstance(value, str) else f"{value}")


WRITERS: Dict[str, Callable[[Any, str], None]] = {
    ".json": _write_json,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".pickle": _write_pickle,
    ".pkl": _write_pickle,
    ".txt": _write_text,
}
