#!/usr/bin/env python3
"""Writes the pictures of this folder, with the pixels that Pillow decodes from them. Tests read the files only.

For a valid picture NAME.jpg or NAME.png, NAME.jpg.ppm or NAME.png.ppm has the pixels of Image.convert("RGB"), and
NAME.png.alpha.pgm the alpha of Image.convert("RGBA"), if the file has alpha. A picture in invalid/ must be refused.
resized/HEIGHTxWIDTH.ppm is resized/picture.png after Image.resize with BILINEAR.

usage: make_pictures.py     (in this folder, with NumPy and Pillow 12.3)
"""
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 19, 27
y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
rgb = np.stack([127 + 127 * np.sin(x / 5 + y / 7), 255 * x / WIDTH, 127 + 127 * np.cos(y / 4)], axis=2)
rgb = Image.fromarray(np.rint(rgb).astype(np.uint8))
gray = rgb.convert("L")
alpha = Image.fromarray((9 * x + y).astype(np.uint8))
pathlib.Path("invalid").mkdir(exist_ok=True)


def write(name, data):
    pathlib.Path(name).write_bytes(data)
    if name.startswith("invalid/"):
        return
    image = Image.open(io.BytesIO(data))
    image.convert("RGB").save(name + ".ppm")
    if "A" in image.mode or "transparency" in image.info:
        image.convert("RGBA").getchannel("A").save(name + ".alpha.pgm")


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def segments(data):
    """Splits a JPEG file at its markers: (marker, bytes), entropy-coded data belongs to the scan before it."""
    parts, at = [], 0
    while at < len(data):
        end = at + 2
        if data[at + 1] not in (0xD8, 0xD9):
            end += struct.unpack_from(">H", data, end)[0]
        while data[at + 1] == 0xDA and (data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7):
            end += 1
        parts.append((data[at + 1], data[at:end]))
        at = end
    return parts


def joined(parts):
    return b"".join(part for _, part in parts)


def without(data, marker):
    return joined(part for part in segments(data) if part[0] != marker)


# Noise of black and white pixels, of odd sizes, which shrinking without a filter shows worst.
pathlib.Path("resized").mkdir(exist_ok=True)
noise = Image.fromarray(np.random.default_rng(0).integers(0, 2, (61, 47, 3), dtype=np.uint8) * 255)
noise.save("resized/picture.png")
for height, width in ((1, 1), (5, 8), (13, 64), (32, 32), (70, 9)):
    noise.resize((width, height), Image.BILINEAR).save(f"resized/{height}x{width}.ppm")

START, END, SCAN, FRAME, ADOBE, DHT = 0xD8, 0xD9, 0xDA, 0xC0, 0xEE, 0xC4
color = jpeg(rgb, subsampling=0)
progressive = jpeg(rgb, progressive=True)
cmyk = jpeg(Image.merge("CMYK", [*rgb.split(), alpha]))
write("444.jpg", color)
write("422.jpg", jpeg(rgb, subsampling=1))
write("420.jpg", jpeg(rgb, subsampling=2))
write("gray.jpg", jpeg(gray))
write("progressive.jpg", progressive)
write("restart.jpg", jpeg(rgb, restart_marker_blocks=3))
write("rgb.jpg", jpeg(rgb, keep_rgb=True))
write("cmyk.jpg", cmyk)
write("cmyk-without-adobe.jpg", without(cmyk, ADOBE))
# The last byte of Adobe's segment tells how colours are transformed: 2 is YCCK.
write("ycck.jpg", joined((m, p[:-1] + b"\2" if m == ADOBE else p) for m, p in segments(cmyk)))
write("stray-bytes.jpg", color[:-2] + b"\0\1\2" + color[-2:])
write("stray-restart.jpg", color[:-2] + b"\xff\xd3" + color[-2:])
write("bytes-between-segments.jpg", joined((m, p + b"\0\7" if m == DHT else p) for m, p in segments(color)))
write("bytes-behind-end.jpg", color + b"more")
exif = Image.Exif()
exif[0x0112] = 6  # an orientation, which is not applied
write("thumbnail.jpg", jpeg(rgb, exif=exif.tobytes() + jpeg(rgb.resize((8, 8)))))

