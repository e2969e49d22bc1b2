"""The networks of a run.

- `autoencoder`: the encoder, the noise transformer ψ and the decoder.
- `discriminators`: the global and the local discriminator of the mutual information.
- `spectral`: the spectral network, its softmax head and the orthonormal layer.
- `networks`: all of them together, as they are trained, saved and loaded.
- `sizes`: how their layers depend on the size of a sample; without PyTorch.
"""
