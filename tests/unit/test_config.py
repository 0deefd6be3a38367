"""The configuration file: what is read, what is refused, and how it is said."""

import os
import pwd
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock import config
from kinect_unlock.config import Paths, text
from kinect_unlock.config.rules import RULES
from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config, Liveness, LivenessBeyond, Stage

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.touch(mode=0o600)
    return path


def said(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return [f"{fault.path}: {fault.message}" for fault in config.check(path)]


def test_the_shipped_file_is_the_defaults() -> None:
    assert config.load(ROOT / "config.yaml") == Config()


def test_the_example_of_the_readme_has_no_fault(file: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert examples
    assert [said(file, example) for example in examples] == [[]] * len(examples)


def test_the_shipped_file_spells_out_every_key() -> None:
    def keys(value: object, path: str = "$") -> set[str]:
        if not isinstance(value, dict):
            return {path}
        return {below for key, child in value.items() for below in keys(child, f"{path}.{key}")}

    node, faults = text.read(config.shipped(), "config.yaml")
    assert not faults
    assert keys(node.plain()) == keys(msgspec.to_builtins(Config()))


def test_without_a_file_the_defaults_hold() -> None:
    assert config.load(None) == Config()


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "match:\nranges: {verify: }\n", "\ufeff"])
def test_what_is_left_out_keeps_its_default(file: Path, content: str) -> None:
    assert said(file, content) == []
    assert config.load(file) == Config()


def test_one_key_of_a_range_leaves_the_others_alone(file: Path) -> None:
    said(file, "ranges: {verify: {yaw_deg: 20}}")
    assert config.load(file).ranges.verify == msgspec.structs.replace(Config().ranges.verify, yaw_deg=20.0)


