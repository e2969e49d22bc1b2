"""What is installed: the core as `dsc_core`, and the app's files, as they lie here, as the package `dsc_app`.

So nothing goes by the names `app` and `pages` among the installed packages. Everything else stands in pyproject.toml.
"""

from setuptools import find_namespace_packages, find_packages, setup

setup(
    script_name="setup.py",  # which is then left out of dsc_app
    packages=[
        *find_packages(include=["dsc_core*"]),
        "dsc_app",
        *(f"dsc_app.{name}" for name in find_namespace_packages(include=["pages*"])),
    ],
    package_dir={"dsc_core": "dsc_core", "dsc_app": "."},
    package_data={
        "dsc_core": ["py.typed"],
        "dsc_app": ["assets/logo.svg", "assets/mnist-test.*", ".streamlit/config.toml"],
    },
    include_package_data=False,
)
