"""A state machine as plain data, and the one function that runs an event through it.

A table maps (state, event) to a step: the next state and the effects to carry out, in order. A pair without a step is
either in the table's ``ignored`` set, because it may come by an innocent race, or it is illegal. Tables know no time,
no camera and no peer; whoever runs one carries out its effects.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from kinect_unlock.errors import InternalError

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)
Effect = TypeVar("Effect", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Step(Generic[State, Effect]):
    """Where a transition leads and what it orders."""

    to: State
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class Table(Generic[State, Event, Effect]):
    """All transitions of one machine."""

    name: str
    steps: Mapping[tuple[State, Event], Step[State, Effect]]
    ignored: frozenset[tuple[State, Event]] = field(default_factory=frozenset)

    def step(self, state: State, event: Event) -> Step[State, Effect]:
        """Return what follows; an ignored pair stays where it is and orders nothing.

        Raises:
            InternalError: the pair is illegal. Nothing was changed.
        """
        if (state, event) in self.ignored:
            return Step(state)
        try:
            return self.steps[state, event]
        except KeyError:
            raise InternalError(f"{self.name}: {event.value!r} cannot happen in state {state.value!r}") from None
