"""One function over many items: by this machine's processors, or by a Dask cluster, through joblib either way.

    from kinect_unlock_lab.mapping import Workers, mapped

    for result in mapped(function, items, Workers(jobs=2), on_done=bar):
        ...

``function`` is a function of a module (or a `functools.partial` of one) of one picklable item, and must depend on
nothing else: what is random in it is seeded by the item. So results do not depend on who computed them, nor on how many
did. ``items`` may be a generator: only a few items for each worker are drawn ahead, and results are handed out in the
items' order as they come, so that neither all items nor all results need fit into memory.

A cluster's workers need this package and the same files under the same paths.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from kinect_unlock_lab.errors import ClusterError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD: Final = "2*n_jobs"
_ANSWER_S: Final = 10


@dataclass(frozen=True, slots=True)
class Workers:
    """Who computes: ``jobs`` processes of this machine, or the cluster whose scheduler is at ``dask``.

    ``dask`` is an address such as ``tcp://host:8786``; all workers of the cluster are used then.
    """

    jobs: int = 1
    dask: str | None = None


HERE: Final = Workers()


def mapped(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: Workers = HERE,
    *,
    on_done: Callable[[int], object] = lambda _: None,
) -> Generator[Result, None, None]:
    """Yield ``function(item)`` for every item, in order; ``on_done`` is told how many are finished.

    Raises:
        ClusterError: nobody answers at the cluster's address.
    """
    import joblib  # noqa: PLC0415 - belongs to an extra

    with ExitStack() as stack:
        jobs = _enter(stack, workers, joblib)
        parallel = joblib.Parallel(n_jobs=jobs, pre_dispatch=_AHEAD, batch_size=1, return_as="generator")
        results = parallel(joblib.delayed(function)(item) for item in items)
        stack.callback(results.close)
        for number, result in enumerate(results, start=1):
            on_done(number)
            yield result


def _enter(stack: ExitStack, workers: Workers, joblib: Any) -> int:  # noqa: ANN401 - a module
    """Choose the back-end, and return how many jobs to ask it for."""
    if workers.dask is not None:
        stack.enter_context(_cluster(workers.dask))
        stack.enter_context(joblib.parallel_config(backend="dask"))
        return -1
    if workers.jobs > 1:
        # A process is one job: threads of its own would fight the other processes for the processors.
        stack.enter_context(joblib.parallel_config(backend="loky", inner_max_num_threads=1))
    return workers.jobs


def _cluster(address: str) -> AbstractContextManager[object]:
    from distributed import Client  # noqa: PLC0415 - belongs to an extra

    try:
        client: AbstractContextManager[object] = Client(address, timeout=_ANSWER_S)  # type: ignore[no-untyped-call] # no types
    except (OSError, ValueError) as fault:
        raise ClusterError(address, fault) from fault
    return client