first = [m for m, _ in segments(progressive)].index(SCAN)
write("invalid/no-scan.jpg", without(color, SCAN))
write("invalid/no-scan-progressive.jpg", without(progressive, SCAN))
write("invalid/no-frame.jpg", joined([segments(color)[0], segments(color)[-1]]))
write("invalid/no-first-scan.jpg", joined(p for i, p in enumerate(segments(progressive)) if i != first))
write("invalid/no-end.jpg", color[:-2])
write("invalid/half.jpg", color[:len(color) * 2 // 3])
write("invalid/half-with-end.jpg", color[:len(color) * 2 // 3] + color[-2:])
write("invalid/half-progressive.jpg", progressive[:len(progressive) * 2 // 3] + color[-2:])
write("invalid/restart-in-scan.jpg", color[:-40] + b"\xff\xd3" + color[-40:])
write("invalid/leading-bytes.jpg", b"\0" + color)
for name, components in (("two-components", b"\1\x11\0\2\x11\0"), ("no-colours", b"\1\x11\0\2\x11\0\3\x11\0")):
    header = struct.pack(">BBHBHHB", 255, FRAME, 8 + len(components), 8, HEIGHT, WIDTH, len(components) // 3)
    write(f"invalid/{name}.jpg", joined((m, header + components if m == FRAME else p) for m, p in segments(jpeg(gray))))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(image, **options):
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def raw_png(bits, kind, rows, *chunks, method=0):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, kind, 0, 0, method)) +
            b"".join(chunks) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def unfiltered(pixels):
    return b"".join(b"\0" + row.tobytes() for row in pixels if row.size)


def interlaced(pixels):
    """The seven passes of Adam7."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    return b"".join(unfiltered(pixels[top::down, left::right]) for top, left, down, right in passes)


pixels = np.asarray(rgb)
write("rgb.png", png(rgb))
write("gray.png", png(gray))
write("bit.png", png(gray.convert("1")))
write("rgba.png", png(Image.merge("RGBA", [*rgb.split(), alpha])))
write("gray-alpha.png", png(Image.merge("LA", [gray, alpha])))
write("palette.png", png(rgb.quantize(13)))
write("palette-transparent.png", png(rgb.quantize(13), transparency=bytes(range(0, 260, 20))))
write("transparent-colour.png", png(rgb, transparency=tuple(int(v) for v in pixels[3, 5])))
write("transparent-gray.png", png(gray, transparency=int(np.asarray(gray)[3, 5])))
wide = pixels.astype(np.uint16) * 256 + np.arange(3, dtype=np.uint16) * 100
write("16-bit.png", raw_png(16, 2, unfiltered(wide.astype(">u2"))))
write("interlaced.png", raw_png(8, 2, interlaced(pixels), method=1))
write("animated.png", png(rgb, save_all=True, append_images=[rgb.rotate(180)], duration=100))
write("gamma.png", raw_png(8, 2, unfiltered(pixels), chunk(b"gAMA", struct.pack(">I", 100000))))

good = png(rgb)
at = good.index(b"IDAT")
length = struct.unpack_from(">I", good, at - 4)[0]
stream = bytearray(good[at + 4:at + 4 + length])
stream[-1] ^= 1
write("invalid/half.png", good[:len(good) * 2 // 3])
write("invalid/no-end.png", good[:-12])
write("invalid/pixels-overwritten.png", good[:at + 100] + bytes(16) + good[at + 116:])
write("invalid/checksum-of-pixels.png", good[:at + 4 + length] + b"\0\0\0\0" + good[at + 8 + length:])
write("invalid/checksum-of-stream.png", good[:at - 4] + chunk(b"IDAT", bytes(stream)) + chunk(b"IEND", b""))
write("invalid/checksum-of-transparency.png", raw_png(
    8, 2, unfiltered(pixels), chunk(b"tRNS", bytes(6))[:-1] + b"\7"))
write("invalid/no-pixels.png", good[:at - 4] + chunk(b"IEND", b""))
write("invalid/few-rows.png", raw_png(8, 2, unfiltered(pixels[:9])))