def test_a_service_of_ones_own_leaves_the_others_alone(file: Path) -> None:
    assert said(file, "services: {mylock: allow, sudo: never}") == []
    assert config.load(file).services == {**Config().services, "mylock": "allow", "sudo": "never"}
    assert said(file, "services:\n") == []
    assert config.load(file).services == Config().services


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("match: {fra: 0.1}", "$.match.fra: unknown key, did you mean far?", id="misspelt"),
        pytest.param("zzz: 1", "$.zzz: unknown key, known are daemon, source", id="unknown"),
        pytest.param("match: {far: .nan}", "$.match.far: must be a finite number, got nan", id="nan"),
        pytest.param("match: {far: .inf}", "$.match.far: must be a finite number, got inf", id="infinity"),
        pytest.param("match: {far: 0.5}", "$.match.far: expected `float` <= 0.1, got 0.5", id="out of range"),
        pytest.param(
            "hooks: {lock: loginctl lock-session}", "got `str`: write a list, [loginctl, lock-session]", id="command"
        ),
        pytest.param("match: {far: 1e-4}", "$.match.far: expected `float`, got `str`: YAML reads 1e-4", id="exponent"),
        pytest.param("match: {far: true}", "$.match.far: expected `float`, got `bool`", id="boolean for number"),
        pytest.param("match: 3", "$.match: must be a section of keys, got 3", id="value for section"),
        pytest.param("- match", "$: must be a section of keys, got ['match']", id="list for all"),
        pytest.param("source: {pace: asp}", "$.source.pace: must be one of recorded, asap", id="choice"),
        pytest.param("hooks: {lock: loginctl}", "$.hooks.lock: expected `array | null`, got `str`", id="no argv"),
        pytest.param("hooks: {lock: []}", "$.hooks.lock: expected `array` of length >= 1", id="empty argv"),
        pytest.param("hooks: {lock: [a, 2]}", "$.hooks.lock[1]: expected `str`, got `int`", id="number in argv"),
        pytest.param("hooks: {lock: [bin/x]}", "$.hooks.lock: must begin with a program's name or", id="relative hook"),
        pytest.param("enrol: {stages: [up, dwn]}", "$.enrol.stages[1]: must be one of", id="choice in list"),
        pytest.param("liveness: {face_height_mm: [1]}", "length 2, got 1", id="half a pair"),
        pytest.param("limits: {max_failures: 1.5}", "expected `int`, got `float`", id="half a failure"),
        pytest.param(f"limits: {{max_failures: {10**30}}}", "must be a finite number", id="huge count"),
        pytest.param(f"limits: {{max_failures: 1{'0' * 5000}}}", "cannot be read", id="number beyond printing"),
        pytest.param("attempt: {timeout_s: 1000000}", "must be at most 86400, got 1000000", id="twelve days"),
        pytest.param("policy: {and_h_without_face: 1.0e+300}", "must be at most 8784, got 1e+300", id="for ever"),
        pytest.param("source: {path: ~/x}", "$.source.path: must be a path written out", id="tilde"),
        pytest.param('log: {decisions: ""}', "$.log.decisions: must be a path", id="empty path"),
        pytest.param("source: {kind: replay}", "$.source.path: a source of this kind needs a path", id="no path"),
        pytest.param("ranges: {enrol: {near_mm: 1300}}", "near_mm must be below far_mm", id="empty range"),
        pytest.param("ranges: {depth_vote: {near_mm: 1320}}", "nothing in common with enrol's", id="no depth vote"),
        pytest.param(
            "ranges: {verify: {far_mm: 449, near_mm: 1}}", "in common with verify's", id="no depth for verify"
        ),
        pytest.param("services: {sudo: always}", "$.services.sudo: must be one of allow, intent, never", id="standing"),
        pytest.param("services: {../sudo: never}", "$.services: not a name: expected `str` matching", id="service"),
        pytest.param("services: [sudo]", "$.services: must be a table of names, got ['sudo']", id="list of services"),
        pytest.param("source: {seat: desk}", "$.source.seat: expected `str` matching regex", id="no seat"),
        pytest.param("evidence: {votes_needed: 6}", "more votes are needed than the window holds", id="votes"),
        pytest.param("evidence: {min_span_ms: 5000}", "spread over longer than an attempt lasts", id="span"),
        pytest.param("attempt: {nobody_timeout_s: 9}", "must not be longer than the attempt", id="timeouts"),
        pytest.param("source: {watching_hz: 0.9}", "give up before it had looked twice", id="watched too rarely"),
        pytest.param("source: {reappear_s: 12}", "could not come back before the time to open it", id="reappears late"),
        pytest.param("source: {linger_s: -1}", "$.source.linger_s", id="lingers in the past"),
        pytest.param("liveness: {sheet_residual_mm: [9, 8]}", "the low bound must not be above", id="bounds"),
        pytest.param("liveness: {valid_depth: [75, null]}", "is a share, from 0 to 1", id="percent"),
        pytest.param(f"daemon: {{socket: /{'x' * 107}}}", "at most 107 bytes", id="socket path"),
        pytest.param("match: {far: 0.1}\nmatch: {far: 0.2}", "$.match: is here twice, first on line 1", id="duplicate"),
        pytest.param("match: {far: 0.1, far: 0.2}", "$.match.far: is here twice", id="duplicate inside"),
        pytest.param("a: &a 1\nb: *a", "anchors (&) and aliases (*) are not read", id="alias"),
        pytest.param("match: !!python/object:os.system {}", "the tag tag:yaml.org,2002:python", id="tag"),
        pytest.param("match: !!set {far}", "the tag", id="set"),
        pytest.param("match: {far: !x 1}", "cannot be read: could not determine a constructor", id="scalar tag"),
        pytest.param("? [1]\n: 2", "$: a key must be a name", id="list for key"),
        pytest.param("match: {", "$: not YAML", id="no yaml"),
        pytest.param("a: 1\n---\nb: 2", "$: not YAML: but found another document", id="two documents"),
        pytest.param("a: \x07", "$: not YAML", id="control character"),
        pytest.param("log: {decisions: 2020-99-99}", "cannot be read", id="no date"),
        pytest.param(b"match: \xff", "$: not UTF-8: byte 7", id="latin"),
    ],
)
def test_a_fault_is_named_with_its_key(file: Path, content: str | bytes, expected: str) -> None:
    messages = said(file, content)
    assert any(expected in message for message in messages), messages
    with pytest.raises(ConfigError, match=r"config\.yaml"):
        config.load(file)


def test_every_fault_is_named_with_its_line(file: Path) -> None:
    file.write_text("match: {far: 2, strategy: x}\nevidence:\n  votes_needed: 9\n  min_span_ms: a\nwrong: 1\n")
    lines = [(fault.line, fault.path) for fault in config.check(file)]
    assert lines == [
        (1, "$.match.far"),
        (1, "$.match.strategy"),
        (3, "$.evidence.votes_needed"),
        (4, "$.evidence.min_span_ms"),
        (5, "$.wrong"),
    ]


def test_an_error_names_all_faults_and_where(file: Path) -> None:
    file.write_text("match: {far: 2}\nwrong: 1\n")
    with pytest.raises(ConfigError, match=r"(?s)config\.yaml:1: \$\.match\.far: .*config\.yaml:2: \$\.wrong: "):
        config.load(file)


def test_a_rule_over_a_faulty_key_is_silent(file: Path) -> None:
    assert said(file, "evidence: {votes_needed: 9, votes_window: x}") == [
        "$.evidence.votes_window: expected `int`, got `str`"
    ]


