"""Results page: scores are called what they are, and what is shown is what the run found."""

import numpy as np
import pytest

from dsc_core.config import preset
from dsc_core.data import Dataset
from dsc_core.runs import Store, execute

RESULTS = "pages/views/results.py"
FEW = 14  # so few that the maps are drawn without UMAP, which takes long to compile


def trained(kind: str, labelled: bool) -> str:
    """A run of a few samples in three groups, trained for an epoch; its id."""
    rng = np.random.default_rng(0)
    groups = np.arange(FEW) % 3
    shape = (1, 8, 8) if kind == "image" else (5,)
    samples = (rng.normal(size=(FEW, *shape)) * 0.1 + groups.reshape(-1, *[1] * len(shape))).astype(
        np.float32
    )
    ids = np.array([f"<b>{i}</b>*x*.png" for i in range(FEW)])
    labels = np.array(["a|b", "$c$", "<i>"])[groups] if labelled else None
    dataset = Dataset(
        "few", samples, ids, labels, kind, scaling=(0.0, 0.5) if kind == "image" else (0.0, 1.0)
    )
    config = preset("quick", clusters=3, epochs=1, joint_epochs=1, least_steps=0, neighbours=3, batch=8)
    store = Store()
    run_id = store.create(dataset, config)
    execute(store, run_id)
    store.close()
    return run_id


@pytest.mark.parametrize(("kind", "labelled"), [("image", True), ("image", False), ("table", False)])
def test_a_finished_run_is_shown_with_the_scores_it_can_have(app, kind, labelled):
    app.query_params["run"] = trained(kind, labelled)
    app.run()
    app.switch_page(RESULTS).run()
    assert not app.exception
    assert not app.error
    titles = {metric.label for metric in app.metric}
    assert ({"ACC", "NMI", "ARI"} <= titles) == labelled
    assert ("Silhouette, latent" in titles) != labelled
    assert any("no accuracy" in caption.value for caption in app.caption) != labelled
    assert ("Confusion matrix" in {heading.value for heading in app.subheader}) == labelled
    cards = [text.value for text in app.markdown if text.value.startswith("**Cluster ")]
    assert len(cards) == 3
    assert not any("<i>" in card for card in cards)


def test_every_colouring_and_both_kinds_of_cell_can_be_drawn(app):
    app.query_params["run"] = trained("image", True)
    app.run()
    app.switch_page(RESULTS).run()
    for key, ways in (("colour_by", ("Label", "Confidence", "Cluster")), ("cells", ("Shares", "Counts"))):
        for way in ways:
            next(control for control in app.segmented_control if control.key == key).set_value(way).run()
            assert not app.exception


def test_the_train_page_of_a_finished_run_shows_its_curves_and_leads_on(app):
    app.query_params["run"] = trained("image", True)
    app.run()
    app.switch_page("pages/views/train.py").run()
    assert not app.exception
    assert {metric.label: metric.value for metric in app.metric}["Stage"] == "Done"
    assert [button.key for button in app.button if button.key] == ["to_results", "another"]
    app.button(key="another").click().run()
    assert not app.exception
    assert app.number_input(key="knob_clusters").value == 3
    assert app.number_input(key="knob_batch").value == 8
    assert "run" not in app.query_params
