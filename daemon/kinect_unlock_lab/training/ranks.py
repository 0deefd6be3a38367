"""One process or many: where torch's own launcher put this one, and how it talks to the others."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from torch import distributed

# CUDA sums in a fixed order only if told so before its first use.
_CUBLAS: Final = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among ``world`` processes that train one network; ``device`` is where its tensors live."""

    rank: int
    world: int
    device: torch.device

    @property
    def many(self) -> bool:
        """True if there are others."""
        return self.world > 1

    @property
    def first(self) -> bool:
        """True in the one process that writes files and talks."""
        return self.rank == 0

    def meet(self) -> None:
        """Wait until every process is here."""
        if self.many:
            distributed.barrier()


ALONE: Final = Ranks(0, 1, torch.device("cpu"))


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, or be alone; leave them in the end.

    Takes a GPU each where there are any: NCCL between them, gloo between processors.
    """
    os.environ.setdefault(*_CUBLAS)
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Ranks(0, 1, device)
        return
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Ranks(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        distributed.destroy_process_group()
