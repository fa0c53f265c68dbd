"""Builds Posy's shared library and its command with CMake and puts them into the package.

POSY_BUILD is a folder in which CMake has built both already (targets posy and posy_python): nothing is built then.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import Any, Tuple

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # before setuptools 70.1
    from wheel.bdist_wheel import bdist_wheel

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
LIBRARY = "libposy.dylib" if sys.platform == "darwin" else "libposy.so"


def version() -> str:
    header = TREE / "engine" / "posy.h"
    if not header.is_file():
        sys.exit(f"posy: {header} is missing: build the package in a checkout of Posy, with pip install ./apps/python")
    found = re.search(r'^#define POSY_VERSION "([^"]+)"', header.read_text(encoding="utf-8"), re.M)
    if not found:
        sys.exit(f"posy: {header}: there is no POSY_VERSION")
    return found.group(1)


def built_by_cmake(folder: pathlib.Path) -> pathlib.Path:
    """A build of the command and of the library that needs no C++ library of the system's."""
    if not shutil.which("cmake"):
        sys.exit("posy: there is no cmake here: apt-get install cmake g++ libxsimd-dev nlohmann-json3-dev libstb-dev "
                 "libjpeg62-turbo-dev")
    configure = ["cmake", "-S", str(TREE), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release", "-DPOSY_TESTS=OFF",
                 "-DPOSY_INSTALL=OFF", "-DPOSY_PYTHON_LIBRARY=ON"]
    if sys.platform.startswith("linux"):
        configure += [f"-DCMAKE_{kind}_LINKER_FLAGS=-static-libstdc++ -static-libgcc" for kind in ("EXE", "SHARED")]
    subprocess.run(configure, check=True)
    subprocess.run(["cmake", "--build", str(folder), "--parallel", str(os.cpu_count() or 1), "--target", "posy", "posy_python"],
                   check=True)
    return folder


class BuildWithCMake(build_py):
    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            sys.exit("posy: an editable install would have no library: pip install ./apps/python")
        given = os.environ.get("POSY_BUILD")
        build = pathlib.Path(given) if given else built_by_cmake(HERE / "build" / "cmake")
        package = pathlib.Path(self.build_lib) / "posy"
        (package / "bin").mkdir(parents=True, exist_ok=True)
        for made, place in ((build / "apps" / "python" / LIBRARY, package / LIBRARY), (build / "posy", package / "bin" / "posy")):
            if not made.is_file():
                sys.exit(f"posy: {made} is missing: build the targets posy and posy_python")
            shutil.copy2(made, place)


class WheelOfThisPlatform(bdist_wheel):  # type: ignore[misc]
    """Any Python 3, this system: the library knows nothing of Python."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> Tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class PlatformDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True


options: Any = {"build_py": BuildWithCMake, "bdist_wheel": WheelOfThisPlatform}
setup(version=version(), cmdclass=options, distclass=PlatformDistribution)
