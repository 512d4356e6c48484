#!/usr/bin/env python3
"""A runtime for compare-peers: logits are the means of the channels, and one row fails.

usage: PYTHONPATH=tools/measure/peers peer_of_numpy.py FOLDER MODEL THREADS COMMAND...
"""
import numpy
from worker import Peer, Row, halves, main


class Numpy(Peer):

    def prepare(self):
        numpy.save(self.path("numpy.npy"), self.calibration())

    def means(self):

        def run(x):
            classes = numpy.zeros((len(x), 10), numpy.float32)
            classes[:, :3] = x.mean(axis=(2, 3))
            return classes

        return run

    def broken(self):
        raise RuntimeError("no kernel for this model")

    def rows(self):
        return {"means": Row("f32", 1, self.means, [self.path("numpy.npy")]),
                "halves": Row("f32", 2, lambda: halves([self.means(), self.means()])),
                "broken": Row("static", 2, self.broken)}


if __name__ == "__main__":
    main(Numpy)
