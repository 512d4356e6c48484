# The configuration of lit for all tests; see docs/testing.md. lit.site.cfg.py sets the values that depend on the build.
import os
import shutil
import subprocess
import lit.formats

config.name = "Vitya"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.build_test_dir

# The tools under test take precedence over LLVM's tools (FileCheck, not, split-file, count).
config.environment["PATH"] = os.pathsep.join([config.build_bin_dir, config.llvm_bin_dir, os.environ["PATH"]])
config.environment["FILECHECK_OPTS"] = "-enable-var-scope --dump-input-filter=all"
config.substitutions.append(("%inputs", os.path.join(config.test_source_root, "Inputs")))
config.substitutions.append(("%demo", os.path.join(config.source_root, "tools", "demo")))
config.substitutions.append(("%build", config.build_dir))
config.substitutions.append(("%version", config.version))
config.substitutions.append(("%mlir_include", config.mlir_include_dir))
config.substitutions.append(("%source", config.source_root))
config.substitutions.append(("%clang", "clang-22"))
config.substitutions.append(("%python", config.python))
onnx = f"{config.python} {config.test_source_root}/Inputs/onnx_model.py --schema={config.onnx_schema_dir}"
config.substitutions.append(("%onnx", onnx))

# Assembly can be checked for every instruction set extension; code can be executed only for those of this processor.
with open("/proc/cpuinfo") as cpuinfo:
    flags = set(next((line for line in cpuinfo if line.startswith("flags")), "").split())
for feature in ("avx512f", "avx512_vnni", "avx512_bf16", "avx2", "avx_vnni"):
    if feature in flags:
        config.available_features.add("host-" + feature.replace("_", "-"))

# Tests that need archives written by LibTorch, or the oracle, run only if LibTorch was found when configuring.
if os.path.exists(os.path.join(config.build_bin_dir, "libtorch-archive")):
    config.available_features.add("libtorch")
if os.path.exists(os.path.join(config.build_bin_dir, "vitya-train")):
    config.available_features.add("training")
if os.path.exists(os.path.join(config.build_bin_dir, "vitya-torchscript")):
    config.available_features.add("torchscript")

# The schema of layouts is checked where Python can validate it.
if subprocess.run([config.python, "-c", "import jsonschema"], capture_output=True).returncode == 0:
    config.available_features.add("jsonschema")

# The Python package is built and tested where Python has what that needs; nothing else needs packages of Python's index.
needs = "import nanobind, numpy, pip, scikit_build_core"
if subprocess.run([config.python, "-c", needs], capture_output=True).returncode == 0:
    config.available_features.add("python-package")

# Models as ONNX run in ONNX Runtime where Python has it; NumPy runs them everywhere.
if subprocess.run([config.python, "-c", "import onnxruntime"], capture_output=True).returncode == 0:
    config.available_features.add("onnxruntime")

# Where tools/ci/run-emulated was prepared with --install, it executes what this processor lacks.
if subprocess.run([os.path.join(config.source_root, "tools", "ci", "run-emulated"), "--check"], capture_output=True).returncode == 0:
    config.available_features.add("bochs")

# Where tools/ci/install-cross prepared the build, models are compiled for AArch64 and run by an emulator.
if os.path.exists(os.path.join(config.build_dir, "lib", "vitya", "aarch64-linux-gnu")):
    config.available_features.add("aarch64-runtime")
    if shutil.which("qemu-aarch64-static"):
        config.available_features.add("aarch64")

# Executables of all levels of x86-64 are also run on an emulated processor without AVX.
if shutil.which("qemu-x86_64-static"):
    config.available_features.add("qemu-x86-64")

# Tests with a small file system need the right to mount one in a new namespace.
mount = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
if shutil.which("unshare") and subprocess.run(mount, capture_output=True).returncode == 0:
    config.available_features.add("mount")

# In a build with sanitizers, fuzzers are tests that run for --param fuzz=SECONDS each, with a fixed seed so that findings can
# be reproduced. Leak detection is enabled for them only, because MLIR's tools do not free all memory at exit.
if config.sanitize == "ON":
    config.available_features.add("fuzzers")
    seconds = lit_config.params.get("fuzz", "60")
    leaks = "env ASAN_OPTIONS=" + os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=1 "
    config.substitutions.append(("%fuzz_options", "-seed=1 -timeout=60 -rss_limit_mb=4096 -max_total_time=" + seconds))
    config.substitutions.append(("%fuzz", leaks + config.build_bin_dir))
