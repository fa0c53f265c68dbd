"""A .posy file, open."""

import ctypes
import mmap
import os
import threading
import weakref
from types import TracebackType
from typing import Any, List, NamedTuple, Optional, Tuple, Type, Union

import numpy as np
import numpy.typing as npt

from posy import library
from posy.errors import PosyError
from posy.library import lib

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Path = Union[str, "os.PathLike[str]"]


class Score(NamedTuple):
    """A class and its score; label is "" if the model has no labels."""

    label: str
    score: float
    class_index: int


def _bytes_of(model: Union[Path, bytes, bytearray, memoryview]) -> Tuple[Bytes, str]:
    """The model's bytes, mapped if it is a file, and a name for it."""
    if isinstance(model, (bytes, bytearray, memoryview)):
        return np.frombuffer(model, dtype=np.uint8).copy(), "model"
    name = os.fspath(model)
    with open(name, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            raise PosyError(f"{name}: the file is empty")
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), dtype=np.uint8), name


def _unpacked(data: Bytes, name: str) -> Bytes:
    """The .posy file of what `posy pack` made; other bytes as they are."""
    file_bytes = ctypes.c_size_t()
    if lib.posy_packed_need(data.ctypes.data, data.size, ctypes.byref(file_bytes)) != library.OK:
        return data
    file = np.empty(file_bytes.value, dtype=np.uint8)
    unpacker = library.Unpacker()
    library.check(lib.posy_unpack_begin(ctypes.byref(unpacker), file.ctypes.data, file.size), name)
    library.check(lib.posy_unpack(ctypes.byref(unpacker), data.ctypes.data, data.size), name)
    library.check(lib.posy_unpack_end(ctypes.byref(unpacker)), name)
    return file


def read_image(path: Path) -> Bytes:
    """The pixels of a JPEG, PNG, BMP or GIF, height x width x 3, as `posy label` sees them."""
    name = os.fspath(path)
    with open(name, "rb"):  # so that a missing file is Python's own error
        pass
    width, height, problem = ctypes.c_uint32(), ctypes.c_uint32(), ctypes.c_void_p()
    pixels = lib.posy_python_read_image(os.fsencode(name), ctypes.byref(width), ctypes.byref(height),
                                        ctypes.byref(problem))
    try:
        if not pixels:
            sentence = ctypes.string_at(problem.value).decode("utf-8", "replace") if problem.value else "no memory"
            raise PosyError(sentence)
        count = height.value * width.value * 3
        flat = np.ctypeslib.as_array(ctypes.cast(pixels, ctypes.POINTER(ctypes.c_uint8)), (count,)).copy()
        return flat.reshape(height.value, width.value, 3)
    finally:
        lib.posy_python_free(pixels)
        lib.posy_python_free(problem)


def _pixels_of(image: Any) -> Bytes:
    """Bytes, height x width or height x width x 1, 3 or 4, without gaps."""
    if isinstance(image, (str, os.PathLike)):
        return read_image(image)
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise TypeError(f"an image is an array of uint8 from 0 to 255, not of {array.dtype}; for floats that are already "
                        "normalised there is predict()")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not (array.ndim == 2 or array.ndim == 3 and array.shape[2] in (3, 4)):
        raise ValueError(f"an image is height x width x 3 (RGB), x 4 (RGBA), or height x width (gray), not {_shape(array)}")
    return np.ascontiguousarray(array)


def _shape(array: npt.NDArray[Any]) -> str:
    return " x ".join(str(size) for size in array.shape) or "a single number"


