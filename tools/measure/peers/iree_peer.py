"""IREE: f32, compiled for the CPU of this machine."""
import pathlib
import subprocess
import sys

import numpy
from worker import Peer, main


class Iree(Peer):

    def prepare(self):
        import onnx
        tools = pathlib.Path(sys.executable).parent
        for batch in self.model.batches:
            # IREE wants a batch of a fixed size.
            model = onnx.load(self.path("onnx"))
            for value in (*model.graph.input, *model.graph.output):
                value.type.tensor_type.shape.dim[0].dim_value = batch
            onnx.save(model, self.path(f"{batch}.onnx"))
            subprocess.run([tools / "iree-import-onnx", self.path(f"{batch}.onnx"), "-o", self.path(f"{batch}.mlir")],
                           check=True)
            subprocess.run([tools / "iree-compile", self.path(f"{batch}.mlir"), "--iree-hal-target-device=local",
                            "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=host",
                            "--iree-opt-level=O3", "--iree-opt-data-tiling",
                            "--iree-llvmcpu-fail-on-out-of-bounds-stack-allocation=false",
                            "-o", self.file("f32", batch)], check=True)

    def file(self, kind, batch):
        return self.path(f"{batch}.vmfb")

    def load(self, kind, batch):
        import iree.runtime as runtime
        runtime.flags.parse_flags(f"--task_topology_group_count={self.threads}")
        module = runtime.load_vm_flatbuffer_file(str(self.file(kind, batch)), driver="local-task")
        name = next(name for name in module.vm_module.function_names
                    if not name.startswith("_") and not name.endswith("$async"))
        return lambda x: numpy.asarray(getattr(module, name)(x))

    def rows(self):
        return self.rows_of_files(("f32",))


if __name__ == "__main__":
    main(Iree)
