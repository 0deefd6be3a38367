"""Pictures are looked at by people; here only what can be counted in them."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import HeadPose, Origin, Template
from kinect_unlock_lab.plots.colors import color_of, marker_of
from kinect_unlock_lab.plots.gallery import most_seen, of_templates
from kinect_unlock_lab.plots.heat import heat_map
from kinect_unlock_lab.plots.space import Gallery, Projection, project, scatter
from lab_embedded import embedded_of


def people_apart(people: int = 4, looks: int = 5, *, faces: bool = False) -> Gallery:
    random = np.random.default_rng(3)
    middles = np.repeat(np.eye(people, 16), looks, axis=0)
    vectors = middles + 0.02 * random.standard_normal((people * looks, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = np.repeat([f"p{number}" for number in range(people)], looks)
    pictures = tuple(np.full((8, 8, 3), 10 * row % 255, np.uint8) for row in range(len(vectors))) if faces else None
    return Gallery(vectors.astype(np.float32), names, pictures)


def png_of(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=40, metadata={"Software": None})
    return file.getvalue()


@pytest.mark.parametrize("how", ["tsne", "pca"])
def test_people_who_are_apart_are_apart_on_paper(how: Projection) -> None:
    gallery = people_apart()

    points, _ = project(gallery.vectors, how)

    middles = np.stack([points[gallery.person == name].mean(axis=0) for name in sorted(set(gallery.person))])
    spread = max(np.linalg.norm(points[gallery.person == f"p{n}"] - middles[n], axis=1).max() for n in range(4))
    gaps = np.linalg.norm(middles[:, None] - middles[None], axis=2) + 1e9 * np.eye(4)
    assert gaps.min() > 2 * spread


@pytest.mark.parametrize("how", ["tsne", "pca"])
def test_the_same_embeddings_give_the_same_picture(how: Projection) -> None:
    assert png_of(scatter(people_apart(), how, title="a")) == png_of(scatter(people_apart(), how, title="a"))


def test_each_face_is_shown_once_and_only_where_it_was_given() -> None:
    with_faces, without = people_apart(faces=True), people_apart()

    def pinned(figure: Figure) -> int:
        return sum(isinstance(artist, AnnotationBbox) for artist in figure.axes[0].artists)

    assert pinned(scatter(with_faces, "pca", title="a")) == pinned(heat_map(with_faces, title="a")) == 20
    assert pinned(scatter(without, "pca", title="a")) == pinned(heat_map(without, title="a")) == 0


def test_a_heat_map_shows_every_cosine_with_people_side_by_side() -> None:
    gallery = people_apart(2, 3)
    mixed = Gallery(gallery.vectors[::-1].copy(), gallery.person[::-1].copy())

    figure = heat_map(mixed, title="a")

    drawn = np.asarray(figure.axes[0].collections[0].get_array()).reshape(6, 6)
    ordered = np.concatenate([mixed.vectors[mixed.person == name] for name in ("p0", "p1")])
    assert np.allclose(drawn, ordered @ ordered.T, atol=1e-6)


def test_too_few_embeddings_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(SourceError, match="at least 4"):
        project(np.eye(3, dtype=np.float32), "tsne")
    with pytest.raises(SourceError, match="at least two"):
        heat_map(Gallery(np.eye(1, dtype=np.float32), np.array(["a"])), title="a")


def test_forty_two_people_look_different() -> None:
    assert len({(color_of(number), marker_of(number)) for number in range(42)}) == 42


def template(user: str, model_id: str = "m/1") -> Template:
    vectors = np.eye(3, 8, dtype=np.float32)
    poses = (HeadPose(700.0, 0.0, 0.0, 0.0),) * 3
    return Template(user, vectors, poses, model_id, Origin.SENSOR, 1, 0)


def test_templates_are_shown_by_user_and_never_with_a_face() -> None:
    gallery = of_templates([template("ann"), template("bob")])

    assert gallery.person.tolist() == ["ann"] * 3 + ["bob"] * 3
    assert gallery.faces is None


def test_templates_of_two_encoders_are_not_mixed() -> None:
    with pytest.raises(SourceError, match=r"different encoders \(a/1, b/1\)"):
        of_templates([template("ann", "a/1"), template("bob", "b/1")])
    with pytest.raises(SourceError, match="nobody is enrolled"):
        of_templates([])


def test_the_people_with_most_samples_are_shown_the_most_frontal_first() -> None:
    embedded = embedded_of(
        {"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.6, 0.8)},
        person=["a", "b", "c", "b", "b", "c"],
        yaw=[0, 9, 0, 1, 5, 3],
    )

    rows = most_seen(embedded, people=2, looks=2)

    assert rows.tolist() == [3, 4, 2, 5]
