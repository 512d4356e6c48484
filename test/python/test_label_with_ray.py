"""Tests of runtime/python/examples/label_with_ray.py, if Ray Data is installed."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import vitya

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLES = ROOT / "runtime" / "python" / "examples"
sys.path.append(str(EXAMPLES))
os.environ["PYTHONPATH"] = str(EXAMPLES)  # of Ray's processes

try:
    import ray.data
    import label_with_ray
except ImportError as error:
    raise unittest.SkipTest("expected the package ray[data], found none") from error

COUNT = 1203


class Job(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(cls.folder.name)
        checkpoint, cls.library, cls.images = path / "vit.pth", path / "vit.so", path / "images.npy"
        subprocess.run([sys.executable, ROOT / "test" / "Inputs" / "make_checkpoint.py", checkpoint], check=True)
        vitya.compile(checkpoint, cls.library)
        images = np.random.default_rng(1).integers(256, size=(COUNT, 32, 32, 3), dtype=np.uint8)
        np.save(cls.images, images)
        cls.logits = vitya.load(cls.library)(images)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_job(self, *arguments):
        return subprocess.run([sys.executable, EXAMPLES / "label_with_ray.py", *arguments], capture_output=True, text=True)

    def test_gives_the_logits_of_one_process(self):
        path = pathlib.Path(self.folder.name)
        result = self.run_job(self.library, self.images, path / "labels.npy", "--workers=2", f"--logits={path}/logits.f32")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual((path / "logits.f32").read_bytes(), self.logits.tobytes())
        np.testing.assert_array_equal(np.load(path / "labels.npy"), self.logits.argmax(axis=1))

    def test_uses_a_cluster_that_runs(self):
        labels = pathlib.Path(self.folder.name, "cluster.npy")
        ray.init(address="local", num_cpus=3, include_dashboard=False, logging_level="error")
        try:
            address = ray.get_runtime_context().gcs_address
            result = self.run_job(self.library, self.images, labels, "--workers=2", f"--address={address}")
        finally:
            ray.shutdown()
        self.assertEqual(result.returncode, 0, result.stderr)
        np.testing.assert_array_equal(np.load(labels), self.logits.argmax(axis=1))
        # It runs no more.
        result = self.run_job(self.library, self.images, labels, f"--address={address}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("label_with_ray: ", result.stderr.splitlines()[-1])
        self.assertIn("Connection refused", result.stderr.splitlines()[-1])

    def test_does_the_block_of_a_dead_worker_again(self):
        died = pathlib.Path(self.folder.name, "died")

        class MortalWorker(label_with_ray.Worker):
            def __call__(self, batch):
                if 700 in batch["id"] and not died.exists():
                    died.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().__call__(batch)

        logits = label_with_ray.compute_logits(self.library, self.images, 2, MortalWorker)
        self.assertTrue(died.exists())
        self.assertEqual(logits.tobytes(), self.logits.tobytes())

    def test_reports_bad_images(self):
        bad, labels = pathlib.Path(self.folder.name, "bad.npy"), pathlib.Path(self.folder.name, "none.npy")
        pixels = np.zeros((COUNT, 3, 8, 8), np.float32)
        pixels[700] = np.nan
        for images, message in ((np.zeros((4, 32, 32, 4), np.uint8), "expected images [height, width, 3] or"),
                                (pixels, "expected finite pixels and logits, found NaN or infinity (images 6")):
            np.save(bad, images)
            result = self.run_job(self.library, bad, labels, "--workers=1")
            self.assertEqual(result.returncode, 1)
            self.assertIn("label_with_ray: " + message, result.stderr.splitlines()[-1])
            self.assertFalse(labels.exists())


if __name__ == "__main__":
    unittest.main()
