#!/usr/bin/env python3
"""Labels many images with a compiled model in a job of Ray Data, on several workers of this machine.

    vitya-compile vit.pth --emit=lib -o vit.so
    python3 label_with_ray.py vit.so images.npy labels.npy --workers=2

IMAGES is an array that `vit logits` takes too: u8 [count, height, width, channels] or f32 [count, channels, height, width].
LABELS will be the number of each image's most probable class, i64 [count]; --logits writes the logits as `vit logits` does.

Each worker is a process with a model on one thread, which maps the images into memory. Images are handed out in blocks. If
a worker dies, Ray starts another one, which does its block again. Without --address, the job starts Ray on this machine and stops
it at the end. With --address=auto it uses the cluster that runs, all of whose machines must have the two files:

    ray start --head --num-cpus=3
    python3 label_with_ray.py vit.so images.npy labels.npy --workers=2 --address=auto
"""
import argparse
import logging
import os
import re
import socket
import sys

import numpy as np
import vitya

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
import ray
import ray.data

BLOCK = 500  # images that a worker takes at once
BATCH = 250  # images of one call of the model


class Worker:
    """A model and the images, in a process of Ray."""

    def __init__(self, library, images):
        self.model = vitya.load(library, threads=1)
        self.images = np.load(images, mmap_mode="r")

    def __call__(self, batch):
        """Returns the logits of the images `batch["id"]`."""
        ids = batch["id"]
        try:
            return {"id": ids, "logits": self.model(self.images[ids])}
        except vitya.Error as error:
            raise vitya.Error(f"{error} (images {ids[0]} to {ids[-1]})") from None


def connect(address, workers):
    """Connects to the cluster at `address`, or starts Ray on this machine if it is "local"."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit():  # Ray would wait for minutes
        socket.create_connection((host, int(port)), timeout=10).close()
    # Every worker has a processor; the remaining one is for the other tasks of Ray Data.
    local = {"num_cpus": workers + 1, "include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level="error", **local)


def compute_logits(library, images, workers, worker=Worker, address="local"):
    """Returns the logits of all images, f32 [count, classes]. `library` and `images` are paths."""
    count = len(np.load(images, mmap_mode="r"))
    connect(address, workers)
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        blocks = ray.data.range(count, override_num_blocks=-(-count // BLOCK))
        results = blocks.map_batches(
            worker, fn_constructor_args=(os.path.abspath(library), os.path.abspath(images)), batch_size=BATCH, num_cpus=1,
            compute=ray.data.ActorPoolStrategy(size=workers))
        logits = None
        done = np.zeros(count, bool)
        for batch in results.iter_batches(batch_size=None):
            if logits is None:
                logits = np.empty((count, batch["logits"].shape[1]), np.float32)
            logits[batch["id"]] = batch["logits"]
            done[batch["id"]] = True
    except ray.exceptions.RayTaskError as error:
        # Of an exception of a worker, Ray keeps the text.
        found = re.search(r"^vitya\.Error: (.*)", str(error), re.MULTILINE)
        raise vitya.Error(found[1]) if found else error
    finally:
        ray.shutdown()
    if not done.all():
        raise vitya.Error(f"expected logits of {count} images, found those of {done.sum()}")
    return logits


def main():
    parser = argparse.ArgumentParser(description="Label images with a compiled model on workers of Ray.")
    parser.add_argument("library", help="a model compiled with --emit=lib")
    parser.add_argument("images", help="an .npy array of images")
    parser.add_argument("labels", help="the .npy array to write: the class of each image")
    parser.add_argument("--logits", metavar="FILE", help="also write the logits, little-endian f32 [count, classes]")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)),
                        help="the number of workers (default: the processors that this process may use)")
    parser.add_argument("--address", default="local", help="a running cluster, such as auto (default: start Ray on this machine)")
    options = parser.parse_args()
    # Errors of the first image are reported before any worker starts.
    vitya.load(options.library, threads=1)(np.load(options.images, mmap_mode="r")[:1])
    logits = compute_logits(options.library, options.images, options.workers, address=options.address)
    if options.logits:
        logits.astype("<f4").tofile(options.logits)
    np.save(options.labels, logits.argmax(axis=1))


if __name__ == "__main__":
    try:
        main()
    except (OSError, TypeError, ValueError, vitya.Error, ray.exceptions.RayError) as error:
        sys.exit(f"label_with_ray: {error}")
