"""Writes pictures of one colour each as a folder of classes, lists and arrays, to the folder that is given."""
import os
import sys

import numpy as np

COLOURS = {"a": (200, 10, 20), "b": (30, 220, 10), "c": (5, 60, 210)}


def write_picture(path, colour):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(b"P6 3 2 255\n" + bytes(colour) * 6)


os.chdir(sys.argv[1])
pictures = [(f"{name}{number}.ppm", name, [value - number for value in colour]) for name, colour in COLOURS.items()
            for number in range(2)]
for file, name, colour in pictures:
    write_picture(f"classes/{name}/{file}", colour)
    write_picture(f"others/class {name}/{file}", colour)
    write_picture(f"plain/{file}", colour)
os.makedirs("mixed")
os.symlink("../classes/a", "mixed/a")
os.symlink("../classes/b", "mixed/z")
with open("names.csv", "w") as csv, open("numbers.txt", "w") as txt, open("unlabelled.txt", "w") as unlabelled:
    csv.write("path,label\n")
    for file, name, _ in pictures:
        csv.write(f"plain/{file},{name}\n")
        txt.write(f"plain/{file} {'abc'.index(name)}\n\n")
        unlabelled.write(f"plain/{file}\n")
images = np.array([np.broadcast_to(np.array(colour, np.uint8), (2, 3, 3)) for _, _, colour in pictures])
np.save("bytes.npy", images)
np.save("bytes.labels.npy", np.array(["abc".index(name) for _, name, _ in pictures]))
floats = images[:, :1, :1].transpose(0, 3, 1, 2) / np.float32(255)
np.save("floats.npy", floats)
np.save("floats.labels.npy", np.array(["abc".index(name) for _, name, _ in pictures], np.int32))
np.save("scaled.npy", 2 * floats)
