"""Where the code of a layer stands on this machine, and how its third-party packages are built.

A layer with a requirements.txt is built once into `build/layers/<layer>`, as Lambda would have it under /opt/python.
Functions then see that folder and nothing else of our own environment. Without it they run on that environment.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from sandbox.processes import ROOT

BUILD = ROOT / "build" / "layers"
STAMP = ".built-from"
RUNTIME_PACKAGES = ("awslambdaric", "runtime_client", "simplejson", "snapshot_restore_py")


def build(layer: Path) -> Path:
    """Installs a layer's requirements into its build folder, compiled, unless they are there already."""
    target = BUILD / layer.name
    if is_built(layer):
        return target
    BUILD.mkdir(parents=True, exist_ok=True)
    fresh = BUILD / f"{layer.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    requirements = str(layer / "requirements.txt")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    subprocess.run([*pip, "--target", str(fresh), "--requirement", requirements], check=True, stdout=sys.stderr)
    compiler = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiler, str(fresh)], check=False, stdout=sys.stderr)
    (fresh / STAMP).write_text(_stamp(layer))
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    return target


def is_built(layer: Path) -> bool:
    """Whether the build folder holds what the requirements and this interpreter ask for."""
    stamp = BUILD / layer.name / STAMP
    return stamp.is_file() and stamp.read_text() == _stamp(layer)


def has_requirements(layer: Path) -> bool:
    """Whether the layer holds third-party packages."""
    return (layer / "requirements.txt").is_file()


def command_and_path(layers: Iterable[Path], handler: str, folder: Path) -> tuple[list[str], list[Path]]:
    """How a function of these layers is run, and its PYTHONPATH.

    With all requirements built, the plain interpreter runs it, with the runtime client linked into `folder`/runtime;
    else the interpreter that runs us, with all that is installed there.
    """
    ours = list(layers)
    bought = [layer for layer in ours if has_requirements(layer)]
    path = [BUILD / layer.name if layer in bought else layer for layer in ours]
    if not bought or not all(is_built(layer) for layer in bought):
        return [sys.executable, "-m", "awslambdaric", handler], [p for p in path if p.parent != BUILD]
    interpreter = getattr(sys, "_base_executable", None) or sys.executable
    return [interpreter, "-m", "awslambdaric", handler], [*path, _runtime(folder)]


def _runtime(folder: Path) -> Path:
    """A folder with links to the runtime client alone, as Lambda's /var/runtime has it."""
    runtime = folder / "runtime"
    runtime.mkdir(exist_ok=True)
    for name in RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        if not (runtime / source.name).exists():
            os.symlink(source, runtime / source.name)
    return runtime


def _stamp(layer: Path) -> str:
    digest = hashlib.sha256((layer / "requirements.txt").read_bytes()).hexdigest()
    return f"{sys.implementation.cache_tag} {digest}\n"
