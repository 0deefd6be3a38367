"""What is answered without a camera: how the daemon is, who is enrolled, and photographs that a client encoded."""

import math
from dataclasses import asdict

import msgspec
import numpy as np

from kinect_unlock import standing
from kinect_unlock.attempts import Desk
from kinect_unlock.camera_report import CameraReport
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.errors import RequestError, StoreError
from kinect_unlock.frames import Origin
from kinect_unlock.identification import name_of
from kinect_unlock.machines.session import State
from kinect_unlock.matching import mean_of_halves
from kinect_unlock.observations import Embedding
from kinect_unlock.sources.pipelines import costly
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import Threshold
from kinect_unlock.wire import PROTOCOL, EnrolVectors, Identify, Reply, Vectors, Word, unpack_vector


def status(
    desk: Desk,
    session: tuple[State, bool],
    unasked: dict[str, object] | None,
    counters: dict[str, int],
    asking: dict[str, object],
) -> Reply:
    """Say how the daemon is; ``session`` is its state, and whether that was seen.

    ``unasked`` tells of what is done without being asked; None where nothing can be. ``asking`` says who may ask.

    Raises:
        StoreError: the list of users cannot be read.
    """
    facts, encoder = desk.facts, desk.recogniser.encoder
    users = desk.templates.users()
    data = {
        "version": facts.version,
        "protocol": PROTOCOL,
        "pid": facts.pid,
        "origin": facts.origin.value,
        "test_source": facts.test_source,
        "source": {"kind": desk.config.source.kind, "pace": desk.config.source.pace},
        "camera": _camera(desk.camera.report(), desk.clock.monotonic_ns()),
        "encoder": {
            "name": desk.recogniser.name,
            "model_id": encoder.model_id,
            "votes": list(encoder.votes),
            "may_unlock": encoder.unlock,
            "note": _note(encoder.votes),
        },
        "far_asked": desk.config.match.far,
        "strategy": desk.config.match.strategy,
        "thresholds": [_threshold(threshold) for threshold in desk.recogniser.thresholds],
        "infrared": {
            "on": desk.config.match.infrared,
            "thresholds": [_threshold(threshold) for threshold in desk.recogniser.infrared],
        },
        "template_key": None if facts.key is None else {"from": facts.key.source, "id": facts.key.id},
        "users": len(users),
        "limits": [standing.told(desk, user) for user in users],
        "asking": asking,
        "lockouts": [user for user in users if _is_locked_out(desk, user)],
        "session": session[0].value,
        "session_confirmed": session[1],
        "unasked": unasked,
        "integrity": desk.config.evidence.integrity,
        "counters": counters,
    }
    return Reply(Word.OK, done=True, data=data)


def users(desk: Desk) -> Reply:
    """Say who is enrolled, and how; a template that cannot be read is named with its fault.

    Raises:
        StoreError: the list of users cannot be read.
    """
    return Reply(Word.OK, done=True, data={"users": [_entry(desk, user) for user in desk.templates.users()]})


def keep_photographs(desk: Desk, ask: EnrolVectors) -> Reply:
    """Keep a template of photographs, which is identified but opens nothing.

    Raises:
        RequestError: the vectors are not this encoder's or have no common direction, or the user has a template from
            the camera.
        StoreError: it cannot be written; an older one is still there.
    """
    embeddings = _unpacked(desk, ask.vectors, ask.model_id)
    most = desk.recogniser.template_vectors_max
    if len(embeddings) > most:
        raise RequestError(f"{len(embeddings)} photographs, the threshold has evidence for at most {most} of a user")
    try:
        mean_of_halves([embedding.vector for embedding in embeddings], desk.recogniser.encoder.layout)
    except ValueError as fault:
        raise RequestError(f"the photographs do not show one person: {fault}") from fault
    older = desk.templates.load(ask.user)
    if older is not None and not is_of_photographs(older):
        raise RequestError(f"{ask.user} has a template from the camera; forget that first, or choose another name")
    template = Template(
        user=ask.user,
        vectors=np.stack([embedding.vector for embedding in embeddings]),
        poses=(None,) * len(embeddings),
        model_id=ask.model_id,
        origin=Origin.IMAGES,
        generation=1 if older is None else older.generation + 1,
        enrolled_s=desk.clock.wall_s(),
    )
    desk.templates.save(template)
    return Reply(Word.ENROLLED, done=True, user=ask.user, data={"vectors": len(embeddings)})


