import re
from pathlib import Path

import numpy as np
import pytest

from fakes.heads import egg_head
from kinect_unlock import mean_face as shipped
from kinect_unlock.mean_face import COLUMNS_MM, ROWS_MM
from kinect_unlock_lab.head_model import load_head_model
from kinect_unlock_lab.mean_face import MeanFaceTable, mean_face_table


def tables(source: str) -> dict[str, list[list[int]]]:
    """Read names and numbers of the tables that stand in some source."""
    found = re.findall(r'^(\w+_TENTHS_MM): Final = """\n(.*?)\n"""$', source, re.MULTILINE | re.DOTALL)
    return {name: [[int(number) for number in line.split()] for line in block.splitlines()] for name, block in found}


@pytest.fixture(scope="module")
def egg() -> MeanFaceTable:
    return mean_face_table(egg_head(), people=5, seed=1)


def test_what_ships_has_the_form_of_what_is_made(egg: MeanFaceTable) -> None:
    made, module = tables(egg.source()), tables(Path(shipped.__file__).read_text())
    assert made.keys() == module.keys()
    for name, rows in made.items():
        assert [len(row) for row in rows] == [len(row) for row in module[name]]


def test_the_source_holds_the_numbers(egg: MeanFaceTable) -> None:
    landmarks, surface = tables(egg.source()).values()
    assert np.array_equal(landmarks, egg.landmarks)
    assert np.array_equal(surface, egg.surface)


def test_the_surface_is_the_heads_own(egg: MeanFaceTable) -> None:
    """The egg is an ellipsoid of about 78 x 128 x 112 mm whose foremost point is its model's origin."""
    x, y = np.meshgrid(COLUMNS_MM[:10], ROWS_MM[12:36])
    z = egg.surface[12:36, :10] / 10
    foremost = z.min()
    down = y[np.unravel_index(z.argmin(), z.shape)]
    expected = foremost + 112 * (1 - np.sqrt(1 - (x / 78) ** 2 - ((y - down) / 128) ** 2))
    assert np.abs(z - expected).max() < 3


def test_people_are_averaged_by_chance_that_can_be_repeated() -> None:
    model = egg_head()
    one, same, other = (mean_face_table(model, people=2, seed=seed).surface for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_landmarks_are_symmetric_about_the_middle(egg: MeanFaceTable) -> None:
    x, y, z = egg.landmarks
    assert x[0] == -x[1]
    assert x[3] == -x[4]
    assert x[2] == 0
    assert y[0] == y[1]
    assert z[3] == z[4]


@pytest.mark.data
def test_the_shipped_table_is_what_the_head_model_gives(evaluation_data: Path) -> None:
    model = load_head_model(evaluation_data / "models3d" / "ict_facekit.npz")
    made = tables(mean_face_table(model, people=500, seed=0).source())
    module = tables(Path(shipped.__file__).read_text())
    for name, rows in made.items():
        assert np.abs(np.array(rows) - np.array(module[name])).max() <= 1  # another machine may round the other way
