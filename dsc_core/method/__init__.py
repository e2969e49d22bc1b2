"""The mathematics, without reading or writing files.

- `networks`: encoder, decoder, discriminators, spectral network.
- `batch`: the terms of the objective for a batch; the objective itself is `dsc_core.objective`.
- `feed`: samples as tensors, their codes, and the one builder of the whole-data graph.
- `fuzzy`: the weights of UMAP's neighbour graph, without PyTorch.
- `graph`: affinities, the graph of the whole data set, the diffusion map.
- `neighbours`, `cells`, `nearer`, `faiss_search`, `search`: exact neighbours, nearly all of them, and the choice;
  `searches`: what the settings offer, without PyTorch.
- `locality`: an order of the nodes of a large graph in which neighbours stand near each other.
- `scattering`: a fixed description of images, without parameters.
- `eigenvectors`: the leading ones of a sparse matrix, as a block.
- `edges`: the graph on a device, the cost of a cut and its refinement.
- `kmeans`: k-means with many starts at once.
- `dendrogram`: small cells merged along the graph.
- `cut`: labels from a graph, by several cuts and the choice among them.
- `head`: teaching the softmax head, and assigning clusters by it.
- `augmentation`: random copies of images; `transforms`: what is done to them where the data admit it, which
  `admission` measures.
- `share`: the rows of a batch that one of several processes computes.
"""
