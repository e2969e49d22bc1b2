"""Labels of options in select boxes.

The browser sends the label of the chosen option back, not the option: a label that changes by itself, such as
"2 min ago", or that two options share, would lead to another option or to none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable


def labels(options: Iterable[str], describe: Callable[[str], str]) -> dict[str, str]:
    """The label of each option, for `format_func`: unique, with the option added where two are described alike."""
    described = {option: describe(option) for option in options}
    counts = Counter(described.values())
    return {option: text if counts[text] == 1 else f"{text} ({option})" for option, text in described.items()}
