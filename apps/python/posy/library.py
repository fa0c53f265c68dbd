"""libposy: engine/posy.h for ctypes. Calls release the interpreter's lock."""

import ctypes
import os
import pathlib
import sys
from ctypes import POINTER, c_char_p, c_float, c_int, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any, List, Tuple

from posy.errors import PosyError

OK = 0
RGB, RGBA, GRAY = 1, 2, 3
PACKED_HEADER_BYTES = 40


class Options(ctypes.Structure):
    _fields_ = [("threads", c_uint32), ("parallel_for", c_void_p), ("parallel_context", c_void_p), ("isa", c_char_p),
                ("skip_checksum", c_uint32)]


class Needs(ctypes.Structure):
    _fields_ = [("memory_bytes", c_size_t), ("arena_bytes", c_size_t)]


class Image(ctypes.Structure):
    _fields_ = [("format", c_uint32), ("width", c_uint32), ("height", c_uint32), ("orientation", c_uint32),
                ("full_range", c_uint32), ("plane", c_void_p * 3), ("stride", c_size_t * 3)]


class Shape(ctypes.Structure):
    _fields_ = [("h", c_uint32), ("w", c_uint32), ("c", c_uint32)]


class Codes(ctypes.Structure):
    _fields_ = [("pixel_stride", c_uint32), ("scale", c_float), ("zero_point", c_uint8)]


class Engine(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 48)]


class Unpacker(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 960)]


class Pool(ctypes.Structure):
    _fields_ = [("opaque", c_uint64 * 256)]


# name: result, arguments
_FUNCTIONS: List[Tuple[str, Any, List[Any]]] = [
    ("posy_status_text", c_char_p, [c_int]),
    ("posy_need", c_int, [c_void_p, c_size_t, POINTER(Options), POINTER(Needs)]),
    ("posy_open", c_int, [POINTER(Engine), c_void_p, c_size_t, c_void_p, c_size_t, POINTER(Options)]),
    ("posy_error_byte", c_size_t, [POINTER(Engine)]),
    ("posy_packed_need", c_int, [c_void_p, c_size_t, POINTER(c_size_t)]),
    ("posy_unpack_begin", c_int, [POINTER(Unpacker), c_void_p, c_size_t]),
    ("posy_unpack", c_int, [POINTER(Unpacker), c_void_p, c_size_t]),
    ("posy_unpack_end", c_int, [POINTER(Unpacker)]),
    ("posy_set_image", c_int, [POINTER(Engine), POINTER(Image)]),
    ("posy_input", c_void_p, [POINTER(Engine)]),
    ("posy_input_codes", c_void_p, [POINTER(Engine), POINTER(Codes)]),
    ("posy_input_shape", Shape, [POINTER(Engine)]),
    ("posy_run", c_int, [POINTER(Engine)]),
    ("posy_scores", POINTER(c_float), [POINTER(Engine)]),
    ("posy_class_count", c_uint32, [POINTER(Engine)]),
    ("posy_label", c_char_p, [POINTER(Engine), c_uint32]),
    ("posy_novelty", c_float, [POINTER(Engine)]),
    ("posy_isa_name", c_char_p, [c_uint32]),
    ("posy_engine_isa", c_char_p, [POINTER(Engine)]),
    ("posy_version", c_char_p, []),
    ("posy_pool_start", c_uint32, [POINTER(Pool), c_uint32]),
    ("posy_pool_stop", None, [POINTER(Pool)]),
    ("posy_python_size_of", c_size_t, [c_char_p]),
    ("posy_python_read_image", c_void_p, [c_char_p, POINTER(c_uint32), POINTER(c_uint32), POINTER(c_void_p)]),
    ("posy_python_free", None, [c_void_p]),
]


def _load() -> ctypes.CDLL:
    name = "libposy.dylib" if sys.platform == "darwin" else "libposy.so"
    path = os.environ.get("POSY_LIBRARY") or str(pathlib.Path(__file__).with_name(name))
    try:
        library = ctypes.CDLL(path)
        for function, result, arguments in _FUNCTIONS:
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (OSError, AttributeError) as error:
        raise ImportError(f"posy: {path} cannot be used: {error}. Install the package with pip install ./apps/python, or "
                          "set POSY_LIBRARY") from error
    structs = {"engine": Engine, "unpacker": Unpacker, "pool": Pool, "options": Options, "needs": Needs, "image": Image,
               "shape": Shape, "codes": Codes}
    for struct_name, struct in structs.items():
        if library.posy_python_size_of(struct_name.encode()) != ctypes.sizeof(struct):
            raise ImportError(f"posy: {path} is of another version: its posy_{struct_name} has another size")
    return library


lib = _load()


def status_text(status: int) -> str:
    return str(lib.posy_status_text(status).decode("utf-8"))


def check(status: int, subject: str, byte: int = 0) -> None:
    """Raises a PosyError unless the status is OK."""
    if status == OK:
        return
    place = f" (byte {byte})" if byte else ""
    raise PosyError(f"{subject}: {status_text(status)}{place}", status, byte or None)


def version() -> str:
    """POSY_VERSION of the library."""
    return str(lib.posy_version().decode("ascii"))


def isa_names() -> List[str]:
    """The instruction sets that this library and processor can use, fastest first."""
    names: List[str] = []
    while True:
        name = lib.posy_isa_name(len(names))
        if name is None:
            return names
        names.append(name.decode("ascii"))
