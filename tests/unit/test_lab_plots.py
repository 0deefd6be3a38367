"""Pictures are looked at by people; here only what can be counted in them."""

import io
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox

from evaluated_people import crowd
from kinect_unlock.errors import RequestError, SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.manifest import Encoder, load_manifest
from kinect_unlock.observations import HeadPose
from kinect_unlock.settings import Match
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import pick_threshold
from kinect_unlock_lab.plots.apart import of_templates, opening, part_of, parts_of, told_apart
from kinect_unlock_lab.plots.colors import color_of, marker_of
from kinect_unlock_lab.plots.curves import histogram
from kinect_unlock_lab.plots.gallery import most_seen, of_vectors
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


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_manifest().encoder("rgbd-fused")


def test_templates_are_shown_by_user_and_never_with_a_face(encoder: Encoder) -> None:
    vectors = np.eye(3, encoder.dim, dtype=np.float32)
    wide = [replace(template(user, encoder.model_id), vectors=vectors) for user in ("ann", "bob")]

    gallery = of_vectors(of_templates(wide, encoder))

    assert gallery.person.tolist() == ["ann"] * 3 + ["bob"] * 3
    assert gallery.faces is None


def test_templates_of_another_encoder_are_not_shown(encoder: Encoder) -> None:
    with pytest.raises(SourceError, match="templates here are of a/1, b/1, the configured encoder is"):
        of_templates([template("ann", "a/1"), template("bob", "b/1")], encoder)
    with pytest.raises(SourceError, match="nobody is enrolled"):
        of_templates([], encoder)


def test_each_half_can_be_shown_alone_and_depth_only_where_it_may_vote() -> None:
    people = crowd()

    assert parts_of(people.halves) == ("fused", "rgb", "depth")
    colour, depth, whole = (part_of(people, part) for part in ("rgb", "depth", "fused"))
    assert colour.embeddings[0] == pytest.approx(people.half("rgb")[0])
    assert colour.acquired.tolist() == people.acquired.tolist()
    assert depth.acquired.tolist() == whole.acquired.tolist() == (people.acquired & people.depth_fit).tolist()
    with pytest.raises(RequestError, match="no part 'rgbd'; they have fused, rgb, depth"):
        part_of(people, "rgbd")


def test_pairs_are_counted_without_what_was_not_acquired() -> None:
    people = part_of(crowd(), "depth")

    figures = told_apart(people)

    assert figures is not None
    own = [int((people.person[people.acquired] == name).sum()) for name in set(people.person)]
    assert figures.genuine == sum(count * (count - 1) // 2 for count in own)
    assert told_apart(people.where(people.person == "p03")) is None


def test_a_half_opens_where_the_manifest_has_evidence_and_the_whole_nowhere(encoder: Encoder) -> None:
    match = Match()

    (colour,) = opening(encoder, match, "rgb").values()
    depth = opening(encoder, match, "depth")

    assert colour == pick_threshold(encoder, match.far, match.strategy).cosine
    assert list(depth.values()) == [band.threshold for band in encoder.depth_calibration[0].bands]
    assert all(name.startswith("opens up to ") for name in depth)
    assert opening(encoder, match, "fused") == {}


def test_thresholds_in_use_are_written_beside_the_scores() -> None:
    figures = told_apart(crowd())
    assert figures is not None

    (axes,) = histogram(figures, title="a", opens={"opens: 0.51": 0.51}).axes

    assert "opens: 0.51" in [text.get_text() for text in axes.texts]


def test_the_people_with_most_samples_are_shown_the_most_frontal_first() -> None:
    embedded = embedded_of(
        {"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.6, 0.8)},
        person=["a", "b", "c", "b", "b", "c"],
        yaw=[0, 9, 0, 1, 5, 3],
    )

    rows = most_seen(embedded, people=2, looks=2)

    assert rows.tolist() == [3, 4, 2, 5]
