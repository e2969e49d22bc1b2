"""What a setting is: a dataclass field that carries its title, symbol, range and help."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from dsc_core.errors import InputError

NOISE = "Noise and mutual information"
AUTOENCODER = "Autoencoder"
SPECTRAL = "Spectral network"
JOINT = "Joint training"
RUN = "Run"
GROUPS = (NOISE, AUTOENCODER, SPECTRAL, JOINT, RUN)

# What a setting needs to have an effect.
ENCODER = "encoder"  # an encoder that is trained
IMAGES = "images"  # samples that are images
COLOUR = "colour"  # images with three channels
COPIES = "copies"  # random copies of images
GRAPH = "graph"  # the graph of the whole data set
TARGETS = "targets"  # confident samples of that graph

Value = float | int | str | bool
SWITCH = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


class Range(NamedTuple):
    """The values that a number may take, both ends included, and the step of its slider."""

    low: float
    high: float
    step: float


@dataclass(frozen=True)
class Knob:
    """One setting. live: can be changed during training. needs: what it needs to have an effect."""

    name: str
    title: str
    symbol: str
    default: Value
    help: str
    group: str
    range: Range | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    live: bool = False
    advanced: bool = False
    needs: frozenset[str] = frozenset()

    @property
    def low(self) -> float | None:
        """The smallest value; None where the setting is no number."""
        return self.range.low if self.range else None

    @property
    def high(self) -> float | None:
        """The largest value."""
        return self.range.high if self.range else None

    @property
    def step(self) -> float | None:
        """The step of a slider."""
        return self.range.step if self.range else None

    @property
    def accepts(self) -> str:
        """The valid values in words: "a whole number from 2 to 512"."""
        if self.choices:
            return " or ".join(self.choices)
        if self.range is None:
            return "true or false"
        number = "a whole number" if isinstance(self.default, int) else "a number"
        return f"{number} from {plain_number(self.range.low)} to {plain_number(self.range.high)}"

    def validate(self, value: object) -> Value:
        """`value` as the setting's own type; InputError names the setting and what it accepts."""
        try:
            converted = self._convert(value)
        except (KeyError, ValueError, TypeError, OverflowError):
            converted = None
        if converted is None or not self._contains(converted):
            raise InputError(f"{self.name} must be {self.accepts}, not '{value}'.")
        return converted

    def _convert(self, value: Any) -> Value:
        """`value` as the type of the default; any of several errors where that is impossible."""
        kind = type(self.default)
        if kind is bool:
            return SWITCH[str(value).lower()]
        if kind is int and float(value) != int(float(value)):
            raise ValueError
        return int(float(value)) if kind is int else kind(value)

    def _contains(self, value: Any) -> bool:
        """Whether a value of the right type is one of the choices, or in the range."""
        if self.range is None:
            return not self.choices or value in self.choices
        return math.isfinite(value) and self.range.low <= value <= self.range.high


def plain_number(value: float) -> str:
    """A number without an exponent: "10,000,000", "0.35", "0.000001"."""
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"
    return f"{float(text):.15f}".rstrip("0") if "e" in text else text


def knob(
    default: Value,
    symbol: str,
    group: str,
    values: Range | tuple[str, ...] | None = None,
    *,
    help: str,
    needs: Iterable[str] = (),
    **more: Any,
) -> Any:
    """A dataclass field that carries its `Knob`. values: a range, choices, or None for on and off.

    more: `title`, where the name does not read well as one, `unit`, `live`, `advanced`.
    """
    allowed = {"range": values} if isinstance(values, Range) else {"choices": values or ()}
    about = {
        "default": default,
        "symbol": symbol,
        "group": group,
        "help": help,
        "needs": frozenset(needs),
        **allowed,
        **more,
    }
    return field(default=default, metadata={"knob": about})


def knobs_of(settings: type) -> dict[str, Knob]:
    """The knobs of a dataclass by name, group by group, in the order of its fields."""
    knobs = []
    for each in fields(settings):
        about: dict[str, Any] = {"title": each.name.replace("_", " ").capitalize()} | each.metadata["knob"]
        knobs.append(Knob(name=each.name, default=about.pop("default"), **about))
    return {each.name: each for each in sorted(knobs, key=lambda each: GROUPS.index(each.group))}
