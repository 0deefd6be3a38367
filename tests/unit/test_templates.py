"""What is kept of a person: nothing that was never enrolled, and no number of it in a log."""

from dataclasses import replace

import numpy as np
import pytest

from kinect_unlock.frames import Origin
from kinect_unlock.observations import Modality
from kinect_unlock.templates import Joined, Reason, Template, Views

JOINED = Joined(1_700_000_100, Reason.MATCH)


def views(rows: int) -> Views:
    return Views(np.eye(rows, 128, dtype=np.float32), (None,) * rows)


def template(rows: int) -> Template:
    enrolled = views(rows)
    return Template("alice", enrolled.vectors, enrolled.poses, "m1", Origin.SENSOR, 1, 1_700_000_000)


def test_a_template_of_which_nothing_was_enrolled_cannot_be() -> None:
    with pytest.raises(ValueError, match="3 of 3 views joined: none was enrolled"):
        replace(template(3), joined=(JOINED,) * 3)


def test_what_joined_is_not_enrolled() -> None:
    grown = replace(template(4), joined=(JOINED,))

    assert len(grown.enrolled.vectors) == len(grown.enrolled.poses) == 3
    assert grown.enrolled.joined == ()


def test_infrared_is_taken_beside_enrolled_views_alone() -> None:
    with pytest.raises(ValueError, match="3 infrared vectors were taken beside only 2 in colour"):
        replace(template(3), joined=(JOINED,), infrared=views(3))


def test_whoever_was_not_enrolled_in_a_light_has_no_views_in_it() -> None:
    assert template(3).views(Modality.INFRARED) is None


@pytest.mark.parametrize("number", [np.nan, 0.5, 2.0])
def test_a_vector_is_finite_and_of_length_one(number: float) -> None:
    vectors = np.eye(2, 128, dtype=np.float32)
    vectors[1, 1] = number

    with pytest.raises(ValueError, match="template vectors must"):
        Views(vectors, (None, None))


def test_views_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        views(2).vectors[0, 0] = 0.0


def test_a_template_says_none_of_its_numbers() -> None:
    assert repr(template(3)) == "Template(user='alice', vectors=3, model_id='m1')"
