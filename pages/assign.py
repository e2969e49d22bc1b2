"""Only a door to app.py: Streamlit's old discovery of pages/ answers a new server's first request to this address."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "app.py"), run_name="__main__")
