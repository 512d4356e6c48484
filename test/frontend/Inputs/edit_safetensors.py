"""Writes a copy of a safetensors file that a Python statement has changed: edit_safetensors.py IN OUT STATEMENT. `tensors` are
dicts with "dtype", "shape" and "data", a bytearray, and `vitya` is the entry of that name."""
import json
import struct
import sys

with open(sys.argv[1], "rb") as file:
    (length,) = struct.unpack("<Q", file.read(8))
    header, data = json.loads(file.read(length)), file.read()
vitya, tensors = json.loads(header.pop("__metadata__")["vitya"]), {}
for name, entry in header.items():
    begin, end = entry.pop("data_offsets")
    tensors[name] = {**entry, "data": bytearray(data[begin:end])}
exec(sys.argv[3], {"vitya": vitya, "tensors": tensors, "pack": struct.pack})
header, data = {"__metadata__": {"vitya": json.dumps(vitya)}}, b""
for name, tensor in tensors.items():
    header[name] = {"dtype": tensor["dtype"], "shape": tensor["shape"],
                    "data_offsets": [len(data), len(data) + len(tensor["data"])]}
    data += tensor["data"]
text = json.dumps(header).encode()
with open(sys.argv[2], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
