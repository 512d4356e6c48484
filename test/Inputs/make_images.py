#!/usr/bin/env python3
"""Writes one picture in several formats, and several invalid image files.

usage: make_images.py CIFAR_FILE RECORD FOLDER
"""
import os
import struct
import sys
import zlib

file, record, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(file, "rb") as images:
    images.seek(record * 3073 + 1)
    planes = images.read(3072)
SIDE = 32
rows = [b"".join(bytes((planes[y * SIDE + x], planes[1024 + y * SIDE + x], planes[2048 + y * SIDE + x]))
                 for x in range(SIDE)) for y in range(SIDE)]


def write(name, data):
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, raw):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


os.makedirs(folder, exist_ok=True)
whole = png(SIDE, SIDE, b"".join(b"\0" + row for row in rows))
write("image.png", whole)
ppm = b"P6 %d %d 255\n" % (SIDE, SIDE) + b"".join(rows)
write("image.ppm", ppm)
bgr = b"".join(b"".join(row[i:i + 3][::-1] for i in range(0, len(row), 3)) for row in reversed(rows))
bmp = struct.pack("<2sIIIIiiHHIIiiII", b"BM", 54 + len(bgr), 0, 54, 40, SIDE, SIDE, 1, 24, 0, len(bgr), 0,
                  0, 0, 0) + bgr
write("image.bmp", bmp)
write("truncated.png", whole[:60])
write("truncated.bmp", bmp[:-3])
write("truncated.ppm", ppm[:-1])
write("huge.png", png(60000, 60000, b""))
write("wide.png", png(20000, 1, b""))
write("hollow.png", png(16000, 16000, b""))
write("empty.png", b"")
write("text.png", b"this is no image\n")
