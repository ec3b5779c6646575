"""Load nine pages from a web server that often fails into a SQLite database, and check what came.

The server and the database are resources: generator functions, closed when nobody needs them any
more. The server answers every page with an error first; stages try again. Where the database does
not hold what was expected, the run fails, and with --rollback the rows are taken out again.

python -m stagekit run examples.warehouse
python -m stagekit run examples.warehouse --rollback -- out/penguins.db --expect 345
"""

from __future__ import annotations

import argparse
import csv
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import ClassVar, Dict, Iterator, List, NewType, Set
from urllib.error import HTTPError
from urllib.request import urlopen

from typing_extensions import Annotated

from stagekit import Arguments, Each, Retry, run, stage

ISLANDS, YEARS = ("Biscoe", "Dream", "Torgersen"), ("2007", "2008", "2009")

Address = NewType("Address", str)
Path_ = NewType("Path_", str)
Page = NewType("Page", List[Dict[str, str]])
Loaded = NewType("Loaded", int)  # rows
Report = NewType("Report", str)


@dataclass(frozen=True)
class Wanted:
    """What the arguments say: the file of the database, and how many rows it is to hold."""

    file: str
    rows: int


class Flaky(BaseHTTPRequestHandler):
    """Serves the penguins of an island and year as JSON; to every first request, an error."""

    asked: ClassVar[Set[str]]
    lock = Lock()

    def do_GET(self) -> None:
        """Answer one request."""
        with self.lock:
            is_first = self.path not in self.asked
            self.asked.add(self.path)
        self.send_response(503 if is_first else 200)
        self.end_headers()
        if not is_first:
            self.wfile.write(json.dumps(self.rows()).encode())

    def rows(self) -> List[Dict[str, str]]:
        """Return the rows that the path asks for."""
        _, island, year = self.path.split("/")
        table = Path(__file__).parent / "data" / "penguins.csv"
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if (row["island"], row["year"]) == (island, year)]

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@stage
def wanted(arguments: Arguments) -> Wanted:
    """Read the arguments."""
    parser = argparse.ArgumentParser("warehouse")
    parser.add_argument("file", nargs="?", default=":memory:")
    parser.add_argument("--expect", type=int, default=344, metavar="ROWS")
    said = parser.parse_args(list(arguments))
    if said.file != ":memory:":
        Path(said.file).parent.mkdir(parents=True, exist_ok=True)
    return Wanted(said.file, said.expect)


@stage
def serve() -> Iterator[Address]:
    """Start the server on a free port; stop it once all pages are there."""
    handler = type("Forgetful", (Flaky,), {"asked": set()})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield Address(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@stage
def database(wanted: Wanted) -> Iterator[sqlite3.Connection]:
    """Open the database; close it when the last stage that uses it has ended, however it ended."""
    with closing(sqlite3.connect(wanted.file, check_same_thread=False)) as connection:
        connection.execute("create table if not exists penguins (species, island, mass)")
        yield connection


@stage
def pages() -> List[Path_]:
    """List the pages."""
    return [Path_(f"/{island}/{year}") for island in ISLANDS for year in YEARS]


@stage(retries=Retry(4, on=OSError, wait=0.02))
def fetch(address: Address, path: Annotated[Path_, Each()]) -> Page:
    """Get one page; an answer that says 503 is an error, and so another attempt is made."""
    try:
        with urlopen(address + path, timeout=5) as answer:  # noqa: S310 - our own server
            return Page(json.load(answer))
    except HTTPError as error:
        with error:  # it holds the connection
            raise ConnectionError(f"{path}: {error}") from None


def unload(connection: sqlite3.Connection, loaded: Loaded) -> None:
    """Take out the rows that came in last."""
    newest = "select rowid from penguins order by rowid desc limit ?"
    with connection:
        connection.execute(f"delete from penguins where rowid in ({newest})", (loaded,))  # noqa: S608


@stage(undo=unload)
def load(connection: sqlite3.Connection, pages: List[Page]) -> Loaded:
    """Insert all rows in one transaction; what has been inserted can be undone."""
    rows = [(row["species"], row["island"], row["body_mass_g"]) for page in pages for row in page]
    with connection:
        connection.executemany("insert into penguins values (?, ?, nullif(?, 'NA'))", rows)
    return Loaded(len(rows))


@stage(depends_on=load)
def check(connection: sqlite3.Connection, wanted: Wanted) -> None:
    """Count the rows."""
    ((count,),) = connection.execute("select count(*) from penguins")
    if count != wanted.rows:
        raise ValueError(f"{count} rows are in the database, where {wanted.rows} are expected")


@stage(depends_on=check)
def report(connection: sqlite3.Connection) -> Report:
    """Have the database say what it holds."""
    query = "select species, count(*), avg(mass) from penguins group by species order by species"
    lines = [f"{name:10}{count:5}{mass:8.0f} g" for name, count, mass in connection.execute(query)]
    return Report("\n".join(lines))


@stage
def show(report: Report) -> None:
    """Print the report."""
    print(report)


if __name__ == "__main__":
    run(show)
