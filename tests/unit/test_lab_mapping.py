"""The same results in the same order, by one process, by two, and by a cluster of two."""

import os
from collections.abc import Iterator

import pytest

from kinect_unlock_lab.mapping import Workers, mapped
from mapped_work import drawn, process_id

ITEMS = tuple(range(9))


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as two:
        yield two.scheduler_address


def test_results_come_in_the_order_of_the_items() -> None:
    counted: list[int] = []
    assert [seed for seed, _ in mapped(drawn, ITEMS, on_done=counted.append)] == list(ITEMS)
    assert counted == [number + 1 for number in ITEMS]


def test_items_are_drawn_as_they_are_needed() -> None:
    taken: list[int] = []

    def many() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = mapped(drawn, many())
    next(results)
    assert len(taken) < 10
    results.close()


def test_two_processes_give_what_one_gives() -> None:
    assert list(mapped(drawn, ITEMS, Workers(jobs=2))) == list(mapped(drawn, ITEMS))
    assert os.getpid() not in set(mapped(process_id, ITEMS, Workers(jobs=2)))


@pytest.mark.slow
def test_a_cluster_of_two_workers_gives_what_one_process_gives(cluster: str) -> None:
    assert list(mapped(drawn, ITEMS, Workers(dask=cluster))) == list(mapped(drawn, ITEMS))
    assert os.getpid() not in set(mapped(process_id, ITEMS, Workers(dask=cluster)))
