"""The alarm where stage 1 is dead: its latent codes are the same for all samples, whatever is trained on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from dsc_core.config import KNOBS, Config
from dsc_core.events import Event
from dsc_core.objective import AUTOENCODER, NO_INFORMATION, TERMS

if TYPE_CHECKING:
    from dsc_core.training.trainer import Trainer

FIRST = 100  # steps that stage 1 has to learn something in
NEAR_CHANCE = 0.01  # of a mutual information to 2·ln 2
NEAR_ZERO = 0.1  # the prior's KL in nats, which is tens of them where codes differ
DEAD = (
    "Stage 1 has learned nothing in {step} steps: {signs}. All samples have about the same latent code, and clusters"
    " made from it mean nothing; stop the run and train again with {remedy}, or with a smaller weight {prior}."
)


def is_dead(losses: dict[str, float]) -> bool:
    """Whether unweighted means of the terms are those of codes without information: the KL, and what else is computed.

    A mutual information at its start says nothing alone: a discriminator may be slow, or not be trained at all.
    """
    if "prior" not in losses or losses["prior"] > NEAR_ZERO:
        return False
    chances = {name: term.chance for name, term in TERMS.items() if term.chance is not None}
    return all(abs(losses[name] - chance) < NEAR_CHANCE for name, chance in chances.items() if name in losses)


def watched(trainer: Trainer, events: Iterable[Event]) -> Iterator[Event]:
    """The events, and after the first that shows a dead stage 1 a warning that says what it means and what to do."""
    for event in events:
        yield event
        late = event.stage == AUTOENCODER and event.step >= FIRST
        if late and not trainer.alarmed and is_dead(event.losses):
            trainer.alarmed = True
            yield trainer.clock.note(sentence(event, trainer.config), level="warning")


def sentence(event: Event, config: Config) -> str:
    """The warning, for an event whose losses are those of a dead stage 1."""
    signs = f"the KL divergence to the prior is {event.losses['prior']:.2f}"
    if any(name in event.losses for name, term in TERMS.items() if term.chance == NO_INFORMATION):
        signs = f"the mutual information stays at 2·ln 2, which means none, and {signs}"
    norm, rate = KNOBS["batch_norm"].title, KNOBS["learning_rate"].title
    remedy = f"a smaller {rate}" if config.batch_norm else norm
    return DEAD.format(step=event.step, signs=signs, remedy=remedy, prior=KNOBS["prior"].title)
