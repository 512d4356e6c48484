"""PyTorch: eager, compiled by Inductor with frozen weights, quantize_dynamic, and PT2E with x86 Inductor (torchao)."""
import os

os.environ["TORCHINDUCTOR_FREEZING"] = "1"
import torch  # noqa: E402
from models import build  # noqa: E402
from worker import Peer, Row, main  # noqa: E402


class Torch(Peer):

    def __init__(self, *arguments):
        super().__init__(*arguments)
        torch.set_num_threads(self.threads)

    def module(self):
        return build(self.name, self.folder)

    def run(self, module):

        def function(x):
            with torch.no_grad():
                return module(torch.from_numpy(x)).numpy()

        return function

    def pt2e(self, batch, dynamic):
        import torchao.quantization.pt2e as pt2e
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer
        batches = [torch.from_numpy(images) for images in self.calibration_batches(batch)]
        with torch.no_grad():
            graph = torch.export.export(self.module(), (batches[0],)).module()
            quantizer = x86_inductor_quantizer.X86InductorQuantizer()
            quantizer.set_global(x86_inductor_quantizer.get_default_x86_inductor_quantization_config(is_dynamic=dynamic))
            graph = prepare_pt2e(graph, quantizer)
            for images in batches:
                graph(images)
            graph = convert_pt2e(graph)
            pt2e.move_exported_model_to_eval(graph)
            return self.run(torch.compile(graph))

    def dynamic(self, engine):
        torch.backends.quantized.engine = engine
        return self.run(torch.ao.quantization.quantize_dynamic(self.module(), {torch.nn.Linear}, dtype=torch.qint8))

    def rows(self):
        rows = {}
        for batch in self.model.batches:
            rows[f"eager, batch {batch}"] = Row("f32", batch, lambda: self.run(self.module()), [self.path("pth")])
            rows[f"compiled, batch {batch}"] = Row("f32", batch, lambda: self.run(torch.compile(self.module())))
            for engine in ("x86", "onednn"):
                rows[f"quantize_dynamic {engine}, batch {batch}"] = Row("dynamic", batch, lambda e=engine: self.dynamic(e))
            rows[f"PT2E dynamic, batch {batch}"] = Row("dynamic", batch, lambda b=batch: self.pt2e(b, True))
            rows[f"PT2E static, batch {batch}"] = Row("static", batch, lambda b=batch: self.pt2e(b, False))
        return rows


if __name__ == "__main__":
    main(Torch)