def test_the_defaults_break_no_rule() -> None:
    assert not [rule for rule in RULES if rule.broken(Config())]


def test_a_bomb_of_aliases_ends_before_it_grows(file: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert said(file, bomb) == ["$: anchors (&) and aliases (*) are not read: write the value out"]


def test_deep_nesting_ends_before_it_is_built(file: Path) -> None:
    assert said(file, "[" * 60_000) == ["$: nested deeper than 8"]


def test_a_large_file_is_not_read(file: Path) -> None:
    assert said(file, "#" * 65_537) == ["$: is larger than 65536 bytes"]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: \$: cannot be read: No such file or directory"):
        config.load(tmp_path / "nowhere.yaml")


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [fault.message for fault in config.check(tmp_path / "pipe")] == ["cannot be read: not a regular file"]


@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ConfigError, match=rf"may be written by others \(mode 0{mode:o}\): chmod go-w"):
        config.load(file)


def test_a_file_in_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open" / "below").mkdir(parents=True)
    file = tmp_path / "open" / "below" / "config.yaml"
    file.touch(mode=0o600)
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(ConfigError, match=r"open may be written by others \(mode 0777\)"):
        config.load(file)


def test_a_link_is_judged_by_the_way_it_leads(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "config.yaml").touch(mode=0o600)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link.yaml").symlink_to(tmp_path / "open" / "config.yaml")
    with pytest.raises(ConfigError, match="open may be written by others"):
        config.load(tmp_path / "link.yaml")


def test_relative_paths_are_taken_from_the_file_that_names_them(file: Path) -> None:
    file.write_text("daemon: {socket: run/s}\nsource: {kind: replay, path: films}\nmodels: {cache_dir: /abs}\n")
    loaded = config.load(file)
    assert loaded.daemon.socket == str(file.parent / "run/s")
    assert loaded.source.path == str(file.parent / "films")
    assert loaded.models.cache_dir == "/abs"


PATHS = st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20).map(lambda t: f"/{t}")
SECONDS = st.floats(min_value=1e-9, max_value=86_400.0)
SHARES = st.floats(min_value=0.0, max_value=1.0)


@st.composite
def configurations(draw: st.DrawFn) -> Config:
    """Draw a configuration that breaks no rule."""
    base = Config()
    window = draw(st.integers(2, 1000))
    argv = st.none() | st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=3)
    low, high = sorted((draw(st.floats(-1e5, 1e5)), draw(st.floats(-1e5, 1e5))))
    bounds = draw(st.sampled_from([None, (low, high), (None, high), (low, None), (None, None)]))
    stages: tuple[Stage, ...] = draw(st.sampled_from([("any",), ("straight", "near", "far"), ("left", "left")]))
    hook = draw(argv)
    changes: dict[str, dict[str, Any]] = {
        "daemon": {"socket": draw(PATHS), "state_dir": draw(PATHS), "stop_timeout_s": draw(SECONDS)},
        "source": {"kind": draw(st.text(st.characters(codec="utf-8"), min_size=1)), "path": draw(PATHS.filter(bool))},
        "liveness": {"face_height_mm": bounds, "valid_depth": draw(st.none() | st.just((draw(SHARES), None)))},
        "match": {"far": draw(st.floats(5e-324, 0.1)), "strategy": draw(st.sampled_from(["nearest", "centre"]))},
        "evidence": {
            "votes_window": window,
            "votes_needed": draw(st.integers(1, window)),
            "integrity": draw(st.booleans()),
        },
        "enrol": {"stages": stages, "min_cosine": draw(st.floats(-1.0, 1.0))},
        "hooks": {"unlock": ("/x", *hook) if hook else None},
    }
    sections = {name: msgspec.structs.replace(getattr(base, name), **values) for name, values in changes.items()}
    return msgspec.structs.replace(base, **sections)


