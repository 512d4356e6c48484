"""Tests of the installed package `vitya`: python3 -m unittest discover test/python, with vitya-compile in PATH.

They compile a small model, whose weights are arbitrary, to a library and to an executable.
"""
import concurrent.futures
import importlib.resources
import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import threading
import unittest
from unittest import mock

import numpy as np
import vitya

MAKE_CHECKPOINT = pathlib.Path(__file__).parents[1] / "Inputs" / "make_checkpoint.py"
COUNT = 7


def setUpModule():
    global folder, model, executable, pixels, planes
    folder = tempfile.TemporaryDirectory()
    path = pathlib.Path(folder.name)
    checkpoint = path / "vit.pth"
    subprocess.run([sys.executable, MAKE_CHECKPOINT, checkpoint], check=True)
    model = vitya.load(vitya.compile(checkpoint, path / "vit.so"), threads=2)
    executable = vitya.compile(checkpoint, path / "vit", emit="exe")
    channels, height, width = model.image_shape
    pixels = np.random.default_rng(1).integers(256, size=(COUNT, height, width, channels), dtype=np.uint8)
    planes = (pixels / np.float32(255)).transpose(0, 3, 1, 2)


def tearDownModule():
    folder.cleanup()


def logits_of_executable(images):
    """Returns the logits that the executable writes for an array of images."""
    file = os.path.join(folder.name, "images.npy")
    np.save(file, images)
    output = subprocess.run([executable, "logits", file], check=True, capture_output=True).stdout
    return np.frombuffer(output, np.float32).reshape(len(images), -1)


