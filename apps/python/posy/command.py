"""The posy command: what converts, retrains, evaluates and draws."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any, List, NoReturn, Optional, Sequence, Union

from posy.errors import PosyError

Path = Union[str, "os.PathLike[str]"]


def _program() -> str:
    given = os.environ.get("POSY_COMMAND")
    own = pathlib.Path(__file__).parent / "bin" / "posy"
    if given:
        return given
    if own.is_file():
        return str(own)
    found = shutil.which("posy")
    if found is None:
        raise PosyError("the posy command is not here: install the package with pip install ./apps/python, or set POSY_COMMAND")
    return found


def run(*arguments: Any) -> str:
    """Runs `posy ARGUMENTS` and returns what it prints, for example run("eval", "flowers.posy", "photos", "--json"). A
    PosyError says what it complained about."""
    command = [_program(), *(os.fspath(a) if isinstance(a, os.PathLike) else str(a) for a in arguments)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as error:
        raise PosyError(f"{command[0]} cannot be run: {error}") from error
    if done.returncode != 0:
        complaint = done.stderr.decode("utf-8", "replace").strip()
        raise PosyError(complaint or f"posy {arguments[0] if arguments else ''} ended with {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def convert(graph: Path, output: Optional[Path] = None, *, labels: Union[Path, Sequence[str], None] = None,
            weights: Optional[str] = None, int8: bool = False, calibrate: Optional[Path] = None,
            input_node: Optional[str] = None, output_node: Optional[str] = None,
            input_size: Union[int, str, None] = None, mean: Optional[float] = None, std: Optional[float] = None,
            target_size: Union[int, str, None] = None, max_drop: Optional[float] = None, keep_bottleneck: bool = False,
            pack: bool = False, options: Sequence[str] = ()) -> pathlib.Path:
    """Turns a graph into a .posy file and returns its path: GRAPH with .posy, or `output`.

    Everything is found in the graph or beside it; an argument overrides that. They are the flags of `posy convert`
    (`posy help convert` explains them), `options` are further ones. labels: a file with one on each line, or a list.
    """
    target = pathlib.Path(output) if output is not None else pathlib.Path(graph).with_suffix(".posy")
    arguments: List[Any] = ["convert", graph, "-o", target]
    values = {"--weights": weights, "--calibrate": calibrate, "--input-node": input_node, "--output-node": output_node,
              "--input-size": input_size, "--mean": mean, "--std": std, "--target-size": target_size, "--max-drop": max_drop}
    for flag, value in values.items():
        if value is not None:
            arguments += [flag, value]
    for flag, wanted in {"--int8": int8, "--keep-bottleneck": keep_bottleneck, "--pack": pack}.items():
        if wanted:
            arguments.append(flag)
    with tempfile.TemporaryDirectory() as folder:
        if labels is not None and not isinstance(labels, (str, os.PathLike)):
            labels = _label_file(labels, pathlib.Path(folder))
        if labels is not None:
            arguments += ["--labels", labels]
        run(*arguments, *options)
    return target


def _label_file(labels: Sequence[str], folder: pathlib.Path) -> pathlib.Path:
    for label in labels:
        if "\n" in label:
            raise ValueError(f"a label is one line, not {label!r}")
    path = folder / "labels.txt"
    path.write_text("".join(label + "\n" for label in labels), encoding="utf-8")
    return path


def main() -> NoReturn:
    """`posy` for the shell."""
    try:
        program = _program()
        os.execv(program, [program, *sys.argv[1:]])
    except (PosyError, OSError) as error:
        sys.exit(f"posy: {error}")
