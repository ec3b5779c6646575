"""The names of executors: what ``executor=`` takes, of a run and of a stage, besides a pool."""

from __future__ import annotations

# In this process. auto: inline where nothing could overlap, else threads.
HERE = ("auto", "inline", "threads")
# In others, by a pool made for the run: a `ProcessPool`, or an `executors.dask.DaskPool`.
BEYOND = ("processes", "dask")
NAMES = (*HERE, *BEYOND)
