"""Dequantizes the weights of a quantized checkpoint as docs/quantization.md describes them, and compares those of some layers with
the f32 checkpoint of the same model: check_integers.py QUANTIZED F32 LAYER..."""
import sys
from read_checkpoint import load

quantized, exact = load(sys.argv[1]), load(sys.argv[2])
for layer in sys.argv[3:]:
    name = layer + ".weight"
    low, high = quantized["vitya"]["weights"][name]["range"]
    stored, scales = quantized["state_dict"][name], quantized["state_dict"][name + "_scale"]
    original = exact["state_dict"][name]
    rows, columns = original.shape[0], len(original.values) // original.shape[0]
    assert scales.dtype == "DoubleStorage" and scales.shape in ([rows], [])
    integers = stored.values
    if high <= 7:  # byte j of a row holds column 2j in its low half and column 2j + 1 in its high half
        assert stored.dtype == "ByteStorage" and stored.shape == [rows, (columns + 1) // 2]
        assert quantized["vitya"]["weights"][name]["columns"] == columns
        halves = [(byte & 15, byte >> 4) for byte in stored.values]
        integers = [half - 16 if half > 7 else half for pair in halves for half in pair]
    else:
        assert stored.dtype == "CharStorage" and stored.shape == [rows, columns]
    assert len(integers) == rows * columns and min(integers) >= low and max(integers) <= high
    worst = 0
    for index, (integer, value) in enumerate(zip(integers, original.values)):
        scale = scales.values[index // columns if scales.shape else 0]
        if low < integer < high or abs(value) < abs(integer * scale):  # not clipped
            worst = max(worst, abs(value - integer * scale) / scale)
    print(f"{layer}: {low} to {high}, within {'half a step' if worst < 0.501 else f'{worst} steps'}")
