"""A term is stated once: added to the objective alone, it is in the loss, the settings, the pages and the documents."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION = '''
def smallness(mean: Tensor) -> Tensor:
    """‖μ‖₁, mean over the batch. Shapes (m, d) → ()."""
    return mean.abs().sum(1).mean()


# Their registry'''
FIELD = """
    small_codes: float = weight(
        2.0, "ω", knobs.JOINT, stage=BOTH, title="Small codes",
        of=(smallness, lambda b: (b.code.mean,)),
        help="Weight of the size of the latent codes.",
    )
    balance: float"""
LOOK = """
import json
import numpy as np
from dsc_core.config import KNOBS, Config
from dsc_core.training.loop import fit
from pages.shared.train import curves, steering
from tests import documents

config = Config(epochs=1, joint_epochs=1, least_steps=0, clusters=2, batch=16, joint_batch=16, spectral_width=16,
                neighbours=3, device="cpu", map_every=0)
samples = np.random.default_rng(0).random((32, 1, 8, 8), dtype=np.float32)
ended = [event for event in fit(samples, config) if event.kind == "epoch"]
def weighted(event):
    share = config.joint_share if event.stage == "joint" else 1
    own = ("reconstruction", "relative", "global_mi", "local_mi", "small_codes")
    return sum(
        getattr(config, name) * (share if name in own else 1) * value
        for name, value in event.losses.items() if name != "total"
    )
print(json.dumps({
    "losses": {event.stage: "small_codes" in event.losses for event in ended},
    "sums": [[weighted(event), event.losses["total"]] for event in ended],
    "knob": [KNOBS["small_codes"].title, KNOBS["small_codes"].symbol, config.small_codes],
    "slider": "small_codes" in {knob.name for knob in steering.LIVE},
    "curve": curves.term_title("small_codes"),
    "settings": "`small_codes`" in documents.settings(),
    "terms": "`small_codes`" in documents.terms(),
}))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What a copy of the project shows after one function and one field were added to its objective."""
    copy = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", "results", "fixtures", "browser")
    for name in ("dsc_core", "pages", "tests", "assets"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    path = copy / "dsc_core" / "objective.py"
    text = path.read_text(encoding="utf-8")
    for old, new in (("\n# Their registry", FUNCTION), ("\n    balance: float", FIELD)):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    environment = os.environ | {
        "PYTHONPATH": str(copy),
        "DSC_HOME": str(copy / "home"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", LOOK], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_loss_of_both_stages_contains_it(seen):
    assert seen["losses"] == {"autoencoder": True, "joint": True}
    for weighted, total in seen["sums"]:
        assert weighted == pytest.approx(total, rel=1e-3)


def test_its_weight_is_a_setting_with_a_slider(seen):
    assert seen["knob"] == ["Small codes", "ω", 2.0]
    assert seen["slider"]


def test_the_page_has_its_curve(seen):
    assert seen["curve"] == "Small codes ω"


def test_the_documents_list_it(seen):
    assert seen["settings"]
    assert seen["terms"]
