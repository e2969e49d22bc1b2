"""Pictures that open something when they are clicked, or chosen with the keyboard: `st.image` cannot be clicked."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

STYLE = """
#pictures { display: flex; flex-wrap: wrap; gap: 0.5rem; }
button {
    display: flex; flex-direction: column; align-items: center; gap: 2px; padding: 2px; margin: 0;
    border: 2px solid transparent; border-radius: 0.4rem; background: none; cursor: pointer;
    font: inherit; font-size: 0.78rem; color: var(--st-text-color);
}
button:hover { border-color: var(--st-border-color); background: var(--st-secondary-background-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
img { display: block; image-rendering: pixelated; }
span { max-width: 6rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
"""
SCRIPT = """
export default function ({ data, parentElement, setTriggerValue }) {
    const box = parentElement.querySelector("#pictures");
    const root = box.getRootNode();
    const focused = root.activeElement && box.contains(root.activeElement) ? root.activeElement.dataset.row : null;
    box.replaceChildren(...data.pictures.map(picture => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.row = picture.row;
        button.title = picture.about;
        button.setAttribute("aria-label", picture.about);
        button.onclick = () => setTriggerValue("picked", picture.row);
        const image = document.createElement("img");
        image.src = picture.source;
        image.width = data.width;
        image.alt = "";
        button.append(image);
        if (picture.caption) {
            const caption = document.createElement("span");
            caption.textContent = picture.caption;
            button.append(caption);
        }
        return button;
    }));
    const again = [...box.children].find(button => button.dataset.row === focused);
    if (again) again.focus();
}
"""
_COMPONENT = st.components.v2.component(
    "dsc_pictures", html="<div id='pictures' role='group'></div>", css=STYLE, js=SCRIPT
)


@dataclass(frozen=True)
class Picture:
    """One picture. row: the sample that it opens. image: (H, W, 3 or 4) uint8. about: what a screen reader says."""

    row: int
    image: np.ndarray
    caption: str
    about: str


def draw(key: str, shown: Sequence[Picture], width: int, on_pick: Callable[[int], object]) -> None:
    """Pictures side by side, each `width` pixels wide; a click, Enter or the space bar calls `on_pick(row)`."""
    pictures = [
        {"row": int(one.row), "source": data_url(one.image), "caption": one.caption, "about": one.about}
        for one in shown
    ]

    def picked() -> None:
        row = (st.session_state.get(key) or {}).get("picked")
        if row is not None:
            on_pick(int(row))

    _COMPONENT(key=key, data={"pictures": pictures, "width": width}, on_picked_change=picked)


def data_url(image: np.ndarray) -> str:
    """An image (H, W, 3 or 4) uint8 as the address of a PNG."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, "png")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
