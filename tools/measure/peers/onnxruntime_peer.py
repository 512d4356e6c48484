"""ONNX Runtime: f32, dynamic and static int8 (QDQ), with and without reduce_range, in one session or two."""
import onnxruntime
from worker import Peer, Row, halves, main

KINDS = {"f32": "f32", "dynamic": "dynamic", "dynamic-reduced": "dynamic", "static": "static", "static-reduced": "static"}


class OnnxRuntime(Peer):

    def prepare(self):
        from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic,
                                              quantize_static)
        from onnxruntime.quantization.shape_inference import quant_pre_process
        images = self.calibration()

        class Reader(CalibrationDataReader):

            def __init__(self):
                self.batches = iter([{"x": images[i:i + 4]} for i in range(0, len(images), 4)])

            def get_next(self):
                return next(self.batches, None)

        quant_pre_process(str(self.path("onnx")), str(self.path("ort.f32.onnx")))
        # Products of attention stay f32: ONNX Runtime is slower and less exact if they do not.
        options = {"per_channel": True, "weight_type": QuantType.QInt8, "op_types_to_quantize": ["MatMul", "Gemm"],
                   "extra_options": {"MatMulConstBOnly": True}}
        for suffix, reduced in (("", False), ("-reduced", True)):
            source = str(self.path("ort.f32.onnx"))
            quantize_dynamic(source, str(self.path(f"ort.dynamic{suffix}.onnx")), reduce_range=reduced, **options)
            quantize_static(source, str(self.path(f"ort.static{suffix}.onnx")), Reader(), quant_format=QuantFormat.QDQ,
                            activation_type=QuantType.QUInt8, reduce_range=reduced, **options)

    def session(self, variant, batch, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_free_dimension_override_by_name("batch", batch)
        session = onnxruntime.InferenceSession(str(self.path(f"ort.{variant}.onnx")), options,
                                               providers=["CPUExecutionProvider"])
        return lambda x: session.run(None, {"x": x})[0]

    def rows(self):
        rows = {}
        for variant, kind in KINDS.items():
            files = [self.path(f"ort.{variant}.onnx")]
            for batch in self.model.batches:
                rows[f"{variant}, batch {batch}"] = Row(
                    kind, batch, lambda v=variant, b=batch: self.session(v, b, self.threads), files)
                if batch > 1 and self.threads > 1 and batch % self.threads == 0:
                    rows[f"{variant}, batch {batch}, {self.threads} sessions"] = Row(
                        kind, batch, lambda v=variant, b=batch: halves(
                            [self.session(v, b // self.threads, 1) for _ in range(self.threads)]), files)
        return rows


if __name__ == "__main__":
    main(OnnxRuntime)