class Model:
    """An open .posy file.

    model    a path, packed files too, or the bytes of one. A file is mapped and has to stay as it is.
    threads  of one inference, 1 to 64; scores are the same bits for every number
    isa      an instruction set of posy.isa_names(); None: the fastest

    Python threads may share a Model: a lock lets one in at a time. The interpreter's lock is free meanwhile, so threads
    with a Model each run side by side.
    """

    def __init__(self, model: Union[Path, bytes, bytearray, memoryview], *, threads: int = 1,
                 isa: Optional[str] = None) -> None:
        if not 1 <= threads <= 64:
            raise ValueError(f"threads are 1 to 64, not {threads}")
        self._lock = threading.Lock()
        self._is_closed = False
        data, self._name = _bytes_of(model)
        self._data = _unpacked(data, self._name)
        options = library.Options(threads=threads, isa=isa.encode("utf-8") if isa is not None else None)
        if threads > 1:
            self._start_pool(options, threads)
        self._engine = library.Engine()
        needs = library.Needs()
        at, size = self._data.ctypes.data, self._data.size
        self._check(lib.posy_need(at, size, ctypes.byref(options), ctypes.byref(needs)))
        self._memory = np.empty(needs.memory_bytes, dtype=np.uint8)
        status = lib.posy_open(ctypes.byref(self._engine), at, size, self._memory.ctypes.data, self._memory.size,
                               ctypes.byref(options))
        self._check(status, lib.posy_error_byte(ctypes.byref(self._engine)))

    def _start_pool(self, options: library.Options, threads: int) -> None:
        pool = library.Pool()
        options.threads = lib.posy_pool_start(ctypes.byref(pool), threads)
        options.parallel_for = ctypes.cast(lib.posy_pool_run, ctypes.c_void_p)
        options.parallel_context = ctypes.addressof(pool)
        self._pool = pool
        self._stop = weakref.finalize(self, lib.posy_pool_stop, ctypes.byref(pool))

    def _check(self, status: int, byte: int = 0) -> None:
        if status == library.OK:
            return
        hint = ""
        if library.status_text(status).startswith("not a .posy file"):
            hint = "; posy.convert() makes one of a graph"
        place = f" (byte {byte})" if byte else ""
        raise PosyError(f"{self._name}: {library.status_text(status)}{place}{hint}", status, byte or None)

    @property
    def input_shape(self) -> Tuple[int, int, int]:
        """Height, width, channels."""
        shape = lib.posy_input_shape(ctypes.byref(self._engine))
        return shape.h, shape.w, shape.c

    @property
    def class_count(self) -> int:
        return int(lib.posy_class_count(ctypes.byref(self._engine)))

    @property
    def labels(self) -> List[str]:
        """One for each class; empty if the model has none."""
        found = [lib.posy_label(ctypes.byref(self._engine), i) for i in range(self.class_count)]
        return [label.decode("utf-8", "replace") for label in found if label is not None]

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return str(lib.posy_engine_isa(ctypes.byref(self._engine)).decode("ascii"))

    @property
    def memory_bytes(self) -> int:
        """What the engine works in, besides the model's own bytes."""
        return int(self._memory.size)

    @property
    def novelty(self) -> float:
        """How far the last picture is from those that the model was trained with: above 1 it is probably of no class at
        all. 0 before a picture, and of models that have no rule for it (posy retrain gives them one)."""
        with self._lock:
            return float(lib.posy_novelty(ctypes.byref(self._engine)))

    def scores(self, image: Any) -> Floats:
        """The score of each class. `image` is a path, or an array of uint8: height x width x 3 (RGB), x 4 (RGBA, of which
        alpha is ignored), or height x width (gray), of any size; or what NumPy makes such an array of."""
        pixels = _pixels_of(image)
        channels = pixels.shape[2] if pixels.ndim == 3 else 1
        described = library.Image(format={1: library.GRAY, 3: library.RGB, 4: library.RGBA}[channels],
                                  width=pixels.shape[1], height=pixels.shape[0])
        described.plane[0] = pixels.ctypes.data
        described.stride[0] = pixels.shape[1] * channels
        with self._lock:
            self._refuse_if_closed()
            library.check(lib.posy_set_image(ctypes.byref(self._engine), ctypes.byref(described)), "image")
            return self._run()

    def classify(self, image: Any, top: int = 5) -> List[Score]:
        """The `top` best classes, best first, equal scores by class; 0: all. `image` is as for scores()."""
        if top < 0:
            raise ValueError(f"top is 0 or more, not {top}")
        scores, labels = self.scores(image), self.labels
        best = np.argsort(-scores, kind="stable")[: top or None]
        return [Score(labels[i] if labels else "", float(scores[i]), int(i)) for i in best]

    def predict(self, batch: Floats) -> Floats:
        """The scores, batch x classes, of float32 that are normalised already: batch x height x width x channels. A single
        picture without the first axis gives a single row."""
        array = np.asarray(batch)
        if array.dtype != np.float32:
            raise TypeError(f"a batch is float32, not {array.dtype}: batch.astype(np.float32); pixels of uint8 are scores()'s")
        if array.shape == self.input_shape:
            return self._predict_one(array)
        if array.ndim != 4 or array.shape[1:] != self.input_shape:
            wanted = " x ".join(str(size) for size in self.input_shape)
            raise ValueError(f"a batch is n x {wanted} (height, width, channels), not {_shape(array)}")
        rows = [self._predict_one(picture) for picture in array]
        return np.stack(rows) if rows else np.empty((0, self.class_count), dtype=np.float32)

    def _predict_one(self, picture: Floats) -> Floats:
        with self._lock:
            self._refuse_if_closed()
            floats = lib.posy_input(ctypes.byref(self._engine))
            if floats:
                flat = np.ascontiguousarray(picture)
                ctypes.memmove(floats, flat.ctypes.data, flat.nbytes)
            else:
                self._set_codes(picture)
            return self._run()

    def _set_codes(self, picture: Floats) -> None:
        """The input of a model of integers: the nearest code of each float."""
        codes = library.Codes()
        at = lib.posy_input_codes(ctypes.byref(self._engine), ctypes.byref(codes))
        height, width, channels = self.input_shape
        count = height * width * codes.pixel_stride
        room = np.ctypeslib.as_array(ctypes.cast(at, ctypes.POINTER(ctypes.c_uint8)), (count,))
        nearest = np.rint(picture / np.float32(codes.scale)) + np.float32(codes.zero_point)
        pixels = room.reshape(height, width, codes.pixel_stride)
        pixels[:, :, :channels] = np.clip(nearest, 0, 255).astype(np.uint8)

    def _refuse_if_closed(self) -> None:
        # Without its threads, not even a picture can be set.
        if self._is_closed:
            raise ValueError(f"{self._name}: the model is closed")

    def _run(self) -> Floats:
        library.check(lib.posy_run(ctypes.byref(self._engine)), self._name)
        return np.ctypeslib.as_array(lib.posy_scores(ctypes.byref(self._engine)), (self.class_count,)).copy()

    def close(self) -> None:
        """Ends the threads; no picture can be scored any more. It happens by itself when nobody has the Model."""
        with self._lock:
            self._is_closed = True
            if hasattr(self, "_stop"):
                self._stop()

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        height, width, channels = self.input_shape
        return f"<posy.Model {self._name}: {height} x {width} x {channels}, {self.class_count} classes, {self.isa}>"
