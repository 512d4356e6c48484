"""OpenVINO, with int8 by NNCF: hint for latency, and one stream for each thread."""
import numpy
import openvino
from worker import Peer, Row, main


class OpenVino(Peer):

    def prepare(self):
        import nncf
        images = self.calibration()
        openvino.save_model(openvino.Core().read_model(self.path("onnx")), self.path("openvino.f32.xml"),
                            compress_to_fp16=False)
        model = openvino.Core().read_model(self.path("onnx"))
        quantized = nncf.quantize(model, nncf.Dataset([image[None] for image in images]),
                                  model_type=nncf.ModelType.TRANSFORMER, subset_size=len(images))
        openvino.save_model(quantized, self.path("openvino.static.xml"))

    def compile(self, variant, batch, streams):
        core = openvino.Core()
        model = core.read_model(self.path(f"openvino.{variant}.xml"))
        each = batch // streams
        model.reshape([each, 3, self.model.image, self.model.image])
        # Without the precision hint f32 models may run in bf16.
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": streams,
            "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"})
        requests = [compiled.create_infer_request() for _ in range(streams)]

        def run(x):
            for i, request in enumerate(requests):
                request.start_async([x[i * each:(i + 1) * each]], share_inputs=True)
            for request in requests:
                request.wait()
            return numpy.concatenate([request.get_output_tensor(0).data for request in requests])

        return run

    def rows(self):
        rows = {}
        for variant in ("f32", "static"):
            files = [self.path(f"openvino.{variant}.{end}") for end in ("xml", "bin")]
            for batch in self.model.batches:
                rows[f"{variant}, batch {batch}"] = Row(
                    variant, batch, lambda v=variant, b=batch: self.compile(v, b, 1), files)
                if batch > 1 and self.threads > 1 and batch % self.threads == 0:
                    rows[f"{variant}, batch {batch}, {self.threads} streams"] = Row(
                        variant, batch, lambda v=variant, b=batch: self.compile(v, b, self.threads), files)
        return rows


if __name__ == "__main__":
    main(OpenVino)
