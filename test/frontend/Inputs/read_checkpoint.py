"""Reads a checkpoint with Python's own zipfile and pickle, as torch.load(weights_only=True) restricts them, and prints its
tensors' names and shapes and the entries of 'vitya': read_checkpoint.py FILE"""
import collections
import pickle
import struct
import sys
import zipfile

FORMATS = {"FloatStorage": "f", "DoubleStorage": "d", "CharStorage": "b", "ByteStorage": "B", "IntStorage": "i"}
Tensor = collections.namedtuple("Tensor", ["dtype", "shape", "values"])


def load(path):
    """Returns the dict that the file holds, with tensors as `Tensor`."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        entries = {entry.filename: entry for entry in archive.infolist()}
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries.values())
        assert archive.read("archive/version") == b"3\n" and archive.read("archive/byteorder") == b"little"

        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                if module == "torch" and name in FORMATS:
                    return name
                allowed = {("collections", "OrderedDict"): collections.OrderedDict,
                           ("torch._utils", "_rebuild_tensor_v2"): self.rebuild}
                return allowed[module, name]

            def persistent_load(self, identity):
                kind, dtype, key, device, count = identity
                assert (kind, device) == ("storage", "cpu")
                data = archive.read("archive/data/" + key)
                assert len(data) == count * struct.calcsize(FORMATS[dtype])
                return dtype, struct.unpack("<%d%s" % (count, FORMATS[dtype]), data)

            @staticmethod
            def rebuild(storage, offset, size, stride, requires_grad, hooks):
                dtype, values = storage
                expected, count = [], 1
                for length in reversed(size):
                    expected.insert(0, count)
                    count *= length
                assert offset == 0 and list(stride) == expected and count == len(values)
                assert requires_grad is False and hooks == collections.OrderedDict()
                return Tensor(dtype, list(size), values)

        with archive.open("archive/data.pkl") as file:
            content = Unpickler(file).load()
    assert list(content) == ["state_dict", "vitya"] and isinstance(content["state_dict"], collections.OrderedDict)
    return content


if __name__ == "__main__":
    content = load(sys.argv[1])
    for name, tensor in content["state_dict"].items():
        print(name, tensor.shape)
    for key, value in content["vitya"].items():
        print(key, value)
