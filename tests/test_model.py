"""A trained model on disk and beside its run: written once, read from where it lies; and the graph it was made from."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from dsc_core.analysis.label_free import eigengap
from dsc_core.config import Config
from dsc_core.errors import InputError, RunError
from dsc_core.method.feed import Feed, build_graph, copy_codes
from dsc_core.model import Fitted
from dsc_core.presets import preset
from tests.training.small import SCALING, SMALL, images, run

SHORT = SMALL | {"epochs": 1, "joint_epochs": 1, "latent_dims": 8, "clusters": 4, "device": "cpu"}
IMAGES = images(120)


@pytest.fixture(scope="module")
def fitted():
    return run(IMAGES, preset("standard", **SHORT))[0]


def same(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("labels", "latent", "spectral", "confidence")
    )


def test_the_embeddings_of_a_run_are_written_once(fitted, tmp_path):
    fitted.save(tmp_path / "model", embeddings=tmp_path / "embeddings")
    arrays = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npy"))
    assert arrays == [
        "embeddings/latent.npy",
        "embeddings/spectral.npy",
        "model/confidence.npy",
        "model/labels.npy",
        "model/transform.npy",
    ]
    assert same(Fitted.load(tmp_path / "model", "cpu"), fitted)


def test_a_model_that_lies_alone_has_its_embeddings_with_it(fitted, tmp_path):
    """As version 0.1.0 wrote every model."""
    fitted.save(tmp_path / "model")
    assert {"latent.npy", "spectral.npy"} <= {path.name for path in (tmp_path / "model").iterdir()}
    assert not (tmp_path / "embeddings").exists()
    assert same(Fitted.load(tmp_path / "model", "cpu"), fitted)


@pytest.mark.parametrize("missing", ["model/model.json", "model/transform.npy", "embeddings/latent.npy"])
def test_a_missing_file_is_one_sentence(fitted, tmp_path, missing):
    fitted.save(tmp_path / "model", embeddings=tmp_path / "embeddings")
    (tmp_path / missing).unlink()
    with pytest.raises(
        RunError, match=r"^The model in model cannot be read \(FileNotFoundError\); train it again\.$"
    ):
        Fitted.load(tmp_path / "model", "cpu")


def test_a_fit_carries_its_last_graph_and_its_eigenvalues(fitted):
    assert fitted.affinity.shape == (120, 120)
    assert (np.diff(fitted.eigenvalues) <= 1e-9).all()
    assert fitted.eigenvalues[0] == pytest.approx(1.0)
    assert eigengap(fitted.eigenvalues, 4) > 0


@pytest.mark.parametrize("settings", [{}, {"readout": "softmax"}, {"joint_epochs": 0}])
def test_every_training_with_a_whole_graph_carries_it(settings):
    fitted = run(IMAGES, Config(**SHORT | settings))[0]
    assert fitted.affinity.shape == (120, 120)
    assert len(fitted.eigenvalues) > 4


def test_a_training_on_batch_graphs_carries_none():
    fitted = run(IMAGES, Config(**SHORT, graph="batch", readout="softmax"))[0]
    assert fitted.affinity is None
    assert fitted.eigenvalues is None


def test_the_graph_of_a_run_is_the_one_that_training_built(fitted, tmp_path):
    """With the copies of the images: without them it is another graph."""
    fitted.save(tmp_path)
    loaded = Fitted.load(tmp_path, "cpu")
    assert loaded.affinity is None
    again = loaded.build_graph(IMAGES, SCALING)
    assert abs(again - fitted.affinity).max() < 1e-2, "the same but for rounding"
    feed = Feed(IMAGES, SCALING, loaded.device)
    assert len(copy_codes(loaded.nets, feed, loaded.config)) == loaded.config.augmented_graph > 0
    without = build_graph(torch.from_numpy(fitted.latent), [], fitted.config)
    assert abs(without - fitted.affinity).max() > 0.1


def test_a_sample_is_assigned_alike_alone_and_among_others(fitted):
    whole = fitted.assign(IMAGES, SCALING)
    assert np.array_equal(whole.labels, fitted.labels)
    alone = fitted.assign(IMAGES[7:8], SCALING)
    assert alone.labels[0] == whole.labels[7]
    assert np.allclose(alone.spectral, whole.spectral[7:8], atol=1e-3)
    assert np.allclose(whole.probabilities.sum(1), 1, atol=1e-5)


def test_confidence_is_that_of_the_training_and_the_cluster_is_the_most_probable(fitted, tmp_path):
    whole = fitted.assign(IMAGES, SCALING)
    np.testing.assert_allclose(whole.confidence, fitted.confidence, atol=1e-4)
    assert np.array_equal(whole.probabilities.argmax(1), whole.labels)
    assert np.allclose(whole.probabilities[np.arange(120), whole.labels], whole.confidence)
    alone = fitted.assign(IMAGES[7:8], SCALING)
    assert alone.confidence[0] == pytest.approx(whole.confidence[7], abs=1e-4)
    fitted.save(tmp_path)
    loaded = Fitted.load(tmp_path, "cpu")
    assert loaded.temperature == fitted.temperature
    assert np.array_equal(loaded.biases, fitted.biases)
    np.testing.assert_allclose(loaded.assign(IMAGES, SCALING).confidence, fitted.confidence, atol=1e-4)


def test_a_model_of_before_keeps_the_probability_of_the_head(fitted, tmp_path):
    fitted.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    del about["temperature"], about["biases"]
    (tmp_path / "model.json").write_text(json.dumps(about))
    old = Fitted.load(tmp_path, "cpu")
    assert old.temperature is None
    latent = torch.from_numpy(np.array(old.latent))
    expected = old.maps.read(old.nets, latent)[1].max(1)
    np.testing.assert_allclose(old.assign(IMAGES, SCALING).confidence, expected, atol=1e-4)


@pytest.mark.parametrize("readout", ["kmeans", "softmax"])
def test_without_a_graph_of_training_confidence_agrees_with_one_that_is_built(readout):
    fitted = run(IMAGES, Config(**SHORT, graph="batch", readout=readout))[0]
    assert fitted.temperature > 0
    assert ((fitted.confidence > 0) & (fitted.confidence <= 1)).all()
    again = fitted.assign(IMAGES, SCALING)
    assert np.array_equal(again.labels, fitted.labels)
    np.testing.assert_allclose(again.confidence, fitted.confidence, atol=1e-4)


def test_samples_of_another_shape_are_refused(fitted):
    with pytest.raises(InputError, match="1×8×8, not 1×9×8"):
        fitted.assign(np.zeros((2, 1, 9, 8)), SCALING)


def test_a_loaded_model_assigns_alike_and_damage_is_an_error(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    loaded = Fitted.load(tmp_path / "model", "cpu")
    assert np.array_equal(loaded.assign(IMAGES, SCALING).labels, fitted.labels)
    assert np.array_equal(loaded.latent, fitted.latent)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"rubbish")
    with pytest.raises(RunError, match="cannot be read"):
        Fitted.load(tmp_path / "model", "cpu")


def test_a_model_without_an_encoder_is_saved_and_loaded(tmp_path):
    rows = np.random.default_rng(0).standard_normal((80, 6)).astype(np.float32)
    fitted, _ = run(rows, Config(**{**SMALL, "clusters": 3}, encoder="none"))
    fitted.save(tmp_path)
    loaded = Fitted.load(tmp_path, "cpu")
    assert np.array_equal(loaded.assign(rows, SCALING).labels, fitted.labels)


def test_a_model_of_version_0_1_0_is_loaded(tmp_path):
    """Its latent and spectral arrays lie in its own folder, and once more beside it."""
    with zipfile.ZipFile(Path(__file__).parent / "fixtures" / "workspace-0.1.0.zip") as archive:
        archive.extractall(tmp_path)
    (model,) = (tmp_path / "runs").glob("squares-*/model")
    old = Fitted.load(model, "cpu")
    samples = next(
        array
        for array in map(np.load, (tmp_path / "data").glob("*/samples.npy"))
        if array.shape[1:] == old.shape and len(array) == len(old.labels)
    )
    scale = 1 / 255 if samples.dtype == np.uint8 else 1.0
    assert old.affinity is None
    assert np.array_equal(old.assign_training(np.arange(len(old.labels))).labels, old.labels)
    assert old.assign(samples, (0.0, scale)).latent.shape == old.latent.shape
    for name in ("latent", "spectral"):
        (model / f"{name}.npy").unlink()
    assert same(Fitted.load(model, "cpu"), old)


def test_a_model_of_large_images_of_earlier_versions_keeps_its_layers(tmp_path):
    large = np.random.default_rng(0).integers(0, 255, (24, 1, 72, 70)).astype(np.uint8)
    old = run(large, Config(**SHORT | {"neighbours": 3, "stem": "halve"}))[0]
    old.save(tmp_path)
    about = json.loads((tmp_path / "model.json").read_text())
    del about["config"]["stem"]  # which had no name then
    (tmp_path / "model.json").write_text(json.dumps(about))
    loaded = Fitted.load(tmp_path, "cpu")
    assert loaded.config.stem == "halve"
    ours, theirs = loaded.assign(large, SCALING), old.assign(large, SCALING)
    assert np.array_equal(ours.labels, theirs.labels)
    np.testing.assert_allclose(ours.latent, theirs.latent, atol=1e-5)
