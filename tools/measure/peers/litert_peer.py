"""LiteRT, which was TensorFlow Lite, with XNNPACK: f32, dynamic and static int8."""
import numpy
import torch
from models import build
from worker import Peer, main


class LiteRt(Peer):

    def prepare(self):
        import litert_torch
        from ai_edge_quantizer import quantizer, recipe
        for batch in self.model.batches:
            f32 = self.file("f32", batch)
            example = torch.randn(batch, 3, self.model.image, self.model.image)
            litert_torch.convert(build(self.name, self.folder).eval(), (example,)).export(str(f32))
            for kind, choice in (("dynamic", recipe.dynamic_wi8_afp32()), ("static", recipe.static_wi8_ai8())):
                quantization = quantizer.Quantizer(str(f32), choice)
                found = None
                if quantization.need_calibration:
                    found = quantization.calibrate({None: [{self.input_name(f32): images}
                                                           for images in self.calibration_batches(batch)]})
                quantization.quantize(found).export_model(str(self.file(kind, batch)), overwrite=True)

    def file(self, kind, batch):
        return self.path(f"{batch}.{kind}.tflite")

    def interpreter(self, path):
        from ai_edge_litert.interpreter import Interpreter
        interpreter = Interpreter(str(path), num_threads=self.threads)
        interpreter.allocate_tensors()
        return interpreter

    def input_name(self, path):
        """The name of the input in the signature of the model, by which images are given to the calibration."""
        (signature,) = self.interpreter(path).get_signature_list().values()
        (name,) = signature["inputs"]
        return name

    def load(self, kind, batch):
        interpreter = self.interpreter(self.file(kind, batch))
        (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()

        def run(x):
            # A model in static int8 reads and writes integers.
            if source["dtype"] != numpy.float32:
                scale, zero = source["quantization"]
                levels = numpy.iinfo(source["dtype"])
                x = numpy.clip(numpy.rint(x / scale + zero), levels.min, levels.max).astype(source["dtype"])
            interpreter.set_tensor(source["index"], x)
            interpreter.invoke()
            y = interpreter.get_tensor(result["index"])
            if y.dtype != numpy.float32:
                scale, zero = result["quantization"]
                y = ((y.astype(numpy.float32) - zero) * scale).astype(numpy.float32)
            return y

        return run

    def rows(self):
        return self.rows_of_files(("f32", "dynamic", "static"))


if __name__ == "__main__":
    main(LiteRt)
