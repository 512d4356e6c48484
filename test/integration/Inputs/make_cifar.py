#!/usr/bin/env python3
"""Writes synthetic CIFAR-10 batches to a folder, for the tests of tools/cifar10.

usage: make_cifar.py FOLDER [--version=bin|py|hostile] [--archive=FILE]

Pixels and labels depend on their index only; all batches are links to one file. Version `py` writes protocol 2 pickles like
the official Python version, a dict with bytes keys and a numpy array, without numpy; `hostile` writes a pickle that would
call os.system.
"""
import argparse
import os
import pickle
import tarfile

IMAGES, PIXELS = 10000, 3072


def pickle_batch(labels, pixels):
    """Returns a protocol 2 pickle of {b'labels': [...], b'data': <numpy array>}."""
    def short(text):
        return b"U" + bytes([len(text)]) + text  # SHORT_BINSTRING

    array = (b"cnumpy.core.multiarray\n_reconstruct\n" b"cnumpy\nndarray\n" b"K\x00\x85" + short(b"b") + b"\x87R"
             b"(K\x01" b"M\x10\x27M\x00\x0c\x86" b"cnumpy\ndtype\n" + short(b"u1") + b"K\x00K\x01\x87R"
             b"(K\x03" + short(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
             b"\x89" b"T" + len(pixels).to_bytes(4, "little") + pixels + b"tb")
    return (b"\x80\x02}(" + short(b"labels") + b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e" +
            short(b"data") + array + b"u.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--version", default="bin", choices=["bin", "py", "hostile"])
    parser.add_argument("--archive")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    row = bytes(i % 251 for i in range(PIXELS + 256))
    labels = [i % 10 for i in range(IMAGES)]
    images = [row[i % 256:][:PIXELS] for i in range(IMAGES)]
    if options.version == "bin":
        names = [name + ".bin" for name in names]
        data = b"".join(bytes([label]) + image for label, image in zip(labels, images))
    elif options.version == "py":
        data = pickle_batch(labels, b"".join(images))
    else:
        data = b"cos\nsystem\n(S'touch called'\ntR."
    paths = [os.path.join(options.folder, name) for name in names]
    with open(paths[0], "wb") as file:
        file.write(data)
    for path in paths[1:]:
        os.link(paths[0], path)
    if options.archive:
        with tarfile.open(options.archive, "w:gz", compresslevel=1, dereference=True) as archive:
            archive.add(options.folder, "cifar-10-batches-" + options.version)


if __name__ == "__main__":
    main()
