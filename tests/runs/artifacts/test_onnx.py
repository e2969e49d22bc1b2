"""The ONNX file gives the labels of the run under onnxruntime, and its absence is one sentence."""

import io
import json
import sys

import numpy as np
import pytest

from dsc_core import load_run
from dsc_core.analysis import umap_map
from dsc_core.data import Dataset
from dsc_core.errors import InputError
from dsc_core.presets import preset
from dsc_core.runs import Store, execute
from dsc_core.runs.artifacts import export

pytest.importorskip("onnxscript", reason="the packages for ONNX are not installed")
runtime = pytest.importorskip("onnxruntime", reason="the packages for ONNX are not installed")


def written(run) -> bytes:
    out = io.BytesIO()
    export.write(run, *export.choose(run, "model.onnx", None), out)
    return out.getvalue()


@pytest.fixture(
    scope="module",
    params=[("image", "diffusion"), ("image", "kmeans"), ("table", "damped"), ("table", "softmax")],
    ids=lambda param: "-".join(param),
)
def run(request, tmp_path_factory):
    kind, readout = request.param
    rng = np.random.default_rng(0)
    groups = np.arange(60) % 3
    if kind == "image":
        samples = (rng.integers(0, 60, (60, 1, 9, 8)) + groups[:, None, None, None] * 80).astype(np.uint8)
    else:
        samples = (rng.normal(size=(60, 5)) + groups[:, None] * 4).astype(np.float32)
    scaling = (0.0, 1 / 255) if kind == "image" else (0.0, 1.0)
    dataset = Dataset("few", samples, np.arange(60).astype(str), None, kind, scaling)
    config = preset(
        "quick",
        clusters=3,
        epochs=2,
        joint_epochs=1,
        least_steps=0,
        neighbours=4,
        batch=16,
        readout=readout,
        spectral_width=32,
        device="cpu",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DSC_HOME", str(tmp_path_factory.mktemp("run") / "home"))
        # UMAP takes long to compile, and these maps are not looked at
        patched.setattr(umap_map, "lay_out", lambda points, _: umap_map.principal_axes(points, 2))
        store = Store()
        run_id = store.create(dataset, config)
        execute(store, run_id)
        yield store.get(run_id), samples
        store.close()


def test_onnxruntime_gives_the_labels_of_the_run(run):
    run, samples = run
    session = runtime.InferenceSession(written(run), providers=["CPUExecutionProvider"])
    cluster, probabilities, latent, spectral = session.run(None, {"samples": samples.astype(np.float32)})
    loaded = load_run(run.folder)
    assert (cluster == loaded.labels).mean() >= 0.995
    assert np.allclose(probabilities.max(1), loaded.confidence, atol=1e-3)
    assert np.allclose(latent, loaded.latent, atol=1e-3)
    assert np.allclose(spectral, loaded.spectral, atol=1e-2 * np.abs(loaded.spectral).max())
    alone = session.run(["cluster"], {"samples": samples[:1].astype(np.float32)})[0]
    assert alone.shape == (1,)
    about = session.get_modelmeta().custom_metadata_map
    assert about["run"] == run.id
    assert json.loads(about["data"])["shape"] == list(samples.shape[1:])


def test_without_the_packages_it_is_one_sentence(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(InputError, match=r"^ONNX needs two more packages: .* onnx onnxscript.*\.$"):
        written(run[0])