class Logits(unittest.TestCase):
    def assert_equal_bits(self, left, right):
        self.assertEqual((left.dtype, left.shape), (right.dtype, right.shape))
        self.assertEqual(left.tobytes(), right.tobytes())

    def test_are_those_of_the_executable(self):
        expected = logits_of_executable(pixels)
        self.assertGreater(np.ptp(expected), 0)
        self.assert_equal_bits(model(pixels), expected)
        self.assert_equal_bits(model(planes), expected)

    def test_of_larger_images_are_those_of_the_executable(self):
        larger = np.random.default_rng(2).integers(256, size=(3, 50, 41, 3), dtype=np.uint8)
        self.assert_equal_bits(model(larger), logits_of_executable(larger))
        self.assert_equal_bits(model(larger.transpose(0, 3, 1, 2), vitya.Layout.CHW), model(larger))

    def test_of_one_image_have_one_dimension(self):
        expected = model(pixels)
        self.assert_equal_bits(model(pixels[3]), expected[3])
        self.assert_equal_bits(model(planes[3], layout=vitya.Layout.CHW), expected[3])
        self.assert_equal_bits(model(pixels[3].transpose(2, 0, 1), layout=vitya.Layout.CHW), expected[3])

    def test_of_arrays_that_are_not_contiguous(self):
        self.assert_equal_bits(model(pixels[::2]), model(pixels)[::2])
        self.assert_equal_bits(model(pixels[:, ::-1]), model(np.ascontiguousarray(pixels[:, ::-1])))
        self.assert_equal_bits(model(np.asfortranarray(planes)), model(planes))

    def test_of_arrays_that_are_read_only(self):
        images = pixels.copy()
        images.flags.writeable = False
        self.assert_equal_bits(model(images), model(pixels))

    def test_outlive_the_model(self):
        other = vitya.load(model.path)
        logits = other(pixels)
        del other
        self.assert_equal_bits(logits, model(pixels))

    def test_of_many_callers(self):
        expected = model(pixels)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for logits in pool.map(model, [pixels] * 40):
                self.assert_equal_bits(logits, expected)

    def test_are_computed_without_the_interpreter_lock(self):
        images, results = np.tile(pixels, (3000, 1, 1, 1)), []
        thread = threading.Thread(target=lambda: results.append(model(images)))
        interval = sys.getswitchinterval()
        # The thread keeps the lock from its start on, unless a function releases it.
        sys.setswitchinterval(1000)
        try:
            thread.start()
            self.assertEqual(results, [])
        finally:
            sys.setswitchinterval(interval)
            thread.join()
        self.assertEqual(len(results[0]), len(images))

    def test_of_a_cascade_are_those_of_one_of_its_models(self):
        path = pathlib.Path(folder.name)
        checkpoint = path / "vit.pth"
        first = vitya.load(vitya.compile(checkpoint, path / "first.so", low_rank="rank=2"))(pixels)
        largest = np.sort(first)[:, -2:]
        margins = largest[:, 1] - largest[:, 0]
        threshold = np.median(margins)
        is_deferred = margins < threshold
        cascade = vitya.load(vitya.compile(checkpoint, path / "cascade.so", low_rank="rank=2",
                                           cascade=f"margin={threshold:.9g}"))
        self.assertEqual(is_deferred.sum(), COUNT // 2)
        expected = np.where(is_deferred[:, None], model(pixels), first)
        self.assert_equal_bits(cascade(pixels), expected)
        for image, logits in zip(pixels, expected):
            self.assert_equal_bits(cascade(image), logits)
        self.assertFalse(np.array_equal(first, model(pixels)))
        self.assertEqual(np.float32(cascade.info["cascade"]["margin"]), threshold)


class Properties(unittest.TestCase):
    def test_are_those_of_the_executable(self):
        info = json.loads(subprocess.run([executable, "info", "--json"], check=True, capture_output=True).stdout)
        self.assertEqual(model.info, info)
        self.assertEqual(model.classes, info["classes"])
        self.assertEqual(model.name, info["name"])
        self.assertEqual(model.image_shape, (3, 8, 8))
        self.assertGreater(model.multiply_adds, 0)
        self.assertGreater(model.weight_bytes, 0)
        self.assertEqual(model.threads, 2)
        self.assertEqual(model.path, pathlib.Path(folder.name, "vit.so"))
        self.assertIn(model.name, repr(model))

    def test_threads_are_the_processors_by_default(self):
        self.assertLessEqual(vitya.load(model.path).threads, len(os.sched_getaffinity(0)))

    def test_package_is_typed(self):
        files = importlib.resources.files(vitya)
        self.assertTrue(files.joinpath("py.typed").is_file())
        self.assertIn("def __call__(self, images: ", files.joinpath("_vitya.pyi").read_text())


class Processes(unittest.TestCase):
    def test_pickled_models_are_loaded_again(self):
        copy = pickle.loads(pickle.dumps(model))
        self.assertEqual(copy.threads, 2)
        self.assertEqual(copy(pixels).tobytes(), model(pixels).tobytes())

    def test_models_do_not_survive_a_fork(self):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                model(pixels)
                message = "no error"
            except vitya.Error as error:
                message = str(error)
            os.write(writer, message.encode())
            os._exit(0)
        os.close(writer)
        self.assertIn("found one loaded before a fork", os.read(reader, 1000).decode())
        os.close(reader)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class Errors(unittest.TestCase):
    def assert_error(self, error, message, function, *arguments, **options):
        with self.assertRaises(error) as caught:
            function(*arguments, **options)
        self.assertIn(message, str(caught.exception))

    def test_of_images(self):
        types = "expected an array of uint8 or float32, found "
        self.assert_error(TypeError, types + "list", model, [1, 2])
        self.assert_error(TypeError, types + "NoneType", model, None)
        self.assert_error(TypeError, types + "ndarray of float64", model, planes.astype(np.float64))
        self.assert_error(TypeError, types + "ndarray of >f4", model, planes.astype(">f4"))
        shapes = "expected images [height, width, 3] or [count, height, width, 3], found "
        self.assert_error(ValueError, shapes + "[7, 3, 8, 8]", model, pixels.transpose(0, 3, 1, 2))
        self.assert_error(ValueError, shapes + "[8, 8]", model, pixels[0, :, :, 0])
        self.assert_error(ValueError, "expected images [3, height, width] or", model, pixels, vitya.Layout.CHW)
        floats = "expected images [3, 8, 8] or [count, 3, 8, 8], found "
        self.assert_error(ValueError, floats + "[7, 3, 8, 7]", model, planes[..., :7])
        self.assert_error(ValueError, "expected float32 images in Layout.CHW", model, planes, vitya.Layout.HWC)
        self.assert_error(vitya.Error, "expected sizes that are positive", model, pixels[:0])
        self.assert_error(vitya.Error, "expected finite pixels and logits", model, np.full_like(planes, np.nan))

    def test_of_libraries(self):
        library = "expected a library of vitya-compile --emit=lib at '"
        missing = os.path.join(folder.name, "none.so")
        self.assert_error(vitya.Error, f"{library}{missing}', found: ", vitya.load, missing)
        self.assert_error(vitya.Error, f"{library}{MAKE_CHECKPOINT}', found: ", vitya.load, MAKE_CHECKPOINT)
        self.assert_error(vitya.Error, library, vitya.load, vitya._vitya.__file__)
        self.assert_error(vitya.Error, "expected from 1 to 1024 threads", vitya.load, model.path, threads=0)

    def test_of_the_compiler(self):
        output = os.path.join(folder.name, "none.so")
        with self.assertRaises(vitya.Error) as caught:
            vitya.compile("none.pth", output)
        self.assertEqual(str(caught.exception), "expected a file that can be read at 'none.pth', found: No such file or directory")
        self.assert_error(vitya.Error, "Unknown command line argument '--no-such'", vitya.compile, "x.pth", output,
                          no_such=True)
        self.assert_error(vitya.Error, "expected vitya-compile at '/none', the argument compiler, found no such program",
                          vitya.compile, "x.pth", output, compiler="/none")
        with mock.patch.dict(os.environ, VITYA_BIN=folder.name):
            self.assert_error(vitya.Error, f"expected vitya-compile in '{folder.name}', the folder VITYA_BIN",
                              vitya.compile, "x.pth", output)
        with mock.patch.dict(os.environ, VITYA_BIN="", PATH=folder.name):
            self.assert_error(vitya.Error, "expected vitya-compile in PATH", vitya.compile, "x.pth", output)
        crash = os.path.join(folder.name, "crash")
        pathlib.Path(crash).write_text("#!/bin/sh\nkill -9 $$\n")
        os.chmod(crash, 0o700)
        self.assert_error(vitya.Error, "found that signal 9 ended it", vitya.compile, "x.pth", output, compiler=crash)
        self.assertFalse(os.path.exists(output))


class Options(unittest.TestCase):
    def test_are_those_of_the_command_line(self):
        printer = os.path.join(folder.name, "print")
        pathlib.Path(printer).write_text('#!/bin/sh\nfor a; do echo "$a" >&2; done; exit 1\n')
        os.chmod(printer, 0o700)
        with self.assertRaises(vitya.Error) as caught:
            vitya.compile("-m.pth", "/a/b.so", compiler=printer, low_rank="keep=0.5,method=joint", check=True, v=False,
                          set=["heads=3", "eps=1e-6"], max_drop=0.5, calibrate=pathlib.Path("c.bin"))
        expected = ("-o|/a/b.so|--emit=lib|--low-rank=keep=0.5,method=joint|--check|--set=heads=3|--set=eps=1e-6|"
                    "--max-drop=0.5|--calibrate=c.bin|--|-m.pth")
        self.assertEqual(str(caught.exception).split("\n"), expected.split("|"))


if __name__ == "__main__":
    unittest.main()
