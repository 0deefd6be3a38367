"""Makes a template: drives the enrol machine through its stages, reviews the samples, saves once."""

import logging
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

import numpy as np

from kinect_unlock import limiter
from kinect_unlock.arrays import F32
from kinect_unlock.attempts import CameraAttempt, Claim, Desk, Machine
from kinect_unlock.claims import ROOT
from kinect_unlock.decisions import Facts, frame_facts
from kinect_unlock.errors import StoreError
from kinect_unlock.evidence import shows_live_face
from kinect_unlock.hinting import hint_towards
from kinect_unlock.machines.enrol import ENROL, OPEN_STATES, Effect, Event, State
from kinect_unlock.observations import Modality, Observation
from kinect_unlock.ports import Use
from kinect_unlock.sampling import Sample, band_of, is_new, nearest_other, views_in_infrared, worst_cosine
from kinect_unlock.settings import Stage
from kinect_unlock.templates import Template, Views
from kinect_unlock.wire import Hint, Reply, Word

_LOG = logging.getLogger(__name__)

MACHINE: Final = Machine(ENROL, OPEN_STATES, Event.START, Event.TIMED_OUT, Event.CANCEL, Event.SOURCE_LOST)


class EnrolAttempt(CameraAttempt[State, Event, Effect]):
    """One enrolment of ``user``."""

    use: ClassVar[Use] = "enrol"

    def __init__(self, desk: Desk, claim: Claim, user: str) -> None:
        super().__init__(desk, claim, MACHINE, State.IDLE)
        self._user = user
        self._rules = desk.config.enrol
        self._layout = desk.recogniser.encoder.layout
        self._samples: list[Sample] = []
        self._infrared: Views | None = None  # once reviewed
        self._stage_ns: int | None = None  # the first frame of this stage

    @property
    def stage(self) -> Stage:
        """The stage that samples are taken for now."""
        return self._rules.stages[self._stage_index]

    def limit_s(self) -> float:
        """Return how long one stage may take; announcing the next one begins it anew."""
        return self._rules.stage_timeout_s

    def expire(self) -> None:
        """End because a stage could not be completed."""
        self.message = self.message or f"not completed within {self.limit_s():g} s"
        super().expire()

    def judge(self, observation: Observation, first_ns: int) -> None:
        """Take a sample of a frame that shows a live face in the stage's pose."""
        if self._stage_ns is None:
            self._stage_ns = observation.captured_ns
        if self.passed_s(observation, self._stage_ns) >= self.limit_s():
            self.expire()
            return
        sample = self._sample(observation)
        taken = sample is not None and is_new(sample, self._samples)
        self.tell_hint(self._hint(observation))
        self.tell_frame(frame_facts(observation, first_ns, stage=self.stage, taken=taken), observation)
        self.feed(Event.POSE_LOST if sample is None else Event.POSE_HELD)
        if taken and sample is not None:
            self._samples.append(sample)
            self._pass_stage_when_complete()

    def carry_out(self, effect: Effect) -> None:
        """Do what a step orders."""
        orders: dict[Effect, Callable[[], None]] = {
            Effect.OPEN_SOURCE: self.open_source,
            Effect.CLOSE_SOURCE: self.close_source,
            Effect.ANNOUNCE_STAGE: self._announce_stage,
            Effect.ANNOUNCE_PASSED: self._announce_passed,
            Effect.REVIEW: self._review,
            Effect.SAVE: self._save,
            Effect.REPORT_ENROLLED: self._report_enrolled,
            Effect.REPORT_FAILED: self._report_failed,
            Effect.REPORT_CANCELLED: lambda: self.report(Word.CANCELLED),
            Effect.REPORT_FAULT: self.report_fault,
        }
        orders[effect]()

    @property
    def _stage_index(self) -> int:
        return min(len(self._samples) // self._rules.samples_per_stage, len(self._rules.stages) - 1)

    def _hint(self, observation: Observation) -> Hint | None:
        ranges = self.desk.config.ranges
        return hint_towards(band_of(self.stage, ranges.enrol), self.stage, observation, ranges)

    def _sample(self, observation: Observation) -> Sample | None:
        """Return a frame as a sample if it is one live face in colour, encoded, in the stage's pose."""
        face, embedding = observation.face, observation.embedding
        in_color = observation.modality is Modality.COLOR
        if not in_color or not shows_live_face(observation) or face is None or embedding is None:
            return None
        if embedding.model_id != self.desk.recogniser.encoder.model_id:
            return None
        if not band_of(self.stage, self.desk.config.ranges.enrol).holds(face.pose):
            return None
        beside = observation.beside
        infrared = beside.vector if beside is not None and beside.model_id == embedding.model_id else None
        return Sample(embedding.vector, face.pose, observation.captured_ns, infrared)

    def _pass_stage_when_complete(self) -> None:
        per_stage = self._rules.samples_per_stage
        if len(self._samples) == per_stage * len(self._rules.stages):
            self.feed(Event.LAST_STAGE_PASSED)
        elif len(self._samples) % per_stage == 0:
            self._stage_ns = None
            self.feed(Event.STAGE_PASSED)

    def _announce_stage(self) -> None:
        self.claim.send(Reply(Word.STAGE, stage=self.stage, data=self._progress()))
        if self._samples:  # before the first sample the camera is still being opened, which has its own limit
            self.arm(self.limit_s(), self.expire)

    def _announce_passed(self) -> None:
        passed = self._rules.stages[len(self._samples) // self._rules.samples_per_stage - 1]
        self.claim.send(Reply(Word.STAGE_PASSED, stage=passed, data=self._progress()))

    def _progress(self) -> Facts:
        passed = len(self._samples) // self._rules.samples_per_stage
        return {"passed": passed, "of": len(self._rules.stages)}

    def _review(self) -> None:
        if not self._is_one_person([sample.vector for sample in self._samples]):
            self.message = "the samples do not all show one person; enrol again, alone before the camera"
            self.feed(Event.REVIEW_FAILED)
            return
        self._infrared = self._views_in_infrared()
        self._warn_of_likeness()
        self.feed(Event.REVIEW_PASSED)

    def _is_one_person(self, embeddings: Sequence[F32]) -> bool:
        return worst_cosine(embeddings, self._layout) >= self._rules.min_cosine  # False for NaN

    def _views_in_infrared(self) -> Views | None:
        """Return what was enrolled in infrared beside colour; where it does not do, colour is enrolled alone."""
        if not self.desk.config.match.infrared:
            return None
        views = views_in_infrared(self._samples, per_stage=self._rules.samples_per_stage)
        if views is None:
            self._warn("not enrolled in infrared: no face was found there in some of the stages")
        elif not self._is_one_person(list(views.vectors)):
            self._warn("not enrolled in infrared: its samples are too unlike each other")
            return None
        return views

    def _warn_of_likeness(self) -> None:
        """Tell of another user who is alike; one person may have two accounts, so it is only told.

        Who that is, a user who enrols themself is not told: they could ask of whomever they sit before the camera.
        """
        may_know = self.claim.uid in {ROOT, self.desk.facts.own_uid}
        others = []
        for name in self.desk.templates.users():
            if name == self._user:
                continue
            try:
                other = self.desk.templates.load(name)
            except StoreError as error:
                _LOG.warning("event=template-unreadable user=%s message=%r", name, str(error))
                whom = f"user {name}" if may_know else "a user"
                self._warn(f"could not be compared with {whom}, whose template cannot be read")
                continue
            if other is not None and self.desk.recogniser.fits(other):
                others.append(other)
        likeness = nearest_other(self._samples, others, self._layout)
        if likeness is not None and likeness.score >= self._rules.duplicate_cosine:
            whom = f"user {likeness.user}" if may_know else "another user"
            self._warn(f"looks much like {whom}: either may be taken for the other")

    def _warn(self, message: str) -> None:
        self.claim.send(Reply(Word.WARNING, user=self._user, message=message))

    def _save(self) -> None:
        """Write the ledger's mark first: should the template then fail, nothing but a date has changed."""
        desk = self.desk
        try:
            ledger = desk.book.open(self._user)
            desk.book.save(self._user, limiter.enrolled(ledger, desk.clock.boot_time()))
            desk.templates.save(self._template())
        except StoreError as error:
            self.fault = error
            self.feed(Event.SAVE_FAILED)
        else:
            self.feed(Event.SAVED)

    def _template(self) -> Template:
        return Template(
            user=self._user,
            vectors=np.stack([sample.vector for sample in self._samples]),
            poses=tuple(sample.pose for sample in self._samples),
            model_id=self.desk.recogniser.encoder.model_id,
            origin=self.desk.facts.origin,
            generation=self._generation(),
            enrolled_s=self.desk.clock.wall_s(),
            infrared=self._infrared,
            camera=self.desk.camera.report().serial,
        )

    def _generation(self) -> int:
        """Return the older template's generation plus one; one that cannot be read is what enrolling is for."""
        try:
            older = self.desk.templates.load(self._user)
        except StoreError:
            _LOG.warning("event=template-replaced user=%s reason=unreadable", self._user)
            return 1
        return 1 if older is None else older.generation + 1

    def _report_enrolled(self) -> None:
        data: Facts = {"vectors": len(self._samples), "stages": list(self._rules.stages)}
        if self._infrared is not None:
            data["infrared_vectors"] = len(self._infrared.vectors)
        self.end(Reply(Word.ENROLLED, done=True, user=self._user, data=data))

    def _report_failed(self) -> None:
        stage = self.stage if len(self._samples) < self._rules.samples_per_stage * len(self._rules.stages) else None
        why = self.message or "the enrolment could not be completed"
        self.end(Reply(Word.ENROL_FAILED, done=True, user=self._user, stage=stage, message=f"{why}; nothing changed"))
