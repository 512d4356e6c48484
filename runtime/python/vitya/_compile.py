"""Runs the compiler."""
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence

from ._vitya import Error

_NAME = "vitya-compile"


def _find_compiler(compiler: str | os.PathLike[str] | None) -> str:
    """Returns the compiler: `compiler`, that in the folder VITYA_BIN if it is set, or that in PATH."""
    folder = os.environ.get("VITYA_BIN")
    if compiler is not None:
        found, place = shutil.which(compiler), f"at '{os.fspath(compiler)}', the argument compiler"
    elif folder:
        found, place = shutil.which(_NAME, path=folder), f"in '{folder}', the folder VITYA_BIN"
    else:
        found, place = shutil.which(_NAME), "in PATH, as VITYA_BIN and the argument compiler are not set"
    if not found:
        raise Error(f"expected {_NAME} {place}, found no such program")
    return found


def _arguments(name: str, value: str | os.PathLike[str] | float | bool | Sequence[str]) -> list[str]:
    """Returns the command line's form of an option: `--name` for True, nothing for False, else `--name=value`."""
    option = ("-" if len(name) == 1 else "--") + name.replace("_", "-")
    if isinstance(value, bool):
        return [option] if value else []
    if isinstance(value, (list, tuple)):
        return [f"{option}={each}" for each in value]
    return [f"{option}={os.fspath(value) if isinstance(value, os.PathLike) else value}"]


def compile(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    compiler: str | os.PathLike[str] | None = None,
    emit: str = "lib",
    **options: str | os.PathLike[str] | float | bool | Sequence[str],
) -> pathlib.Path:
    """Compiles a checkpoint with `vitya-compile` and returns the path of the output, by default a library for `load`.

    `options` are those of `vitya-compile --help`, with underscores for hyphens: `low_rank="keep=0.5,method=joint"` is
    `--low-rank=keep=0.5,method=joint`, `check=True` is `--check`, and `set=["heads=12", "eps=1e-6"]` gives `--set` twice.
    The compiler is `compiler`, or that in the folder of the environment variable VITYA_BIN, or that in PATH. Its remarks
    go to `sys.stderr`. Raises `Error` with its message if it fails.
    """
    # An absolute path is never "-", which is standard output.
    command = [_find_compiler(compiler), "-o", os.path.abspath(output)]
    for name, value in {"emit": emit, **options}.items():
        command += _arguments(name, value)
    command += ["--", os.fspath(model)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if result.returncode < 0:
        raise Error(f"expected {_NAME} to finish, found that signal {-result.returncode} ended it")
    lines = result.stderr.splitlines(keepends=True)
    errors = [line for line in lines if not line.startswith(f"{_NAME}: remark: ")] if result.returncode else []
    sys.stderr.writelines(line for line in lines if line not in errors)
    if result.returncode:
        raise Error("".join(line.removeprefix(f"{_NAME}: ").removeprefix("error: ") for line in errors).strip())
    return pathlib.Path(output)
