"""Share work between processes, here or on a cluster. Results come in order, so the bytes depend on nothing of it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from tool.errors import FtcError

Item = TypeVar("Item")
Result = TypeVar("Result")
BACKENDS = ("fork", "loky", "dask", "ray")
LOCAL = ("fork", "loky")
EXTRA = "pip install 'open-finetune-config[scale]'"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shares_memory(jobs: int, backend: str) -> bool:
    """Whether the work sees what this process has loaded; else it is sent to processes that start from nothing."""
    return backend in LOCAL and (jobs == 1 or (backend == "fork" and sys.platform == "linux"))


def spread(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, backend: str = "fork"
) -> Iterator[Result]:
    """`function` of every item, in order. `jobs` processes of this machine, or a cluster that the environment names.

    "fork" starts in milliseconds, since its processes share what this one has loaded; where there is no fork (Windows)
    or where it is not safe (macOS), and with "loky", they start from nothing. DASK_SCHEDULER_ADDRESS and RAY_ADDRESS
    name running clusters; without them a local one is started and stopped.
    Raises FtcError where the package of a backend is not installed.
    """
    if backend in LOCAL and min(jobs, len(items)) < 2:
        yield from map(function, items)
        return
    if backend == "fork":
        if sys.platform == "linux":
            yield from _forked(function, items, min(jobs, len(items)))
            return
        backend = "loky"
    from joblib import Parallel, delayed, parallel_config

    with _cluster(backend, jobs), parallel_config(backend=backend, n_jobs=jobs):
        streams = backend == "loky"  # the others hand back everything at the end
        work = Parallel(return_as="generator" if streams else "list")
        yield from work(delayed(function)(item) for item in items)


_inherited: tuple[Callable[[Any], Any], Sequence[Any]]
"""What forked processes work on: they find it in the memory that they share, so that nothing is sent to them."""


def _forked(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    global _inherited
    _inherited = (function, items)
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        try:
            yield from pool.map(_nth, range(len(items)))
        except BrokenProcessPool:
            raise FtcError("a process ended before its work was done (out of memory?): try fewer --jobs") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _nth(place: int) -> Any:
    function, items = _inherited
    return function(items[place])


def _cluster(backend: str, jobs: int) -> AbstractContextManager[None]:
    return {"dask": _dask, "ray": _ray}.get(backend, _nothing)(jobs)


@contextmanager
def _nothing(jobs: int) -> Iterator[None]:
    yield


@contextmanager
def _dask(jobs: int) -> Iterator[None]:
    distributed, dask = _package("distributed", "dask"), _package("dask", "dask")
    named = dask.config.get("scheduler-address", None)
    local = {"n_workers": jobs, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(named) if named else distributed.Client(**local):
        yield


@contextmanager
def _ray(jobs: int) -> Iterator[None]:
    ray = _package("ray", "ray")
    importlib.import_module("ray.util.joblib").register_ray()
    local = {"num_cpus": jobs, "include_dashboard": False}
    try:
        ray.init(log_to_driver=False, **({} if os.environ.get("RAY_ADDRESS") else local))
    except Exception as error:  # ray raises plain exceptions when a node does not come up
        raise FtcError(f"ray did not start: {str(error).splitlines()[0] if str(error) else error!r}") from None
    try:
        yield
    finally:
        ray.shutdown()


def _package(name: str, backend: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FtcError(f"--backend {backend} needs {name}: {EXTRA}") from None
