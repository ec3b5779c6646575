"""``stagekit run --show`` and ``--output``: the values of a run."""

from __future__ import annotations

import csv
import datetime as dt
import enum
import json
import pickle
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, NamedTuple
from uuid import UUID

import pytest
from pydantic import BaseModel

from stagekit.cli import ExitCode, results
from stagekit.cli.output import PLAIN

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

SHOP = """
from dataclasses import dataclass
from typing import List
from stagekit import stage

@dataclass(frozen=True)
class Total:
    amount: int
    names: List[str]

@stage
def rows() -> List[int]:
    return list(range(3000))

@stage
def total(rows: List[int]) -> Total:
    return Total(sum(rows), ["x", "y"])

@stage
def text(total: Total) -> str:
    return "first\\nsecond \\x1b[31m"

@stage(depends_on=text)
def announce() -> None: ...
"""


@pytest.fixture
def shop(write: Write) -> None:
    """Write the module shop."""
    write("shop.py", SHOP)


@pytest.mark.usefixtures("shop")
def test_the_value_of_the_target_is_printed_alone(cli: Cli) -> None:
    """To standard output, so that it can be piped."""
    done = cli("run", "shop:total", "--show")
    assert (0, "Total(amount=4498500, names=['x', 'y'])\n") == (done.code, done.out)
    assert cli("run", "shop:text", "--show").out == "first\nsecond \\x1b[31m\n"


@pytest.mark.usefixtures("shop")
def test_several_values_are_printed_under_their_names(cli: Cli) -> None:
    """What is long is cut, and its length said."""
    done = cli("run", "shop", "--show", "rows", "--show=total", "--progress", "none")
    lines = done.out.splitlines()
    assert ["rows", "list of 3,000", "total"] == [lines[0], *lines[2:4]]
    assert lines[1].startswith("[0, 1, 2,")
    assert lines[1].endswith("... +2980]")


@pytest.mark.usefixtures("shop")
def test_every_mistake_is_told_at_once_and_nothing_is_run(cli: Cli, tmp_path: Path) -> None:
    """Each with its place, the value, and what to type."""
    (tmp_path / "folder.json").mkdir()
    done = cli(
        *("run", "shop", "--show", "announce", "--show", "totl", "--show"),
        *("--output", "total=nowhere/x.json", "--output", "total=x.jsn", "--output", "rows"),
        *("--output", "total=x", "--output", "total=folder.json", "--output", "total=a.csv"),
        *("--output", "rows=./a.csv", "--output", "announce=b.json"),
    )
    assert ExitCode.USAGE == done.code
    assert "" == done.out
    assert [
        "error: --show announce: the stage returns nothing (shop.py:24); write --show text",
        "--show totl: there is no stage 'totl'; did you mean 'total'?",
        "--show: the target returns nothing; write --show text",
        "--output total=nowhere/x.json: there is no folder nowhere; write mkdir -p nowhere",
        "--output total=x.jsn: no format is called '.jsn'; did you mean .json?",
        "--output rows: write STAGE=FILE, such as total=total.json",
        "--output total=x: no format is called ''; there are " + ", ".join(results.WRITERS),
        "--output total=folder.json: that is a folder; write total=folder.json/total.json",
        "--output announce: the stage returns nothing (shop.py:24); write --output text",
        "--output: two values would be written to a.csv",
    ] == [line.strip() for line in done.err.splitlines()]


@pytest.mark.usefixtures("shop")
def test_values_are_written_by_the_ending_of_the_file(cli: Cli, tmp_path: Path) -> None:
    """Whole, or not at all: nothing else is left in the folder."""
    done = cli(
        *("run", "shop:text", "--output", "total=total.json", "--output", "rows=rows.csv"),
        *("--output", "text=text.txt", "--output", "rows=rows.pickle"),
    )
    assert 0 == done.code
    found = json.loads((tmp_path / "total.json").read_text(encoding="utf-8"))
    assert {"amount": 4498500, "names": ["x", "y"]} == found
    lines = (tmp_path / "rows.csv").read_text(encoding="utf-8").splitlines()
    assert ["0", "1", "2999"] == [*lines[:2], lines[-1]]
    assert 3000 == len(pickle.loads((tmp_path / "rows.pickle").read_bytes()))  # noqa: S301 - ours
    assert "first\nsecond \x1b[31m" == (tmp_path / "text.txt").read_text(encoding="utf-8")
    assert 5 == len(list(tmp_path.iterdir()))


@pytest.mark.usefixtures("shop")
def test_what_cannot_be_written_so_is_told_after_the_run(cli: Cli, tmp_path: Path) -> None:
    """With another format; the other files are written."""
    done = cli("run", "shop:total", "--output", "total=a.csv", "--output", "rows=b.json")
    assert ExitCode.NOT_WRITTEN == done.code
    assert "error: --output total=a.csv: TypeError: CSV has rows, and Total has none" in done.err
    assert ["b.json", "shop.py"] == sorted(each.name for each in tmp_path.iterdir())


