"""Samples on their way into a network: divided by person, drawn by seed, disturbed whoever they show."""

import msgspec
import numpy as np
import pytest
import torch

from kinect_unlock.crop import NO_DEPTH
from kinect_unlock_lab.training.augmentation import augmented
from kinect_unlock_lab.training.faces import Batches, divide
from kinect_unlock_lab.training.recipes import Augmentation, Batch
from small_people import patch_people, small_recipe

CPU = torch.device("cpu")
NOTHING = Augmentation(**dict.fromkeys(Augmentation.__struct_fields__, 0.0))
SHIPPED = small_recipe("squeezenet-triplet").augmentation


def test_nobody_is_on_both_sides() -> None:
    faces = patch_people(10, 3)
    train, held_out = divide(faces, 0.3, seed=1)

    assert (train.people, held_out.people) == (7, 3)
    assert len(train.person) + len(held_out.person) == len(faces.person)
    sides = [{row.tobytes() for row in side.depth} for side in (train, held_out)]
    assert not sides[0] & sides[1]


def test_batch_has_so_many_samples_of_so_many_people() -> None:
    faces = patch_people(9, 4)
    batches = Batches(faces.person, Batch(people=5, samples_each=3), seed=1)

    for step in range(6):
        person, count = np.unique(faces.person[batches.rows(step)], return_counts=True)
        assert len(person) == 5
        assert (count == 3).all()


def test_batches_follow_from_seed_and_step_in_any_order() -> None:
    faces = patch_people(9, 4)
    batch = Batch(people=5, samples_each=3)
    forwards, backwards, others = (Batches(faces.person, batch, seed=seed) for seed in (1, 1, 2))
    rows = [forwards.rows(step).tolist() for step in range(6)]

    assert rows == [backwards.rows(step).tolist() for step in reversed(range(6))][::-1]
    assert rows != [others.rows(step).tolist() for step in range(6)]
    assert rows[0] != rows[5]


def test_network_input_is_what_the_pipeline_makes() -> None:
    faces = patch_people(2, 2)
    rgbd = faces.of(np.array([0, 3]), CPU)

    assert rgbd.shape == (2, 4, 112, 112)
    assert torch.equal(rgbd[1, 0], torch.from_numpy(faces.color[3, :, :, 0]).float())
    depth = rgbd[:, 3]
    assert bool(((depth == NO_DEPTH) | (depth.abs() <= 1)).all())
    assert bool((depth == NO_DEPTH).any())


def test_zero_augmentation_changes_nothing() -> None:
    rgbd = patch_people(2, 2).of(np.arange(4), CPU)

    assert torch.allclose(augmented(rgbd, NOTHING, seed=1), rgbd, atol=1e-3)


@pytest.mark.parametrize("name", Augmentation.__struct_fields__)
def test_each_disturbance_disturbs_and_keeps_the_range(name: str) -> None:
    rgbd = patch_people(2, 2).of(np.arange(4), CPU)
    strong = max(getattr(SHIPPED, name), 1.0) if name in {"coarse", "holes", "black_shadow"} else getattr(SHIPPED, name)
    disturbed = augmented(rgbd, msgspec.structs.replace(NOTHING, **{name: strong}), seed=1)

    depth = disturbed[:, 3]
    assert not torch.allclose(disturbed, rgbd, atol=1e-2)
    assert bool(((disturbed[:, :3] >= 0) & (disturbed[:, :3] <= 255)).all())
    assert bool(((depth == NO_DEPTH) | (depth.abs() <= 1)).all())


def test_a_sample_is_disturbed_alike_whoever_else_is_in_the_batch() -> None:
    faces = patch_people(4, 2)
    genuine, impostor = (faces.of(np.array(rows), CPU) for rows in ([0, 1], [0, 7]))

    first, second = (augmented(rgbd, SHIPPED, seed=3) for rgbd in (genuine, impostor))

    assert torch.equal(first[0], second[0])


def test_colour_and_depth_of_every_pair_are_misaligned_by_one_distribution() -> None:
    marks = torch.zeros(64, 4, 112, 112)
    marks[:, :3, 56, 56], marks[:, 3, 56, 56] = 255.0, 1.0
    only = msgspec.structs.replace(NOTHING, misalign_px=4.0)

    depth = augmented(marks, only, seed=1)[:, 3]
    places = torch.tensor([[int(at) for at in divmod(int(plane.argmax()), 112)] for plane in depth]) - 56

    first, second = places[:32].float(), places[32:].float()
    assert bool((places.abs() <= 4).all())
    assert bool(((first.mean(0) - second.mean(0)).abs() < 2).all())
    assert bool((places.float().std(0) > 1).all())
