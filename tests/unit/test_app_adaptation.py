"""A configuration in which nothing can join a template although it should is told of at the start."""

import msgspec
import pytest

from fakes.rig import recogniser
from kinect_unlock import app
from kinect_unlock.settings import Adapt, Config, Enrol


@pytest.mark.parametrize(("on", "samples", "told"), [(True, 2, True), (True, 1, False), (False, 2, False)])
def test_adaptation_without_room_is_told(
    *,
    on: bool,
    samples: int,
    told: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = Config(adapt=Adapt(on=on), enrol=msgspec.structs.replace(Enrol(), samples_per_stage=samples))
    app._say_what_may_join(config, recogniser(template_vectors_max=10))

    assert ("event=cannot-adapt" in caplog.text) is told
