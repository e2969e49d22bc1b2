"""How many steps the head learns the clusters of a graph for.

Numbers only, without PyTorch, so that a page can say how long training takes before it starts.
"""

HEAD_STEPS = 150  # on the clusters of a first or a last graph
REFRESH_STEPS = 75  # on those of a rebuilt graph, which the head knows in part
