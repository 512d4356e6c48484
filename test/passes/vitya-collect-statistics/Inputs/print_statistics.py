"""Prints the layers of a file of statistics and the moments of one of them: print_statistics.py FILE LAYER"""
import json
import struct
import sys

with open(sys.argv[1], "rb") as file:
    length, = struct.unpack("<Q", file.read(8))
    header = json.loads(file.read(length))
    data = file.read()
metadata = header.pop("__metadata__")
print(metadata["format"], *sorted(name[:-len(".sum")] for name in header if name.endswith(".sum")))
for suffix in "samples", "sum", "magnitudes", "products":
    tensor = header[f"{sys.argv[2]}.{suffix}"]
    begin, end = tensor["data_offsets"]
    letter = {"I64": "q", "F64": "d"}[tensor["dtype"]]
    values = struct.unpack(f"<{(end - begin) // 8}{letter}", data[begin:end])
    print(suffix, *tensor["shape"], ":", *(f"{value:g}" for value in values))
