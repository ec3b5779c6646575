"""The body mass of penguins, by species and by island: pandas, where every stage returns a frame.

Each parameter has the name of the stage that it takes. The file without `@stage` is a plain script.

Needs pandas: python -m pip install '.[examples]'

python -m stagekit run examples.frames
"""

# pyright: basic, reportArgumentType=false, reportMissingImports=false, reportReturnType=false
# (pandas comes without types, and may be absent where types are checked)
from __future__ import annotations

from pathlib import Path

import pandas as pd

from stagekit import stage

DATA = Path(__file__).parent / "data" / "penguins.csv"


@stage
def raw() -> pd.DataFrame:
    """Read the measurements."""
    return pd.read_csv(DATA)


@stage
def measured(raw: pd.DataFrame) -> pd.DataFrame:
    """Leave out who was not measured."""
    return raw.dropna(subset=["body_mass_g", "flipper_length_mm"])


@stage
def by_species(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the mean mass and flipper of each species."""
    return measured.groupby("species")[["body_mass_g", "flipper_length_mm"]].mean()


@stage
def by_island(measured: pd.DataFrame) -> pd.DataFrame:
    """Return how many of each species were measured on each island."""
    return measured.pivot_table("year", "island", "species", aggfunc="count", fill_value=0)


@stage
def heaviest(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the heaviest penguin of each species."""
    return measured.loc[measured.groupby("species")["body_mass_g"].idxmax()]


@stage
def compared(by_species: pd.DataFrame, heaviest: pd.DataFrame) -> pd.DataFrame:
    """Return how much heavier than the mean of its species the heaviest is."""
    top = heaviest.set_index("species")["body_mass_g"]
    return by_species.assign(heaviest_g=top, above_g=top - by_species["body_mass_g"])


@stage
def report(compared: pd.DataFrame, by_island: pd.DataFrame) -> str:
    """Write both tables."""
    return f"{compared.round(1).to_string()}\n\n{by_island.astype(int).to_string()}"


@stage
def show(report: str) -> None:
    """Print the report."""
    print(report)
