"""Reads a checkpoint with Python's own zipfile and pickle, as torch.load(weights_only=True) restricts them, and prints its
tensors' names and shapes and the entries of 'vitya': read_checkpoint.py FILE"""
import collections
import pickle
import sys
import zipfile

with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    entries = {entry.filename: entry for entry in archive.infolist()}
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries.values())
    assert archive.read("archive/version") == b"3\n" and archive.read("archive/byteorder") == b"little"

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            allowed = {("collections", "OrderedDict"): collections.OrderedDict, ("torch", "FloatStorage"): "FloatStorage",
                       ("torch._utils", "_rebuild_tensor_v2"): self.rebuild}
            return allowed[module, name]

        def persistent_load(self, identity):
            kind, dtype, key, device, count = identity
            assert (kind, dtype, device) == ("storage", "FloatStorage", "cpu")
            assert entries["archive/data/" + key].file_size == 4 * count
            return count

        @staticmethod
        def rebuild(count, offset, size, stride, requires_grad, hooks):
            expected = [1]
            for length in reversed(size[1:]):
                expected.insert(0, expected[0] * length)
            assert offset == 0 and list(stride) == expected and size[0] * stride[0] == count
            assert requires_grad is False and hooks == collections.OrderedDict()
            return list(size)

    with archive.open("archive/data.pkl") as file:
        content = Unpickler(file).load()
assert list(content) == ["state_dict", "vitya"] and isinstance(content["state_dict"], collections.OrderedDict)
for name, shape in content["state_dict"].items():
    print(name, shape)
for key, value in content["vitya"].items():
    print(key, value)
