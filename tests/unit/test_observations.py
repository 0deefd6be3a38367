"""What is seen in a frame: what could not be measured never holds, and an embedding belongs to a face."""

import numpy as np
import pytest

from kinect_unlock.observations import Cue, Embedding, Modality, Observation, Seen


def embedding() -> Embedding:
    return Embedding(np.eye(1, 128, dtype=np.float32)[0], "m1")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), 0.9, 2.1])
def test_a_cue_outside_its_bounds_or_unmeasured_does_not_hold(value: float | None) -> None:
    assert not Cue("relief", "mm", value, 1.0, 2.0).holds


@pytest.mark.parametrize("low", [None, 1.0])
@pytest.mark.parametrize("high", [None, 1.0])
def test_a_cue_on_its_bounds_holds(low: float | None, high: float | None) -> None:
    assert Cue("relief", "mm", 1.0, low, high).holds


@pytest.mark.parametrize("number", [np.nan, np.inf, 0.5, 3e38])
def test_an_embedding_is_finite_and_of_length_one(number: float) -> None:
    vector = np.zeros(128, np.float32)
    vector[0] = number

    with pytest.raises(ValueError, match="embedding must"):
        Embedding(vector, "m1")


def test_an_embedding_says_none_of_its_numbers() -> None:
    assert repr(embedding()) == "Embedding(m1)"


@pytest.mark.parametrize("seen", sorted(set(Seen) - {Seen.FACE}))
def test_only_a_face_has_an_embedding(seen: Seen) -> None:
    with pytest.raises(ValueError, match="embedding do not agree"):
        Observation(attempt=1, seq=1, captured_ns=0, seen=seen, embedding=embedding())


def test_a_face_has_an_embedding() -> None:
    with pytest.raises(ValueError, match="embedding do not agree"):
        Observation(attempt=1, seq=1, captured_ns=0, seen=Seen.FACE)


def test_infrared_is_enrolled_beside_colour_alone() -> None:
    with pytest.raises(ValueError, match="beside a face in colour"):
        Observation(1, 1, 0, Seen.FACE, embedding=embedding(), modality=Modality.INFRARED, beside=embedding())
