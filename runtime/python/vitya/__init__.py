"""Vision Transformers compiled with ViTyaQua, in Python.

    import vitya
    model = vitya.load(vitya.compile("vit.pth", "vit.so"))
    logits = model(images)          # u8 [count, height, width, channels] -> f32 [count, classes]
"""
import os

from ._compile import compile
from ._vitya import Error, Layout, Model

__all__ = ["Error", "Layout", "Model", "compile", "load"]

for _public in (Error, Layout, Model):
    _public.__module__ = __name__


def load(path: str | os.PathLike[str], threads: int | None = None) -> Model:
    """Loads a library that `vitya-compile --emit=lib` has written, and starts its threads.

    `threads` includes the calling thread; by default it is the number of processors that the process may use. Raises
    `Error` if the file is no such library, if its weights are missing, or if the processor lacks what it needs.
    """
    return Model(path, threads)
