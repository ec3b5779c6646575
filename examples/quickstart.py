"""Palmer penguins: read, clean, average and fit in parallel, report as a table and a chart.

python -m stagekit run examples.quickstart              writes into out/
python -m stagekit run examples.quickstart -- report    writes into report/
"""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import mean
from typing import Dict, List, NamedTuple, NewType, Tuple

from stagekit import Arguments, run, stage

COLOURS = {"Adelie": "#d55e00", "Chinstrap": "#8e44ad", "Gentoo": "#00796b", "all": "#444"}
Sizes = List[Tuple[float, float]]  # flipper length in mm and body mass in g of each penguin


class Line(NamedTuple):
    """A straight line, and the share of the variance that it explains."""

    slope: float
    intercept: float
    r2: float


# What stages hand over. A stage that asks for `Penguins` runs after the one that returns them.
Rows = NewType("Rows", List[Dict[str, str]])
Penguins = NewType("Penguins", Dict[str, Sizes])
Averages = NewType("Averages", Dict[str, Tuple[float, float]])
Lines = NewType("Lines", Dict[str, Line])
Table = NewType("Table", str)
Chart = NewType("Chart", str)


@stage
def read() -> Rows:
    """Read the table that lies beside this file."""
    with (Path(__file__).parent / "data" / "penguins.csv").open(newline="") as file:
        return Rows(list(csv.DictReader(file)))


@stage
def clean(rows: Rows) -> Penguins:
    """Keep the penguins that were measured, by species and all together."""
    groups: Dict[str, Sizes] = {name: [] for name in COLOURS}
    for row in rows:
        if row["body_mass_g"] != "NA":
            size = float(row["flipper_length_mm"]), float(row["body_mass_g"])
            groups[row["species"]].append(size)
            groups["all"].append(size)
    return Penguins(groups)


@stage  # `average` and `fit` do not need each other, so they run side by side
def average(penguins: Penguins) -> Averages:
    """Average length and mass."""
    lengths_and_masses = {name: zip(*sizes) for name, sizes in penguins.items()}
    return Averages({name: (mean(a), mean(b)) for name, (a, b) in lengths_and_masses.items()})


@stage
def fit(penguins: Penguins) -> Lines:
    """Fit mass to length by least squares."""
    return Lines({name: least_squares(sizes) for name, sizes in penguins.items()})


def least_squares(points: Sizes) -> Line:
    """Return the line with the least sum of squared errors."""
    x_mean, y_mean = mean(x for x, _ in points), mean(y for _, y in points)
    sxx = sum((x - x_mean) ** 2 for x, _ in points)
    syy = sum((y - y_mean) ** 2 for _, y in points)
    sxy = sum((x - x_mean) * (y - y_mean) for x, y in points)
    return Line(sxy / sxx, y_mean - sxy / sxx * x_mean, sxy * sxy / (sxx * syy))


@stage
def tabulate(rows: Rows, penguins: Penguins, averages: Averages, lines: Lines) -> Table:
    """Set the numbers in a table."""
    text = "species    penguins    flipper   body mass       slope    r2\n"
    for name, (length, mass) in averages.items():
        count, line = len(penguins[name]), lines[name]
        text += f"{name:9} {count:9} {length:7.1f} mm {mass:9.0f} g "
        text += f"{line.slope:6.2f} g/mm {line.r2:5.2f}\n"
    return Table(f"{text}\n{len(rows) - len(penguins['all'])} of {len(rows)} were not measured\n")


@stage
def draw(penguins: Penguins, lines: Lines) -> Chart:
    """Draw a dot for each penguin and a line for each fit."""

    def at(length: float, mass: float) -> Tuple[float, float]:
        return round(60 + (length - 170) * 9, 1), round(400 - (mass - 2500) * 0.09, 1)

    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 440" font-family="sans-serif">'
    svg += '<rect width="660" height="440" fill="white"/>\n'
    svg += '<text x="60" y="24">Body mass (g) by flipper length (mm)</text>\n'
    for mass in range(2500, 6501, 1000):
        x, y = at(170, mass)
        svg += f'<text x="{x - 8}" y="{y + 4}" font-size="12" text-anchor="end">{mass}</text>'
        svg += f'<path d="M{x} {y}H640" stroke="#ddd"/>\n'
    for length in range(170, 231, 10):
        x, y = at(length, 2500)
        svg += f'<text x="{x}" y="{y + 20}" font-size="12" text-anchor="middle">{length}</text>\n'
    for row, (name, line) in enumerate(lines.items()):
        colour, lengths = COLOURS[name], [length for length, _ in penguins[name]]
        if name != "all":
            for x, y in (at(*size) for size in penguins[name]):
                svg += f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}" opacity="0.4"/>\n'
        ends = [at(end, line.intercept + line.slope * end) for end in (min(lengths), max(lengths))]
        (x, y), (x2, y2) = ends
        svg += f'<path d="M{x} {y}L{x2} {y2}" stroke="{colour}" stroke-width="3"/>'
        svg += f'<text x="80" y="{62 + 20 * row}" fill="{colour}">'
        svg += f"{name}: {line.slope:.1f} g per mm</text>\n"
    return Chart(f"{svg}</svg>\n")


@stage
def write(table: Table, chart: Chart, arguments: Arguments) -> None:
    """Write both into the folder named after ``--``, by default out/, and show the table."""
    folder = Path(arguments[0] if arguments else "out")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "penguins.txt").write_text(table)
    (folder / "penguins.svg").write_text(chart)
    print(f"{table}\nsee {folder / 'penguins.svg'}")


if __name__ == "__main__":
    run()
