"""Look into the built wheel and sdist, and use each in a fresh environment, from an empty folder.

Run as ``python try_dist.py FOLDER PYTHON``: where the two lie, and the interpreter to use them on.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SCRIPT = """
from stagekit import run, stage

@stage
def load() -> bytes:
    return b"ab"

@stage
def size(data: bytes) -> int:
    return len(data)

if __name__ == "__main__":
    print(run(size)[size])
"""


def check_wheel(wheel: Path) -> None:
    """Fail unless the wheel holds the package with its types and licence, and nothing else."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    info = next(top for top in tops if top.endswith(".dist-info"))
    assert tops == {"stagekit", info}, sorted(tops)
    assert "stagekit/py.typed" in names
    assert any(name.startswith(f"{info}/") and name.endswith("LICENSE") for name in names)
    assert not any("__pycache__" in name for name in names)


def check_sdist(sdist: Path) -> None:
    """Fail unless the sdist holds what is needed to build, test and read."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py"):
        assert needed in names, needed
    assert "examples/quickstart.py" in names


def use(distribution: Path, python: str) -> None:
    """Install one distribution and run a pipeline with it, as a script and as a command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([python, "-m", "venv", str(folder / "env")], check=True)
        binaries = folder / "env" / "bin"
        own = str(binaries / "python")
        subprocess.run([own, "-m", "pip", "install", "-q", str(distribution)], check=True)
        subprocess.run([own, "-m", "pip", "check"], check=True)
        empty = folder / "empty"
        empty.mkdir()
        (empty / "flow.py").write_text(SCRIPT, encoding="utf-8")
        commands = (
            [own, "flow.py"],
            [str(binaries / "stagekit"), "--version"],
            [str(binaries / "stagekit"), "run", "flow"],
            [own, "-m", "stagekit", "plan", "flow.py"],
        )
        for command in commands:
            subprocess.run(command, cwd=empty, check=True)


def main() -> None:
    """Check and use what lies in the folder of the first argument."""
    folder, python = Path(sys.argv[1]), sys.argv[2]
    (wheel,) = folder.glob("*.whl")
    (sdist,) = folder.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    for distribution in (wheel, sdist):
        use(distribution, python)
        print(f"{distribution.name}: works")


if __name__ == "__main__":
    main()
