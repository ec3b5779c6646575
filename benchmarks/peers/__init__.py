"""The peers: one module each, used only where the peer is installed.

Each is driven in the fastest way that its documentation gives for a graph made by a program, on
the very functions that everything else runs.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from benchmarks.adapter import Adapter

__all__ = ["PEERS", "Peer", "installed", "peer_adapters"]


@dataclass(frozen=True)
class Peer:
    """A library to compare with: its distribution, the module it is imported as, our adapter."""

    distribution: str
    imports: str
    module: str


PEERS: Tuple[Peer, ...] = (
    Peer("dask", "dask", "benchmarks.peers.dask"),
    Peer("sf-hamilton", "hamilton.driver", "benchmarks.peers.hamilton"),
    Peer("taskflow-tr", "task_flow", "benchmarks.peers.taskflow"),
    Peer("pyflowx", "pyflowx", "benchmarks.peers.pyflowx"),
    Peer("async-dag", "async_dag", "benchmarks.peers.async_dag"),
)


def installed() -> Tuple[Peer, ...]:
    """Return the peers that can be imported here."""
    return tuple(peer for peer in PEERS if _has_package(peer.imports.partition(".")[0]))


def _has_package(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def peer_adapters(
    kind: str, *, workers: int = 16, peers: Optional[Sequence[Peer]] = None
) -> Tuple[Adapter, ...]:
    """Return the adapters of the installed peers: `"sync"`, `"threads"` or `"async"`."""
    found: List[Adapter] = []
    for peer in installed() if peers is None else peers:
        adapters: Dict[str, Adapter] = importlib.import_module(peer.module).adapters(workers)
        if kind in adapters:
            found.append(adapters[kind])
    return tuple(found)
