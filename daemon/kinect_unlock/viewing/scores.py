"""How alike a face is to one template, for the picture of somebody who may see that; never logged, never sent."""

from dataclasses import dataclass

from kinect_unlock.errors import RequestError
from kinect_unlock.halves import HalfName
from kinect_unlock.matching import Known, cosines_needed
from kinect_unlock.observations import Modality, Observation
from kinect_unlock.ports import Recogniser
from kinect_unlock.settings import Strategy
from kinect_unlock.templates import Template


@dataclass(frozen=True, slots=True)
class Score:
    """One vote's cosine -1..1 and what it must reach; ``needed`` None: it has no vote at such a distance."""

    half: HalfName
    cosine: float
    needed: float | None

    @property
    def reached(self) -> bool:
        """True if it has a vote and reaches what it needs; a cosine that is no number reaches nothing."""
        return self.needed is not None and self.cosine >= self.needed


@dataclass(frozen=True, slots=True)
class Scores:
    """What every vote says of one frame, beside whose template."""

    user: str
    votes: tuple[Score, ...]

    @property
    def reached(self) -> bool:
        """True if every vote reaches what it needs; without votes nothing is reached."""
        return bool(self.votes) and all(vote.reached for vote in self.votes)


class Scorer:
    """Compares observations with one template.

    Raises:
        RequestError: the template is of another encoder than the one in use.
    """

    def __init__(self, template: Template, recogniser: Recogniser, strategy: Strategy) -> None:
        if not recogniser.fits(template):
            raise RequestError(
                f"{template.user} was enrolled with the encoder {template.model_id}, in use is "
                f"{recogniser.encoder.model_id}; enrol {template.user} again to see scores"
            )
        self._template = template
        self._recogniser = recogniser
        self._known = Known(template, strategy, recogniser.encoder.layout)

    def scores(self, observation: Observation) -> Scores | None:
        """Return what each half with a threshold says of a frame; None for a frame that has no say in colour."""
        if observation.embedding is None or observation.face is None or observation.modality is not Modality.COLOR:
            return None
        recogniser = self._recogniser
        found = self._known.scores(observation.embedding.vector)
        needed = cosines_needed(recogniser.bars, (observation.face.pose.distance_mm,))
        votes = tuple(Score(bar.half, found.of(bar.half), needed.get(bar.half)) for bar in recogniser.bars)
        return Scores(self._template.user, votes)