@hypothesis.settings(max_examples=25)
@given(configurations())
def test_what_is_dumped_loads_back_equal(tmp_path_factory: pytest.TempPathFactory, settings: Config) -> None:
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(config.dump(settings), encoding="utf-8")
    path.chmod(0o600)
    assert config.load(path) == settings


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_at_all_escapes_as_a_foreign_exception(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    path.chmod(0o600)
    if config.check(path):
        with pytest.raises(ConfigError):
            config.load(path)
    else:
        config.load(path)


def test_root_has_the_systems_folders() -> None:
    assert Paths.of(Config(), {}, 0) == Paths(
        socket=Path("/run/kinect-unlock/daemon.sock"),
        state_dir=Path("/var/lib/kinect-unlock"),
        cache_dir=Path("/var/cache/kinect-unlock"),
    )


def test_the_services_user_has_the_systems_folders_whatever_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", {990: SimpleNamespace(pw_name="kinect-unlock")}.__getitem__)

    assert Paths.of(Config(), {"HOME": "/h", "XDG_RUNTIME_DIR": "/r"}, 990) == Paths.of(Config(), {}, 0)
    assert (config.serves_all(990), config.serves_all(0), config.serves_all(7)) == (True, True, False)


def test_a_client_asks_the_users_own_daemon_before_the_systems(tmp_path: Path) -> None:
    own, system = tmp_path / "kinect-unlock" / "daemon.sock", tmp_path / "system.sock"
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": "/h"}
    own.parent.mkdir()

    def asked() -> Path:
        return config.socket_to_ask(Config(), environ, 7, system=system)

    assert asked() == own
    system.touch()
    assert asked() == system
    assert config.socket_to_ask(Config(), {}, 7, system=system) == system
    own.touch()
    assert asked() == own
    system.unlink()
    with pytest.raises(ConfigError):
        config.socket_to_ask(Config(), {}, 7, system=system)


def test_a_user_has_the_xdg_folders() -> None:
    environ = {"XDG_RUNTIME_DIR": "/run/user/7", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "HOME": "/h"}
    assert Paths.of(Config(), environ, 7) == Paths(
        socket=Path("/run/user/7/kinect-unlock/daemon.sock"),
        state_dir=Path("/s/kinect-unlock"),
        cache_dir=Path("/c/kinect-unlock"),
    )


@pytest.mark.parametrize("unset", ["", "relative/dir"])
def test_xdg_variables_that_are_not_absolute_give_way_to_home(unset: str) -> None:
    environ = {"XDG_RUNTIME_DIR": "/r", "XDG_STATE_HOME": unset, "XDG_CACHE_HOME": unset, "HOME": "/h"}
    paths = Paths.of(Config(), environ, 7)
    assert paths.state_dir == Path("/h/.local/state/kinect-unlock")
    assert paths.cache_dir == Path("/h/.cache/kinect-unlock")


def test_without_a_runtime_folder_a_user_is_told_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"XDG_RUNTIME_DIR .* set daemon\.socket"):
        Paths.of(Config(), {"HOME": "/h"}, 7)


def test_networks_are_built_where_no_daemon_could_run() -> None:
    assert config.cache_dir(Config(), {"HOME": "/h"}, 7) == Path("/h/.cache/kinect-unlock")


def test_without_a_home_a_user_is_told_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r"neither \$XDG_STATE_HOME nor \$HOME"):
        Paths.of(Config(), {"XDG_RUNTIME_DIR": "/r"}, 7)


def test_what_the_configuration_names_wins_without_any_environment() -> None:
    settings = msgspec.structs.replace(
        Config(),
        daemon=msgspec.structs.replace(Config().daemon, socket="/a/s", state_dir="/b"),
        models=msgspec.structs.replace(Config().models, cache_dir="/c"),
    )
    assert Paths.of(settings, {}, 7) == Paths(Path("/a/s"), Path("/b"), Path("/c"))


def test_the_usual_file_is_in_force_only_when_it_is_there(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    assert config.file_in_force(None, environ, 7) is None
    usual = tmp_path / "kinect-unlock" / "config.yaml"
    usual.parent.mkdir()
    usual.touch()
    assert config.file_in_force(None, environ, 7) == usual
    assert config.file_in_force(Path("other"), environ, 7) == Path("other")


@pytest.mark.parametrize(("distance_mm", "share"), [(0.0, 0.8), (999.9, 0.8), (1000.0, 0.6), (1350.0, 0.6)])
def test_a_far_face_has_bounds_of_its_own(distance_mm: float, share: float) -> None:
    config = Config(liveness=Liveness(relief_share=(0.8, None)), liveness_beyond=LivenessBeyond(1000.0, (0.6, None)))

    assert config.liveness_at(distance_mm).relief_share == (share, None)
    assert config.liveness_at(distance_mm).valid_depth == config.liveness.valid_depth


def test_a_distance_that_is_no_number_has_the_bounds_of_the_nearest_face() -> None:
    config = Config()

    assert config.liveness_at(float("nan")) == config.liveness


def test_a_cue_without_a_say_has_none_from_afar_either() -> None:
    config = Config(liveness=Liveness(relief_share=None))

    assert config.liveness_at(1200.0).relief_share is None
    assert config.liveness_at(1200.0).relief_likeness == config.liveness_beyond.relief_likeness
