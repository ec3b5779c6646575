"""Fetch nine pages at the same time from a web server on this machine, then count what they say.

Plain stages start the server, parse and stop it; the `async def` stages between wait side by side.

python -m stagekit run examples.async_fetch
"""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import Dict, List, NewType

from typing_extensions import Annotated

from stagekit import Collect, run, stage

ISLANDS, YEARS = ("Biscoe", "Dream", "Torgersen"), ("2007", "2008", "2009")
Counts = NewType("Counts", Dict[str, Dict[str, int]])  # penguins by page and species


class Handler(BaseHTTPRequestHandler):
    """Serves the penguins seen on an island in a year, after a fifth of a second."""

    def do_GET(self) -> None:
        """Answer one request."""
        table = Path(__file__).parent / "data" / "penguins.csv"
        lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
        _, island, year = self.path.split("/")
        found = [line for line in lines if f",{island}," in line and line.rstrip().endswith(year)]
        sleep(0.2)
        self.send_response(200)
        self.end_headers()
        self.wfile.write("".join([lines[0], *found]).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """A server that lets all our requests queue at once; by default it is five."""

    request_queue_size = 9


@dataclass(frozen=True)
class Page:
    """What came back, and when it was asked for and complete."""

    path: str
    text: str
    asked: float
    complete: float


@stage
def serve() -> Server:
    """Start the server on a free port, in a thread that ends with the program."""
    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


async def fetch(path: str, server: Server) -> Page:
    """Get one page."""
    asked = perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server_port)
    writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b" 200 " not in head:
        raise ConnectionError(f"{path}: {head.decode()}")
    return Page(path, body.decode(), asked, perf_counter())


for _path in [f"/{island}/{year}" for island in ISLANDS for year in YEARS]:
    stage(id="fetch" + _path.replace("/", "."))(partial(fetch, _path))


@stage
def count(pages: Annotated[List[Page], Collect()]) -> Counts:
    """Count the species on each page."""
    rows = {page.path: csv.DictReader(page.text.splitlines()) for page in pages}
    return Counts({path: Counter(row["species"] for row in table) for path, table in rows.items()})


@stage
def show(counts: Counts, pages: Annotated[List[Page], Collect()]) -> None:
    """Print the counts, and what waiting side by side has saved."""
    for path, species in counts.items():
        print(f"{path:16}", *(f"{number:4} {name}" for name, number in sorted(species.items())))
    waits = [page.complete - page.asked for page in pages]
    wall = max(page.complete for page in pages) - min(page.asked for page in pages)
    print(f"\n{len(pages)} pages in {wall:.2f} s; one after another they take {sum(waits):.2f} s")


@stage(depends_on=count)
def stop(server: Server) -> None:
    """Stop the server."""
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    run()
