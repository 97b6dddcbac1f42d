"""Refuses to build a wheel or an sdist without the assets that `scripts/install` makes."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError

ASSETS = ("gateway/http/graphiql/web/dist/graphiql.js", "portal/web/dist/htmx.js")


def demand_assets() -> None:
    """SetupError where a package would have no assets."""
    missing = [name for name in ASSETS if not Path(name).exists()]
    if missing:
        raise SetupError(f"{', '.join(missing)} not built: run scripts/install, then build again")


class Build(build_py):
    """Copies the packages; an editable installation comes before the assets and needs none."""

    def run(self) -> None:
        if not self.editable_mode:
            demand_assets()
        super().run()


class Source(sdist):
    """Packs the sources, with the assets, so that a wheel can be built of them without Node."""

    def run(self) -> None:
        demand_assets()
        super().run()


setup(cmdclass={"build_py": Build, "sdist": Source})
