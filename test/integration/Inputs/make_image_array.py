"""make_image_array.py RECORDS COUNT IMAGES.npy: the first images of CIFAR-10 records as f32 [count, 3, 32, 32] in [0, 1]."""
import sys

import numpy as np

records = np.fromfile(sys.argv[1], np.uint8, int(sys.argv[2]) * 3073).reshape(-1, 3073)
np.save(sys.argv[3], records[:, 1:].reshape(-1, 3, 32, 32).astype("<f4") / np.float32(255))