def identify_photographs(desk: Desk, ask: Identify) -> Reply:
    """Name the one person whom all the photographs show.

    Raises:
        RequestError: the vectors are not this encoder's.
        StoreError: a template cannot be read.
    """
    if ask.model_id is None:
        raise RequestError("vectors need the model_id of the encoder that made them")
    embeddings = _unpacked(desk, ask.vectors, ask.model_id)
    user = name_of(desk, [embedding.vector for embedding in embeddings])
    return Reply(Word.IDENTIFIED, done=True, user=user)


def is_of_photographs(template: Template) -> bool:
    """Say whether a template was made of photographs, without depth and without a liveness check."""
    return all(pose is None for pose in template.poses)


def _unpacked(desk: Desk, vectors: Vectors, model_id: str) -> list[Embedding]:
    encoder = desk.recogniser.encoder
    if model_id != encoder.model_id:
        raise RequestError(f"the vectors are of {model_id!r}, this daemon compares {encoder.model_id!r}")
    if not vectors:
        raise RequestError("no vectors were sent")
    return [unpack_vector(text, dim=encoder.dim, model_id=model_id) for text in vectors]


def _camera(report: CameraReport, now_ns: int) -> dict[str, object]:
    def ago_s(since_ns: int) -> float:
        return round(max(0, now_ns - since_ns) / NS_PER_S, 1)

    identity = report.identity
    return {
        "state": report.phase.value,
        "for_s": ago_s(report.since_ns),
        "closes_in_s": None if report.until_ns is None else round(max(0, report.until_ns - now_ns) / NS_PER_S, 1),
        "read_for": None if report.need is None else report.need.value,
        "identity": None if identity is None else asdict(identity),
        "costly": identity is not None and costly(identity.pipeline),
        "rate_hz": None if report.rate_hz is None else round(report.rate_hz, 1),
        "opened": report.opened,
        "restarts": report.restarts,
        "faults": report.faults,
        "last_fault": None
        if report.fault is None
        else {"message": report.fault.words, "ago_s": ago_s(report.fault.at_ns)},
    }


def _note(votes: tuple[str, ...]) -> str:
    if "depth" in votes:
        return "colour and depth both vote"
    return "colour alone votes on identity, depth decides liveness and pose"


def _threshold(threshold: Threshold) -> dict[str, object]:
    bands = [
        {"to_mm": band.to_mm if math.isfinite(band.to_mm) else None, "cosine": band.cosine}
        for band in threshold.bar.bands
    ]
    return {
        "half": threshold.bar.half,
        "bands": bands,
        "far": threshold.far,
        "template_vectors_max": threshold.template_vectors_max,
        "evidence": msgspec.to_builtins(threshold.evidence),
    }


def _is_locked_out(desk: Desk, user: str) -> bool:
    """Count a ledger that cannot be read as a lock-out, which is what it amounts to."""
    try:
        return desk.book.open(user).locked_out
    except StoreError:
        return True


def _entry(desk: Desk, user: str) -> dict[str, object]:
    try:
        template = desk.templates.load(user)
    except StoreError as error:
        return {"user": user, "fault": str(error)}
    if template is None:
        return {"user": user, "fault": "the template has just been removed"}
    return {
        "user": user,
        "vectors": len(template.vectors),
        "origin": template.origin.value,
        "photographs": is_of_photographs(template),
        "infrared_vectors": 0 if template.infrared is None else len(template.infrared.vectors),
        "model_id": template.model_id,
        "current": desk.recogniser.fits(template),
        "generation": template.generation,
        "enrolled_s": template.enrolled_s,
        "camera": template.camera or None,
        "joined": len(template.joined),
    }
