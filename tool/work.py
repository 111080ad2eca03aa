"""Share work between processes, here or on a cluster. Results come in order, so the bytes depend on nothing of it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from tool.errors import FtcError

Item = TypeVar("Item")
Result = TypeVar("Result")
BACKENDS = ("loky", "dask", "ray")
EXTRA = "pip install 'open-finetune-config[scale]'"


def spread(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, backend: str = "loky"
) -> Iterator[Result]:
    """`function` of every item, in order. `jobs` processes of this machine, or a cluster that the environment names.

    DASK_SCHEDULER_ADDRESS and RAY_ADDRESS name running clusters; without them a local one is started and stopped.
    Raises FtcError where the package of a backend is not installed.
    """
    if jobs == 1 and backend == "loky":
        yield from map(function, items)
        return
    from joblib import Parallel, delayed, parallel_config

    with _cluster(backend, jobs), parallel_config(backend=backend, n_jobs=jobs):
        streams = backend == "loky"  # the others hand back everything at the end
        work = Parallel(return_as="generator" if streams else "list")
        yield from work(delayed(function)(item) for item in items)


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
    import os

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
