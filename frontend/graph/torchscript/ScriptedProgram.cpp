// LibTorch parses the archive. It runs code of the model while it does so only for modules and objects that restore
// themselves from a state, which are refused.
#include "frontend/graph/torchscript/ScriptedProgram.h"
#include "frontend/graph/torchscript/Evaluator.h"
#include "frontend/graph/torchscript/Operators.h"
#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/import.h>

namespace vitya {

static std::string contents(caffe2::serialize::PyTorchStreamReader &reader, const std::string &name) {
  auto [data, size] = reader.getRecord(name);
  return std::string(static_cast<const char *>(data.get()), size);
}

/// Refuses what is no archive of torch.jit.save, and archives with code that loading would run. Returns the settings.
static std::string checkArchive(const std::string &path) {
  caffe2::serialize::PyTorchStreamReader reader(path);
  if (!reader.hasRecord("constants.pkl"))
    throw ScriptProblem("expected an archive of torch.jit.save, with an entry 'constants.pkl', found another");
  for (const std::string &name : reader.getAllRecords()) {
    llvm::StringRef entry = name;
    bool isCode = entry.starts_with("code/") && entry.ends_with(".py");
    if (!isCode && !entry.ends_with(".pkl"))
      continue;
    std::string text = contents(reader, name);
    for (llvm::StringRef forbidden : {"__setstate__", "torch.classes"})
      if (llvm::StringRef(text).contains(forbidden))
        throw ScriptProblem("expected a model whose loading runs no code, found '" + forbidden.str() + "' in entry '" +
                            name + "'");
  }
  return reader.hasRecord("extra/vitya") ? contents(reader, "extra/vitya") : "";
}

static void read(const std::string &path, const ScriptedOptions &options, ScriptedProgram &program) {
  program.settings = checkArchive(path);
  registerLaterOperators();
  torch::jit::Module model = torch::jit::load(path, at::Device(at::kCPU));
  at::NoGradGuard noGradients;
  Recorder recorder(program);
  std::vector<int64_t> shape{1};
  shape.insert(shape.end(), options.image.begin(), options.image.end());
  at::Tensor image = recorder.input(shape);
  Evaluated result = Evaluator(model, options.operators, recorder).run(image);
  if (!result.problem.empty())
    throw ScriptProblem(result.problem);
  if (!result.value.isTensor())
    throw ScriptProblem("expected one tensor as result, the logits, found a value of type '" +
                        result.value.type()->str() + "'");
  recorder.output(result.value.toTensor());
}

std::string readScripted(const std::string &path, const ScriptedOptions &options, ScriptedProgram &program) {
  try {
    read(path, options, program);
    return "";
  } catch (const ScriptProblem &error) {
    return error.what();
  } catch (const std::exception &error) {
    return "expected an archive that LibTorch can read, found: " + messageOf(error);
  }
}

} // namespace vitya