def test_a_stage_that_failed_has_nothing_to_show(cli: Cli, write: Write) -> None:
    """That is said beside the failure."""
    write(
        "fails.py", "from stagekit import stage\n@stage\ndef fails() -> int:\n    return 1 // 0\n"
    )
    done = cli("run", "fails", "--show", "--output", "fails=x.json", "-q")
    assert ExitCode.STAGE_FAILED == done.code
    for flag in ("--show fails", "--output fails=x.json"):
        assert f"error: {flag}: there is no value, as it failed\n" in done.err
    assert "" == done.out


@pytest.mark.usefixtures("shop")
def test_standard_output_has_one_use(cli: Cli) -> None:
    """JSON, events or values; and TARGET stands before --show."""
    for others in (("--json",), ("--events", "-")):
        done = cli("run", "shop", "--show", *others)
        assert f"{' '.join(others)} and --show both write to stdout" in done.err
        assert ExitCode.USAGE == done.code
    assert (
        "as --show has taken 'shop'; write TARGET first: shop --show"
        in cli("run", "--show", "shop").err
    )


@pytest.mark.usefixtures("shop")
def test_sizes_are_shown_and_values_let_go_of(cli: Cli) -> None:
    """``-v`` has them below the line of a stage, events in a field, failures by the arguments."""
    done = cli("run", "shop", "-v")
    assert "        value: 3,000 items\n" in done.err
    lines = cli("run", "shop", "--events", "-").out.splitlines()
    sizes = {
        each.get("stage_id"): each["size"] for each in map(json.loads, lines) if "size" in each
    }
    assert "3,000 items" == sizes["shop:rows"]
    assert '"value_type": "builtins.list"' in cli("run", "shop", "--json").out


def test_data_frames_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Their first rows, as many columns as fit, and how large they are."""
    pandas = pytest.importorskip("pandas", reason="tables of real frames need pandas")
    frame = pandas.DataFrame({"price": [1.5, 2.25], "name": ["a[b]", "\x1b"]})
    text = results.value_text(frame, PLAIN)
    assert ["price", "name"] == text.splitlines()[0].split()
    assert ["0", "1.5", "a[b]"] == text.splitlines()[2].split()
    assert text.endswith("DataFrame 2 rows × 2 columns")
    assert "\x1b" not in text
    wide = pandas.DataFrame({f"c{number}": range(30) for number in range(50)})
    text = results.value_text(wide, PLAIN)
    assert {"c0", "…", "c49"} <= set(text.splitlines()[0].split())
    assert text.splitlines()[-2:] == ["  …", "DataFrame 30 rows × 50 columns"]
    assert results.value_text(frame["price"], PLAIN).endswith("Series 2 rows")
    assert results.value_text(frame["price"].to_numpy(), PLAIN).endswith("ndarray 2 items")
    assert "" == capsys.readouterr().out


def test_cells_of_tables_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers to the right and in full, days without a time, the names of an index."""
    pandas: Any = pytest.importorskip("pandas", reason="tables of real frames need pandas")
    days = pandas.to_datetime(["2024-01-01", "2024-01-02"])
    frame = pandas.DataFrame({"day": days, "kind": ["a", "b"], "amount": [1234567.8, 2.0]})
    lines = results.value_text(frame, PLAIN).splitlines()
    assert ["0", "2024-01-01", "a", "1234567.8"] == lines[2].split()
    assert lines[2].index("1234567.8") + len("1234567.8") == len(lines[3])
    grouped = frame.groupby(["kind", "day"])[["amount"]].sum()
    lines = results.value_text(grouped, PLAIN).splitlines()
    assert lines[0].split("  ")[0].strip() == "kind / day"
    assert "a / 2024-01-01" in lines[2]
    assert "" == capsys.readouterr().out


def test_an_index_that_says_something_is_written(tmp_path: Path) -> None:
    """As columns, under names of their own."""
    pandas: Any = pytest.importorskip("pandas", reason="files of real frames need pandas")
    frame = pandas.DataFrame({"kind": ["a", "b"], "n": [1, 2], "m": [3, 4]})

    def written(value: Any) -> Any:
        results._write(value, str(tmp_path / "x.json"))
        return json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))

    assert [{"kind": "a", "n": 1}, {"kind": "b", "n": 2}] == written(frame.groupby("kind").n.sum())
    several = written(frame.groupby(["kind", "n"])[["m"]].sum())
    assert {"kind": "a", "n": 1, "m": 3} == several[0]
    assert {"index": 7, "kind": "a"} == written(frame[["kind"]].set_axis([7, 8]))[0]
    named = frame[["kind"]].set_axis([7, 8]).rename_axis("kind")
    assert {"kind_index": 7, "kind": "a"} == written(named)[0]
    assert {"kind": "a", "n": 1, "m": 3} == written(frame)[0]
    assert [1, 2] == written(frame["n"])


