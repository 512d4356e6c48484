"""What the peers of compare-peers share: a peer serves requests, one JSON line in, one out.

A peer is a subclass of Peer in PEER_peer.py, which is run in a virtual environment of its own:

    PEER_peer.py FOLDER MODEL THREADS prepare       converts and quantizes the model
    PEER_peer.py FOLDER MODEL THREADS serve         answers requests
    PEER_peer.py FOLDER MODEL THREADS first ROW     runs one batch of ROW and exits, to measure the start
"""
import abc
import functools
import json
import os
import pathlib
import resource
import sys
import time
import traceback

import numpy as np

from models import Model


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Row:
    """One way of running the model: `make()` returns a function from f32 [batch, 3, height, width] to logits."""

    def __init__(self, kind, batch, make, files=()):
        self.kind, self.batch, self.make, self.files = kind, batch, make, files


class Peer(abc.ABC):

    def __init__(self, folder, name, threads):
        self.folder, self.name, self.threads = pathlib.Path(folder), name, int(threads)
        self.model = Model.load(folder, name)

    def path(self, suffix):
        return self.folder / f"{self.name}.{suffix}"

    def images(self, count=None):
        return self.model.normalize(np.load(self.path("images.npy"), mmap_mode="r")[:count])

    def calibration(self):
        """Images on which quantization is calibrated: 256, or 16 if they are large."""
        return self.model.normalize(np.load(self.folder / f"{self.name}.calibration.npy"))

    def calibration_batches(self, batch):
        """The images of `calibration` in batches, of which the last one is filled up."""
        images = self.calibration()
        return [np.resize(images[begin:begin + batch], (batch,) + images.shape[1:])
                for begin in range(0, len(images), batch)]

    def prepare(self):
        """Writes the files that rows read."""

    def rows_of_files(self, kinds):
        """A row for each of `kinds` and batch for which prepare() has written `file(kind, batch)`; `load(kind, batch)`
        returns its function."""
        return {f"{kind}, batch {batch}": Row(kind, batch, functools.partial(self.load, kind, batch), [file])
                for batch in self.model.batches for kind in kinds if (file := self.file(kind, batch)).exists()}

    @abc.abstractmethod
    def rows(self):
        """A dict of Row by name."""


def halves(functions):
    """A function that runs each of `functions` on its share of the batch, at the same time."""
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(len(functions))

    def run(x):
        return np.concatenate(list(pool.map(lambda pair: pair[0](pair[1]), zip(functions, np.split(x, len(functions))))))

    return run


class Server:

    def __init__(self, peer, rows, answer):
        self.peer, self.rows, self.answer, self.running = peer, rows, answer, {}
        self.random = np.random.default_rng(0)

    def function(self, name):
        if name not in self.running:
            self.running[name] = self.rows[name].make()
        return self.running[name]

    def input(self, name):
        size = self.peer.model.image
        return self.random.standard_normal((self.rows[name].batch, 3, size, size)).astype(np.float32)

    def time(self, name, seconds, least):
        run, x, times = self.function(name), self.input(name), []
        end = time.perf_counter() + seconds * 0.15
        run(x)
        while time.perf_counter() < end:
            run(x)
        end = time.perf_counter() + seconds
        while len(times) < least or time.perf_counter() < end:
            start = time.perf_counter()
            run(x)
            times.append(1e3 * (time.perf_counter() - start))
        times.sort()
        return {"best": times[0], "median": times[len(times) // 2]}

    def logits(self, name, output):
        run, batch, images = self.function(name), self.rows[name].batch, self.peer.images()
        rows = []
        for begin in range(0, len(images), batch):
            x = images[begin:begin + batch]
            # The last batch is filled up, as many rows have a fixed batch.
            rows.append(np.asarray(run(np.resize(x, (batch,) + x.shape[1:])))[:len(x)])
        np.concatenate(rows).astype("<f4").tofile(output)
        return {}

    def drop(self, name):
        self.running.pop(name, None)
        return {}

    def serve(self):
        self.answer(rows={name: [row.kind, row.batch, sum(os.path.getsize(file) for file in row.files)]
                          for name, row in self.rows.items()})
        for line in sys.stdin:
            request = json.loads(line)
            try:
                self.answer(**getattr(self, request.pop("do"))(**request))
            except Exception as error:  # a peer that fails is a row that says so
                traceback.print_exc()
                self.answer(error=f"{type(error).__name__}: {error}".replace("\n", " ")[:200])


def main(peer_class):
    folder, name, threads, command, *rest = sys.argv[1:]
    # Libraries print to standard output, so answers keep it for themselves.
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    peer = peer_class(folder, name, threads)
    if command == "prepare":
        start = time.time()
        peer.prepare()
        output.write(json.dumps({"seconds": time.time() - start, "megabytes": peak_megabytes()}) + "\n")
    elif command == "first":
        row = peer.rows()[rest[0]]
        row.make()(peer.images(row.batch))
    else:

        def answer(**values):
            output.write(json.dumps(values) + "\n")
            output.flush()

        Server(peer, peer.rows(), answer).serve()
