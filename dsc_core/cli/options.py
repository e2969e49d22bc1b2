"""Options that several commands share, and the types of their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from dsc_core.errors import InputError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Size(click.ParamType):
    """A size such as 28x28 or 3x32x32, as a tuple of numbers."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """`value` as numbers."""
        from dsc_core.data import parse_size

        try:
            return value if isinstance(value, tuple) else parse_size(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


class ValueRange(click.ParamType):
    """Two numbers such as 0:4095, as a tuple."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        """`value` as numbers."""
        from dsc_core.data.options import parse_range

        try:
            return value if isinstance(value, tuple) else parse_range(value)
        except InputError as error:
            self.fail(str(error), param, ctx)


class Names(click.ParamType):
    """One of the names in a registry, which is loaded for the help only; the core checks the name itself."""

    name = "name"

    def __init__(self, load: Callable[[], Iterable[str]]):
        self.load = load

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The names, as the help shows them."""
        return "|".join(self.load())


def channel_names() -> Iterable[str]:
    """The values of --channels."""
    from dsc_core.data import CHANNELS

    return CHANNELS


def page_names() -> Iterable[str]:
    """The values of --pages."""
    from dsc_core.data.options import PAGES

    return PAGES


@dataclass(frozen=True)
class Source:
    """What DATA and the options that say how to read it came to.

    reading: the keyword arguments of `dsc_core.data.open_dataset`.
    """

    data: str
    reading: dict[str, Any]


DATA_OPTIONS: tuple[Decorator, ...] = (
    click.argument("data", metavar="DATA"),
    click.option("--labels-from-folders", is_flag=True, help="Use the folder of an image as its label."),
    click.option(
        "--folder-level",
        type=int,
        metavar="N",
        help="Which folder that is: 1 contains the image, 2 is the one around it.  [default: found]",
    ),
    click.option(
        "--pages",
        type=Names(page_names),
        help="Of image files with several pages, read the first, or all as samples.  [default: first]",
    ),
    click.option(
        "--value-range",
        type=ValueRange(),
        metavar="LOW:HIGH",
        help="Values of black and white in the images.  [default: found, the same for all images]",
    ),
    click.option(
        "--size",
        type=Size(),
        metavar="HxW",
        help="Resize images to this height and width.  [default: larger ones to 96 pixels]",
    ),
    click.option(
        "--crop", is_flag=True, help="Crop images to their centre, in the proportions of --size or square."
    ),
    click.option("--channels", type=Names(channel_names), help="Convert images to this number of channels."),
    click.option(
        "--label-column",
        metavar="NAME",
        help="Column or key that holds the labels.  [default: recognised by its name]",
    ),
    click.option(
        "--no-label-column", "label_column", flag_value="", help="No column or key holds the labels."
    ),
    click.option(
        "--id-column", metavar="NAME", help="Column or key that holds the ids.  [default: recognised]"
    ),
    click.option("--no-id-column", "id_column", flag_value="", help="No column or key holds the ids."),
    click.option(
        "--exclude",
        multiple=True,
        metavar="NAME",
        help="Column of a table that is left out; may be repeated.",
    ),
    click.option(
        "--keep-all-columns",
        is_flag=True,
        help="Also train on columns that number the rows, or look like labels besides the label column.",
    ),
    click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first line of a CSV file names the columns.  [default: guessed]",
    ),
    click.option(
        "--samples-key", metavar="NAME", help="Key of the samples in .npz, .h5, .h5ad and .mat files."
    ),
    click.option(
        "--samples-last/--samples-first",
        default=None,
        help="Axis of an array that counts the samples.  [default: guessed]",
    ),
    click.option(
        "--image-shape", type=Size(), metavar="HxW", help="Read table columns as pixels of such images."
    ),
    click.option(
        "--pixel-order",
        type=click.Choice(["rows", "columns"]),
        help="Order of the pixels in a row; 'columns' is MATLAB's.",
    ),
)
READING = (
    "labels_from_folders",
    "folder_level",
    "value_range",
    "size",
    "crop",
    "channels",
    "label_column",
    "id_column",
    "exclude",
    "header",
    "samples_key",
    "samples_last",
    "image_shape",
)


def data_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add DATA and the options for reading it; the function receives them as `source`, a Source."""

    @wraps(function)
    def with_source(data: str, pixel_order: str | None, **options: Any) -> Any:
        reading = {name: options.pop(name) for name in READING}
        reading["exclude"] += ("",) if options.pop("keep_all_columns") else ()
        reading["pages"] = options.pop("pages") or "first"
        reading["columns_first"] = None if pixel_order is None else pixel_order == "columns"
        return function(source=Source(data, reading), **options)

    decorated: Callable[..., Any] = with_source
    for option in reversed(DATA_OPTIONS):
        decorated = option(decorated)
    return decorated


run_argument = click.argument("run", metavar="RUN")
clusters_option = click.option(
    "--clusters", type=int, metavar="K", help="Number of clusters.  [default: the number of classes]"
)
seed_option = click.option("--seed", type=int, metavar="N", help="Seed; the same seed gives the same result.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
tensorboard_option = click.option(
    "--tensorboard", is_flag=True, help="Also write TensorBoard event files to the run's folder."
)
live_settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    required=True,
    metavar="KNOB=VALUE",
    help="Change a setting that may change during training; may be repeated.",
)