def test_data_frames_are_written_as_rows(tmp_path: Path) -> None:
    """An index that only counts is left out."""
    pandas = pytest.importorskip("pandas", reason="files of real frames need pandas")
    frame = pandas.DataFrame({"price": [1.5], "name": ["a"]})
    for name in ("a.csv", "a.json", "a.pickle"):
        results._write(frame, str(tmp_path / name))
    assert "price,name\n1.5,a\n" == (tmp_path / "a.csv").read_text(encoding="utf-8")
    found = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert [{"price": 1.5, "name": "a"}] == found
    results._write(frame.set_index("name"), str(tmp_path / "b.csv"))
    assert "name,price\na,1.5\n" == (tmp_path / "b.csv").read_text(encoding="utf-8")
    results._write({"frame": frame, "array": frame["price"].to_numpy()}, str(tmp_path / "c.json"))


class Foreign:
    """As a data frame of polars."""

    columns = ("a", "b")
    shape = (1, 2)

    def head(self, _count: int) -> Foreign:
        """Return the first rows."""
        return self

    def rows(self) -> List[Any]:
        """Return the rows."""
        return [(1, None)]

    def write_json(self, path: str) -> None:
        """Write them."""
        Path(path).write_text("json", encoding="utf-8")

    write_csv = write_parquet = write_json


def test_data_frames_of_polars_are_asked_in_their_own_words(tmp_path: Path) -> None:
    """To show and to write them."""
    assert ["1", "None"] == results.value_text(Foreign(), PLAIN).splitlines()[2].split()
    for name in ("a.json", "a.csv", "a.parquet"):
        results._write(Foreign(), str(tmp_path / name))
        assert "json" == (tmp_path / name).read_text(encoding="utf-8")
    with pytest.raises(TypeError, match="Parquet is for data frames, and int is none"):
        results._write(1, str(tmp_path / "b.parquet"))


class Color(enum.Enum):
    """A word."""

    RED = "red"


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: int


@dataclass
class Row:
    """A record."""

    x: int
    day: dt.date


class Model(BaseModel):
    """A record of pydantic."""

    price: Decimal = Decimal("1.50")


def test_json_has_what_people_return(tmp_path: Path) -> None:
    """Records, days, words of an enum, sets, paths; what else there is says what to write."""
    file = tmp_path / "a.json"
    value = [Row(1, dt.date(2026, 1, 2)), Color.RED, {2, 1}, Path("a") / "b", Model(), UUID(int=7)]
    results._write(value, str(file))
    found = json.loads(file.read_text(encoding="utf-8"))
    assert [{"x": 1, "day": "2026-01-02"}, "red", [1, 2], str(Path("a") / "b")] == found[:4]
    assert [{"price": "1.50"}, str(UUID(int=7))] == found[4:]
    with pytest.raises(TypeError, match=r"JSON has nothing for object; write a \.pickle"):
        results._write(object(), str(file))
    assert [file] == list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([Row(1, dt.date(2026, 1, 2))], [["x", "day"], ["1", "2026-01-02"]]),
        ([{"a": 1}, {"b": 2}], [["a", "b"], ["1", ""], ["", "2"]]),
        ([Point(1, 2)], [["x", "y"], ["1", "2"]]),
        (([1, 2], [3, 4]), [["1", "2"], ["3", "4"]]),
        (["a,b"], [["a,b"]]),
        ([], []),
    ],
)
def test_csv_has_rows_of_all_kinds(tmp_path: Path, value: Any, rows: List[List[str]]) -> None:
    """Records have a first row of names."""
    results._write(value, str(tmp_path / "a.csv"))
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert rows == list(csv.reader(file))


class Huge:
    """As large as it says, and never to be written out."""

    def __len__(self) -> int:
        return 10**6

    def __repr__(self) -> str:
        raise AssertionError("was written out")


def test_large_values_are_never_written_out_whole() -> None:
    """Lists are cut; of others the size is said."""
    assert "Huge of 1,000,000" == results.value_text(Huge(), PLAIN)
    text = results.value_text(dict.fromkeys(range(1000), "a" * 10000), PLAIN)
    assert len(text) < 20_000
    assert text.endswith("dict of 1,000")
    lines = results.value_text([["a" * 90] * 20] * 20, PLAIN).splitlines()
    assert ("…", 101) == (lines[-1], len(lines))
