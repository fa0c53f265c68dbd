"""Posy: image classifiers that were retrained with TensorFlow for Poets, without TensorFlow.

    posy.convert("retrained_graph.pb", "flowers.posy", labels="retrained_labels.txt", weights="u8")
    model = posy.Model("flowers.posy")
    model.classify("daisy.jpg", top=3)      # [Score(label='daisy', score=0.99071, class_index=0), ...]
"""

from posy.command import convert, run
from posy.errors import PosyError
from posy.library import isa_names, version
from posy.model import Model, Score

__version__ = version()
__all__ = ["Model", "PosyError", "Score", "convert", "isa_names", "run", "version"]
