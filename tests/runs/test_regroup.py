"""Another K on the same latent: a run of its own, whose encoder and latent are those of the run it comes from."""

import shutil

import numpy as np
import pytest

from dsc_core.analysis import umap_map
from dsc_core.data import Dataset
from dsc_core.errors import InputError, RunError
from dsc_core.model import Fitted
from dsc_core.presets import preset
from dsc_core.runs import Store, execute
from dsc_core.runs.loaded_run import load_run
from dsc_core.runs.regroup import DEPEND_ON_K, regroup

FEW = 40
SETTINGS = {
    "clusters": 3,
    "epochs": 2,
    "joint_epochs": 1,
    "least_steps": 30,
    "neighbours": 4,
    "batch": 16,
    "joint_batch": 16,
    "spectral_width": 16,
    "latent_dims": 6,
    "device": "cpu",
}


def few(kind):
    rng = np.random.default_rng(0)
    groups = np.arange(FEW) % 4
    shape = (1, 8, 8) if kind == "image" else (5,)
    samples = rng.normal(size=(FEW, *shape)) * 0.1 + groups.reshape(-1, *[1] * len(shape))
    ids = np.array([str(i) for i in range(FEW)])
    scaling = (0.0, 0.25) if kind == "image" else (0.0, 1.0)
    return Dataset("few", samples.astype(np.float32), ids, None, kind, scaling)


def no_umap(points, *_):
    """In place of the maps, which are another matter."""
    return np.asarray(points, np.float32)[:, :2]


@pytest.fixture(
    scope="module",
    params=[("image", "quick"), ("table", "quick"), ("image", "paper"), ("table", "released-code")],
)
def trained(request, tmp_path_factory):
    """A workspace with one trained run in it, and the run's id; nobody changes it."""
    kind, name = request.param
    home = tmp_path_factory.mktemp("trained") / "home"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(umap_map, "project", no_umap)
        patched.setenv("DSC_HOME", str(home))
        opened = Store()
        run_id = opened.create(few(kind), preset(name, **SETTINGS), name="parent")
        execute(opened, run_id)
        opened.close()
    return home, run_id


@pytest.fixture
def store(trained, tmp_path, monkeypatch):
    """A copy of that workspace, to do with what one likes."""
    monkeypatch.setattr(umap_map, "project", no_umap)
    monkeypatch.setenv("DSC_HOME", str(tmp_path / "home"))
    shutil.copytree(trained[0], tmp_path / "home")
    opened = Store()
    yield opened
    opened.close()


@pytest.fixture
def parent(trained):
    """The id of the trained run."""
    return trained[1]


def networks(run):
    return Fitted.load(run.folder / "model", device="cpu").nets.state_dict()


def test_the_latent_and_all_networks_but_the_spectral_one_are_kept_and_k_is_new(store, parent):
    child = regroup(store, parent, 5)
    execute(store, child)
    one, other = load_run(store.folder(parent)), load_run(store.folder(child))
    assert np.array_equal(one.latent, other.latent)
    assert store.get(child).clusters == other.config.clusters == 5
    known = Fitted.load(store.folder(parent) / "model").config
    assert other.config.replace(clusters=3, joint_epochs=known.joint_epochs) == known
    before, after = networks(one.run), networks(other.run)
    assert all(
        np.array_equal(before[name], after[name]) for name in before if not name.startswith(DEPEND_ON_K)
    )
    assert after["centres"].shape[0] == after["shares"].shape[0] == 5
    assert after["spectral.assignment.weight"].shape[0] == 5
    assert other.labels.max() < 5
    # The spectral network says of new samples what it says of these.
    samples = few("image" if one.run.dataset["kind"] == "image" else "table")
    assert np.array_equal(other.assign(samples).labels, other.labels)


def test_it_tells_where_it_comes_from_and_can_be_regrouped_again(store, parent):
    child = regroup(store, parent, 4, name="four")
    run = store.get(child)
    assert run.status == "created"
    assert run.name == "four"
    assert run.parent["run"] == parent
    assert run.parent["changes"]["clusters"] == [3, 4]
    assert "Keeps the latent space of parent" in store.events(child)[0][1].message
    execute(store, child)
    assert not [event for _, event in store.events(child) if event.losses], (
        "nothing was trained but the readout"
    )
    grandchild = regroup(store, child, 3)
    execute(store, grandchild)
    assert np.array_equal(load_run(store.folder(parent)).latent, load_run(store.folder(grandchild)).latent)


def test_the_same_k_twice_gives_the_same_labels(store, parent):
    labels = []
    for _ in range(2):
        child = regroup(store, parent, 4)
        execute(store, child)
        labels.append(load_run(store.folder(child)).labels)
    assert np.array_equal(*labels)


def test_what_cannot_be_is_one_sentence_and_makes_no_run(store, parent):
    runs = len(store.list())
    fresh = store.create(few("table"), preset("quick", **SETTINGS))
    for run_id, clusters, words in (
        (parent, 1, "clusters must be"),
        (parent, FEW + 1, "fewer"),
        (fresh, 3, "no trained"),
    ):
        with pytest.raises(InputError, match=words):
            regroup(store, run_id, clusters)
    with pytest.raises(InputError, match="named 'parent' already"):
        regroup(store, parent, 4, name="parent")
    weights = store.folder(parent) / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:40])
    with pytest.raises(RunError, match="cannot be read"):
        regroup(store, parent, 4)
    key = store.get(parent).dataset["key"]
    (store.home / "data" / key / "rows.parquet").unlink()
    with pytest.raises(RunError, match="open it again on the Data page"):
        regroup(store, parent, 4)
    assert len(store.list()) == runs + 1
