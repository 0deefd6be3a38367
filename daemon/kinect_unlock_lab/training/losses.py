"""What a network is trained to: the articles' losses, all of pytorch-metric-learning, with its miners.

In several processes the losses see the embeddings of all of them, by that library's distributed wrappers; so two
processes of half a batch each take the step that one process takes with the whole batch.
"""

from typing import assert_never

import torch
from pytorch_metric_learning import distances, losses, miners
from pytorch_metric_learning.utils.distributed import DistributedLossWrapper, DistributedMinerWrapper
from torch import Tensor, nn

from kinect_unlock_lab.training import recipes
from kinect_unlock_lab.training.ranks import Ranks


class SquaredContrastive(losses.ContrastiveLoss):  # type: ignore[misc] # the library has no types
    """The contrastive loss as it was published (Hadsell, Chopra, LeCun 2006): squared, which the library's is not."""

    def pos_calc(self, pos_pair_dist: Tensor, margin: float) -> Tensor:
        """Return the loss of pairs of one person, f32[P]."""
        loss: Tensor = super().pos_calc(pos_pair_dist, margin)
        return loss.square()

    def neg_calc(self, neg_pair_dist: Tensor, margin: float) -> Tensor:
        """Return the loss of pairs of two people, f32[P]."""
        loss: Tensor = super().neg_calc(neg_pair_dist, margin)
        return loss.square()


class Objective(nn.Module):
    """A loss with its miner; `parameters` are the centres of people, where the loss has such."""

    def __init__(self, loss: nn.Module, miner: nn.Module | None, ranks: Ranks) -> None:
        super().__init__()
        self.loss = loss  # bare: its parameters keep their names however many processes there are
        self.miner = miner
        self._ranks = ranks
        # Kept out of the module tree, where the wrapped loss would stand a second time.
        self._calls = [DistributedLossWrapper(loss) if ranks.many else loss]
        self._mines = [DistributedMinerWrapper(miner) if ranks.many and miner is not None else miner]

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of unit vectors f32[B,D] of the people i64[B], over all processes' batches."""
        mine = self._mines[0]
        chosen = mine(embeddings, labels) if mine is not None else None
        loss: Tensor = self._calls[0](embeddings, labels, chosen)
        return loss

    def share_gradients(self) -> None:
        """Bring the gradients of the centres to what one process would have; the network's own are DDP's affair.

        The wrapper multiplies the loss by the number of processes, to undo DDP's mean; and each process adds up the
        same embeddings in another order, so that centres would drift apart by rounding if each kept its own gradient.
        """
        if not self._ranks.many:
            return
        for centre in self.parameters():
            if centre.grad is not None:
                torch.distributed.all_reduce(centre.grad)
                centre.grad /= self._ranks.world**2


def objective_of(recipe: recipes.Loss, *, people: int, dim: int, ranks: Ranks) -> Objective:
    """Return the objective of a recipe for so many people and embeddings of ``dim`` numbers."""
    match recipe:
        case recipes.Contrastive():
            euclidean = distances.LpDistance(normalize_embeddings=True, p=2)
            return Objective(SquaredContrastive(neg_margin=recipe.margin, distance=euclidean), None, ranks)
        case recipes.Triplet():
            squared = distances.LpDistance(normalize_embeddings=True, p=2, power=2)
            miner = miners.TripletMarginMiner(margin=recipe.margin, distance=squared, type_of_triplets="semihard")
            return Objective(losses.TripletMarginLoss(margin=recipe.margin, distance=squared), miner, ranks)
        case recipes.CosFace():
            return Objective(losses.CosFaceLoss(people, dim, margin=recipe.margin, scale=recipe.scale), None, ranks)
        case recipes.ArcFace():
            angular = losses.ArcFaceLoss(people, dim, margin=recipe.margin_deg, scale=recipe.scale)
            return Objective(angular, None, ranks)
        case _:
            assert_never(recipe)
