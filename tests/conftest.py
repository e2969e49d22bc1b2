"""One thread for the small models of the tests: on arrays this small a second one only waits, and where other
programs want the cores it waits by spinning. Set before PyTorch and OpenMP load; workers inherit it."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
