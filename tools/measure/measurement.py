"""Compiles models, runs them on images in CIFAR-10's binary layout and compares their predictions. Standard library only."""
import argparse
import array
import math
import os
import pathlib
import random
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORD_BYTES = 1 + 3 * 32 * 32  # label, then the planes of pixels

POSITIONAL_HELP = """
IMAGES is a file of records on which models are compared. TRAINING are files from which calibration images are drawn.
"""


def make_parser(description, count):
    """Returns a parser of the options that the scripts share; `count` is the default number of calibration images."""
    parser = argparse.ArgumentParser(description=description + POSITIONAL_HELP,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", metavar="IMAGES")
    parser.add_argument("training", metavar="TRAINING", nargs="+")
    parser.add_argument("--model", default=ROOT / "tools" / "demo" / "vit_cifar10.pth",
                        help="the checkpoint or IR to compress (default: the demo model)")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="the build folder (default: build)")
    parser.add_argument("--count", type=int, default=0, metavar="N",
                        help="compare on the first N images only (default: all)")
    parser.add_argument("--calibration-count", type=int, default=count, metavar="N",
                        help=f"calibration images in each draw (default: {count})")
    parser.add_argument("--draws", type=int, default=3, metavar="N",
                        help="number of random draws of calibration images (default: 3)")
    return parser


def read_records(*paths):
    """Returns the records of all files."""
    data = b"".join(pathlib.Path(path).read_bytes() for path in paths)
    return [data[i:i + RECORD_BYTES] for i in range(0, len(data), RECORD_BYTES)]


def write_draw(records, count, seed, path):
    """Writes `count` random records to `path`, in their original order."""
    chosen = sorted(random.Random(seed).sample(range(len(records)), count))
    pathlib.Path(path).write_bytes(b"".join(records[i] for i in chosen))


class Experiment:
    """A model and the images on which its compressed forms are compared. Files are written to `folder`."""

    def __init__(self, options, folder):
        self.model, self.images, self.folder = options.model, options.images, pathlib.Path(folder)
        self.compiler = options.build / "bin" / "vitya-compile"
        self.optimizer = options.build / "bin" / "vitya-opt"
        labels = [record[0] for record in read_records(options.images)]
        self.labels = labels[:options.count or None]

    def compile(self, model, output, *options):
        """Compiles `model` to the file `output` with options of vitya-compile."""
        subprocess.run([self.compiler, model, "-o", output, *options], check=True, stderr=subprocess.DEVNULL)

    def optimize(self, model, output, *passes):
        """Runs passes of vitya-opt on the IR `model` and writes bytecode to `output`."""
        subprocess.run([self.optimizer, model, "-o", output, "--emit-bytecode", *passes], check=True,
                       stderr=subprocess.DEVNULL)

    def logits(self, *compression, model=None):
        """Compiles the model, or another one, with options of vitya-compile and returns its logits, one list for each
        image."""
        executable = self.folder / "vit"
        self.compile(model or self.model, executable, *compression)
        logits = self.logits_of(executable)
        os.remove(executable)
        return logits

    def logits_of(self, executable):
        """Runs `executable` and returns its logits, one list for each image."""
        command = [executable, "logits", self.images, f"--count={len(self.labels)}"]
        values = array.array("f", subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        classes = len(values) // len(self.labels)
        return [values[i:i + classes] for i in range(0, len(values), classes)]


def log_probabilities(logits):
    """Returns the logarithm of the softmax of `logits`."""
    largest = max(logits)
    norm = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return [x - norm for x in logits]


def compare(expected, found, labels):
    """Compares two lists of logits of the same images, at least two.

    Returns a dict: `kl`, the mean KL divergence of the predictions `found` from `expected` in nats; `same`, the share of
    images with the same predicted class; `accuracy` of `found`; `difference` of the accuracies; and `interval`, half the
    width of the 95 % confidence interval of the difference, paired by image.
    """
    divergence = same = correct = 0
    differences = []
    for before, after, label in zip(expected, found, labels, strict=True):
        p, q = log_probabilities(before), log_probabilities(after)
        divergence += sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
        first, second = p.index(max(p)), q.index(max(q))
        same += first == second
        correct += second == label
        differences.append((second == label) - (first == label))
    count = len(labels)
    return {"kl": divergence / count, "same": same / count, "accuracy": correct / count,
            "difference": statistics.mean(differences),
            "interval": 1.96 * statistics.stdev(differences) / math.sqrt(count)}


def format_accuracy(result):
    """Returns the last three cells of a table row: share of the same class, accuracy, difference with its interval."""
    return (f"{100 * result['same']:.2f} % | {100 * result['accuracy']:.2f} % | "
            f"{100 * result['difference']:+.2f} ± {100 * result['interval']:.2f}")
