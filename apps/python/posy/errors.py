"""What goes wrong."""

from typing import Optional


class PosyError(Exception):
    """A sentence of the engine's or the command's.

    status: the number in engine/status.def, of what the engine refuses, else None.
    byte: the offset in a refused model of what was refused, else None.
    """

    def __init__(self, sentence: str, status: Optional[int] = None, byte: Optional[int] = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.byte = byte
