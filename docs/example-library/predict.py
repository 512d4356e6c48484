"""Predicts the classes of images in CIFAR-10's binary layout with a model compiled to a shared library.

    vitya-compile vit.pth --emit=lib -o libvit.so
    python3 predict.py ./libvit.so test_batch.bin 8

`Model` wraps the C interface of libvit.h with numpy arrays.
"""
import ctypes
import sys

import numpy as np


class Info(ctypes.Structure):
    """vitya_model_info."""

    _fields_ = [("name", ctypes.c_char_p)]
    _fields_ += [(name, ctypes.c_int64) for name in ("channels", "height", "width", "classes")]
    _fields_ += [("class_names", ctypes.POINTER(ctypes.c_char_p))]
    _fields_ += [(name, ctypes.c_int64) for name in ("multiply_adds", "weight_bytes")]
    _fields_ += [("json", ctypes.c_char_p)]


class Model:
    """A session of a compiled model, with its own threads and memory."""

    HWC, CHW = 0, 1

    def __init__(self, path, threads=1):
        self._library = ctypes.CDLL(path)
        self._library.vitya_status_message.restype = ctypes.c_char_p
        self._session = ctypes.c_uint64()
        self.info = Info()
        self._call("vitya_describe", ctypes.byref(self.info))
        self._call("vitya_create", ctypes.c_int(threads), ctypes.byref(self._session))
        self.classes = [self.info.class_names[i].decode() for i in range(self.info.classes)]

    def close(self):
        self._call("vitya_destroy", self._session)

    def run(self, images):
        """Returns logits [N, classes] of f32 images [N, channels, height, width] in [0, 1]."""
        images = np.ascontiguousarray(images, dtype=np.float32)
        return self._logits(len(images), "vitya_run_f32", images, images.size, len(images))

    def run_pixels(self, pixels, layout=HWC):
        """Returns logits [N, classes] of u8 images, [N, height, width, channels] for HWC or [N, channels, height, width] for CHW."""
        pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
        height, width = pixels.shape[1:3] if layout == self.HWC else pixels.shape[2:4]
        return self._logits(len(pixels), "vitya_run_u8", pixels, pixels.size, len(pixels), height, width,
                            ctypes.c_int(layout))

    def _logits(self, count, function, array, size, *rest):
        logits = np.empty((count, self.info.classes), dtype=np.float32)
        rest = [ctypes.c_int64(value) if isinstance(value, int) else value for value in rest]
        self._call(function, self._session, array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(size), *rest,
                   logits.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(logits.size))
        return logits

    def _call(self, function, *arguments):
        status = getattr(self._library, function)(*arguments)
        if status:
            raise RuntimeError(f"{function}: {self._library.vitya_status_message(status).decode()}")


if __name__ == "__main__":
    library, file, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    records = np.fromfile(file, dtype=np.uint8, count=count * 3073).reshape(-1, 3073)
    model = Model(library, threads=2)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32)
    logits = model.run_pixels(pixels, Model.CHW)
    # Both functions divide pixels by 255, so the logits are equal bit by bit.
    assert np.array_equal(logits, model.run(pixels.astype(np.float32) / np.float32(255)))
    for i, (label, best) in enumerate(zip(records[:, 0], logits.argmax(axis=1))):
        print(f"image {i}: {model.classes[best]} (label {model.classes[label]})")
    model.close()
