"""Export "onnx": the encoder and the spectral map, for programs without PyTorch."""

from __future__ import annotations

from dsc_core.runs.artifacts.exports.kind import Context, Export


def write(context: Context) -> None:
    """See `artifacts.onnx`."""
    from dsc_core.model import Fitted
    from dsc_core.runs.artifacts.onnx import write_onnx

    run = context.run
    write_onnx(run, Fitted.load(run.folder / "model", device="cpu"), context.out)


EXPORTS = (
    Export(
        "onnx",
        "ONNX",
        (".onnx",),
        "Encoder and spectral map, for programs without PyTorch.",
        write,
        order=13,
        packages=("onnx", "onnxscript"),
        default_for=(".onnx",),
    ),
)
