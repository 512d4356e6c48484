"""ExecuTorch with XNNPACK: f32, dynamic and static int8."""
import torch
from models import build
from worker import Peer, main


class ExecuTorch(Peer):

    def prepare(self):
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (XNNPACKQuantizer,
                                                                             get_symmetric_quantization_config)
        from executorch.exir import to_edge_transform_and_lower
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        for batch in self.model.batches:
            example = torch.randn(batch, 3, self.model.image, self.model.image)
            for kind in ("f32", "dynamic", "static"):
                module = build(self.name, self.folder)
                with torch.no_grad():
                    if kind != "f32":
                        graph = torch.export.export(module, (example,)).module()
                        config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=kind == "dynamic")
                        graph = prepare_pt2e(graph, XNNPACKQuantizer().set_global(config))
                        for images in self.calibration_batches(batch):
                            graph(torch.from_numpy(images))
                        module = convert_pt2e(graph)
                    edge = to_edge_transform_and_lower(torch.export.export(module, (example,)),
                                                       partitioner=[XnnpackPartitioner()])
                    self.file(kind, batch).write_bytes(edge.to_executorch().buffer)

    def file(self, kind, batch):
        return self.path(f"{batch}.{kind}.pte")

    def load(self, kind, batch):
        from executorch.runtime import Runtime
        method = Runtime.get().load_program(self.file(kind, batch)).load_method("forward")
        return lambda x: method.execute([torch.from_numpy(x)])[0].numpy()

    def rows(self):
        return self.rows_of_files(("f32", "dynamic", "static"))


if __name__ == "__main__":
    main(ExecuTorch)
