"""The transforms of random copies on the Data page: figures, pictures, and settings that reach the Train page."""

import numpy as np
import pytest

from dsc_core.config import FURTHER
from dsc_core.presets import preset
from pages.shared import jobs, knobs
from pages.shared.data import transforms
from tests.pages.test_data_page import npy, upload
from tests.pages.test_train_page import TRAIN

DATA = "pages/views/data.py"


@pytest.fixture
def opened(monkeypatch):
    """Sections are open, as after a click that AppTest cannot make."""
    import streamlit as st

    plain = st.expander

    class Open:
        def __init__(self, *args, **options):
            options.pop("on_change", None)
            self.box, self.open = plain(*args, **options), True

        def __enter__(self):
            return self.box.__enter__()

        def __exit__(self, *error):
            return self.box.__exit__(*error)

    def expander(label, **options):
        return Open(label, **options) if options.get("key") == "transforms" else plain(label, **options)

    monkeypatch.setattr(transforms.st, "expander", expander)


def finished(app):
    """Run until the section's job has ended."""
    for name, job in jobs._all().items():
        if name.startswith("transforms_"):
            job.join(60)
    return app.run()


def at_digits(app):
    app.run()
    app.button(key="use_digits").click().run()
    return finished(app)


def said(app) -> str:
    return "\n".join(caption.value for caption in app.caption)


def test_each_transform_has_its_ratio_a_verdict_and_pictures(app, opened):
    at_digits(app)
    assert not app.exception
    assert "ratio 1.7" in said(app)
    assert "limit 1.25" in said(app)
    assert "Copies are not mirrored." in said(app)
    shown = {box.key for box in app.selectbox}
    assert {"knob_mirror", "knob_zoom", "knob_brightness", "knob_contrast"} <= shown
    assert not {"knob_hue", "knob_grey"} & shown  # digits are grey


def test_what_is_overruled_here_is_shown_and_used_on_the_train_page(app, opened):
    at_digits(app)
    app.selectbox(key="knob_mirror").set_value("on").run()
    assert "Copies are also mirrored." in said(app)
    app.switch_page(TRAIN).run()
    assert not app.exception
    assert app.selectbox(key="knob_mirror").value == "on"
    assert any("Mirrored copies" in caption.value for caption in app.caption)
    app.selectbox(key="preset").set_value("quick").run()
    assert app.selectbox(key="knob_mirror").value == "on"  # of the data, not of the preset
    assert app.session_state[knobs.key_of("epochs")] == preset("quick").epochs


def test_another_data_set_starts_with_what_its_data_admit(app, opened):
    at_digits(app)
    app.selectbox(key="knob_mirror").set_value("on").run()
    upload(app, "other.npy", npy(np.random.default_rng(0).integers(0, 255, (90, 8, 8), np.uint8)))
    finished(app)
    assert not app.exception
    assert app.selectbox(key="knob_mirror").value == "auto"


def test_presets_without_copies_say_that_nothing_has_an_effect(app, opened):
    at_digits(app)
    assert not [info for info in app.info if "no random copies" in info.value]
    app.switch_page(TRAIN).run()
    app.selectbox(key="preset").set_value("quick").run()
    app.switch_page(DATA).run()
    assert [info for info in app.info if "no random copies" in info.value]


def test_images_in_colour_have_two_more(app, opened):
    app.run()
    upload(app, "colour.npy", npy(np.random.default_rng(0).integers(0, 255, (80, 12, 12, 3), np.uint8)))
    finished(app)
    assert not app.exception
    assert {"knob_hue", "knob_grey"} <= {box.key for box in app.selectbox}
    assert "Copies are not made grey." in said(app)  # off, whatever the data admit


def test_few_images_are_not_judged(app, opened):
    app.run()
    upload(app, "few.npy", npy(np.random.default_rng(0).integers(0, 255, (30, 8, 8), np.uint8)))
    finished(app)
    assert not app.exception
    assert "too few to measure it" in said(app)


def test_tables_have_no_transforms(app, opened):
    app.run()
    upload(app, "rows.npy", npy(np.random.default_rng(0).normal(size=(90, 5)).astype(np.float32)))
    assert not app.exception
    assert not {f"knob_{name}" for name in FURTHER} & {box.key for box in app.selectbox}


def test_what_goes_wrong_is_one_sentence(app, opened, monkeypatch):
    from dsc_core.method import admission

    def broken(*_, **__):
        raise ValueError("secret")

    monkeypatch.setattr(admission, "measure", broken)
    at_digits(app)
    assert not app.exception
    assert len(app.error) == 1
    assert "secret" not in app.error[0].value
    assert app.button(key="transforms_again")
