"""Predictions of compiled models for images of CIFAR-10, and how those of two models differ. Standard library only."""
import array
import math
import pathlib
import statistics
import subprocess

RECORD = 3073  # bytes: the class, then 3 * 32 * 32 pixels


def read_records(*paths):
    """The records of all files, one behind the other."""
    data = b"".join(pathlib.Path(path).read_bytes() for path in paths)
    return [data[i:i + RECORD] for i in range(0, len(data), RECORD)]


def logits_of(executable, images, count):
    """The logits, a row an image, that `executable` computes for the first `count` records of the file `images`."""
    command = [executable, "logits", images, f"--count={count}"]
    values = array.array("f", subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    classes = len(values) // count
    return [values[i:i + classes] for i in range(0, len(values), classes)]


def log_probabilities(logits):
    largest = max(logits)
    norm = largest + math.log(sum(math.exp(x - largest) for x in logits))
    return [x - norm for x in logits]


def compare(expected, found, labels):
    """What changes where a model's logits are `found` instead of `expected`, a row for each of `labels`, at least two.

    The mean KL divergence in nats, the share of images with the same first class, the accuracy, its difference from
    that of `expected`, and half of that difference's 95 % interval, paired by image.
    """
    divergence = same = right = 0
    differences = []
    for before, after, label in zip(expected, found, labels, strict=True):
        p, q = log_probabilities(before), log_probabilities(after)
        divergence += sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))
        first, second = p.index(max(p)), q.index(max(q))
        same += first == second
        right += second == label
        differences.append((second == label) - (first == label))
    count = len(labels)
    return {"kl": divergence / count, "same": same / count, "accuracy": right / count,
            "difference": statistics.mean(differences),
            "interval": 1.96 * statistics.stdev(differences) / math.sqrt(count)}
