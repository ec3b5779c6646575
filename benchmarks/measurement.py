"""One measured number, and the record of a whole run that is written to and read from JSON."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from benchmarks.timing import Sample

__all__ = [
    "Measurement",
    "Record",
    "describe_machine",
    "installed_versions",
    "read_record",
    "write_record",
]

SCHEMA = 1


@dataclass(frozen=True)
class Measurement:
    """What was measured of a subject in a case of a group; `ratio` is to the case's baseline."""

    group: str
    case: str
    subject: str
    value: Optional[float]
    unit: str
    ratio: Optional[float] = None
    error: Optional[str] = None
    rounds: int = 0
    spread: Optional[float] = None

    @property
    def key(self) -> Tuple[str, str, str]:
        """What tells this measurement from the others of a run."""
        return (self.group, self.case, self.subject)

    @staticmethod
    def of(key: Tuple[str, str, str], sample: Sample, **how: Any) -> Measurement:
        """Make a measurement of a sample.

        `scale` turns seconds into the unit, `base` is the baseline's sample, and `statistic`
        says which of the rounds counts, for both. (Any: forwarded to `_of_sample`.)
        """
        return _of_sample(key, sample, **how)


def _of_sample(
    key: Tuple[str, str, str],
    sample: Sample,
    *,
    unit: str,
    scale: float,
    base: Optional[Sample] = None,
    statistic: str = "best",
) -> Measurement:
    if sample.error is not None:
        return Measurement(*key, value=None, unit=unit, error=sample.error)
    seconds = _pick(sample, statistic)
    ratio = seconds / _pick(base, statistic) if base is not None and base.seconds else None
    return Measurement(
        *key,
        value=seconds * scale,
        unit=unit,
        ratio=ratio,
        rounds=len(sample.seconds),
        spread=sample.median / sample.best,
    )


def _pick(sample: Sample, statistic: str) -> float:
    return sample.best if statistic == "best" else sample.median


@dataclass(frozen=True)
class Record:
    """All measurements of a run, and what they were made on."""

    measurements: Tuple[Measurement, ...]
    machine: Mapping[str, object]
    versions: Mapping[str, str]

    def find(self, group: str, case: str, subject: str) -> Optional[Measurement]:
        """Return the measurement with this key, if the run made it."""
        key = (group, case, subject)
        return next((one for one in self.measurements if one.key == key), None)

    def first(self, group: str, case: str, subject: str) -> Optional[Measurement]:
        """Return the first measurement of a subject whose case begins so, if `case` ends in `*`."""
        if not case.endswith("*"):
            return self.find(group, case, subject)
        found = (one for one in self.measurements if (one.group, one.subject) == (group, subject))
        return next((one for one in found if one.case.startswith(case[:-1])), None)


def describe_machine(options: Mapping[str, object]) -> Dict[str, object]:
    """Say what the numbers were measured on and how."""
    return {
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "date": dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds"),
        "options": dict(options),
    }


def installed_versions() -> Dict[str, str]:
    """Return the versions of Python, stagekit and the peers that are installed."""
    from importlib.metadata import PackageNotFoundError, version

    from benchmarks.peers import PEERS

    found: Dict[str, str] = {"python": platform.python_version()}
    for name in ("stagekit", *(peer.distribution for peer in PEERS)):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_record(record: Record, path: Path) -> None:
    """Write a run as JSON."""
    document = {
        "schema": SCHEMA,
        "machine": dict(record.machine),
        "versions": dict(record.versions),
        "measurements": [asdict(one) for one in record.measurements],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_record(path: Path) -> Record:
    """Read a run back; a file that is not one is a `ValueError` that says so."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"{path} has schema {document['schema']!r}, not {SCHEMA}")
        measurements = tuple(Measurement(**one) for one in document["measurements"])
        return Record(measurements, document["machine"], document["versions"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not a file written by --json: {error}") from error
