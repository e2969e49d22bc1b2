"""The noise explorer on the Results and the Train page."""

import os

import numpy as np
import pytest

from dsc_core.runs import Store
from dsc_core.runs.annotations import edits
from dsc_core.runs.artifacts.labels import labels_frame
from tests.pages.trained import FEW, at, trained

RESULTS, TRAIN = "pages/views/results.py", "pages/views/train.py"


@pytest.fixture(params=["image", "table"])
def run_id(request, workspace):
    return trained(request.param, False)


def explored(app, run_id, page=RESULTS):
    """The page about the run with the explorer open."""
    app.session_state["explorer"] = True
    return at(app, run_id, page)


def told(app):
    """The lines about the explored samples."""
    return [text.value for text in app.markdown if text.value.startswith("**Sample ")]


def test_samples_are_chosen_by_number_and_at_random(app, run_id):
    explored(app, run_id)
    assert len(told(app)) == 1
    app.text_input(key=f"explored_{run_id}").set_value("3, 0, 7").run()
    assert [line.split()[1] for line in told(app)] == ["3", "0", "7"]
    app.button(key="random_four").click().run()
    assert len(told(app)) == 4
    app.button(key="random_one").click().run()
    assert len(told(app)) == 1
    assert not app.exception


@pytest.mark.parametrize("text", ["x", str(FEW), ""])
def test_a_number_that_is_none_is_one_sentence(app, workspace, text):
    run_id = trained("image", False)
    explored(app, run_id)
    app.text_input(key=f"explored_{run_id}").set_value(text).run()
    assert not app.exception
    assert len(app.error) == 1
    assert app.error[0].value.endswith("\\.")


def test_without_noise_the_decodings_agree_and_with_it_they_do_not(app, run_id):
    explored(app, run_id)
    app.slider(key=f"explorer_level_{run_id}").set_value(0.0).run()
    assert "‖x̂ψ − x̂‖² = 0 " in told(app)[0]
    app.slider(key=f"explorer_level_{run_id}").set_value(1.5).run()
    noisy = told(app)[0]
    assert "‖x̂ψ − x̂‖² = 0 " not in noisy
    app.button(key="draw_again").click().run()
    assert told(app)[0] != noisy
    assert not app.exception


def test_the_train_page_opens_it_on_request_and_shares_its_settings(app, workspace):
    run_id = trained("image", False)
    explored(app, run_id)
    app.text_input(key=f"explored_{run_id}").set_value("5").run()
    app.switch_page(TRAIN).run()
    assert told(app) == []
    app.session_state["explorer"] = True
    app.run()
    assert not app.exception
    assert [line.split()[1] for line in told(app)] == ["5"]


def test_merged_clusters_are_shown_as_edited_on_both_pages(app, workspace):
    run_id = trained("image", False)
    run = Store().get(run_id)
    log = edits.of_run(run, labels_frame(run))
    for cluster in (0, 1):
        log.merge(cluster, 2)
    log.name(2, "all of them")
    explored(app, run_id)
    app.text_input(key=f"explored_{run_id}").set_value("0, 1, 2").run()
    assert all("cluster all of them" in line for line in told(app))
    app.switch_page(TRAIN).run()
    app.session_state["explorer"] = True
    app.run()
    assert not app.exception
    assert len(told(app)) == 3
    assert all("cluster all of them" in line for line in told(app))


def test_a_damaged_model_is_one_sentence_and_the_page_stays(app, workspace):
    run_id = trained("image", True)
    path = Store().folder(run_id) / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    explored(app, run_id)
    assert len(app.error) == 1
    assert "cannot be read" in app.error[0].value
    assert "Confusion matrix" in {heading.value for heading in app.subheader}


def test_a_map_of_an_earlier_attempt_is_not_shown_for_a_new_model(app, workspace):
    run_id = trained("image", False)
    explored(app, run_id)
    assert any("land**" in text.value for text in app.markdown)
    model = Store().folder(run_id) / "model" / "model.json"
    later = (Store().folder(run_id) / "embeddings" / "latent_map.npy").stat().st_mtime + 10
    os.utime(model, (later, later))
    app.run()
    assert not any("land**" in text.value for text in app.markdown)
    assert any("once the latent map has been computed" in caption.value for caption in app.caption)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [[7], slice(None)], ids=["another sample", "all samples"])
def test_codes_that_are_no_finite_numbers_are_one_sentence(app, store, run_id, value, rows):
    path = next(store.folder(run_id).glob("**/latent.npy"))
    codes = np.load(path)
    codes[rows] = value
    np.save(path, codes)
    for page in (RESULTS, TRAIN):
        app.session_state[f"explored_{run_id}"] = "3"
        explored(app, run_id, page)
        assert any("not finite" in box.value for box in app.error), [box.value for box in app.error]
