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

/// Returns the only tensor of what a model returns: a tensor, or a tuple, list or dict of one.
static at::Tensor logitsOf(const c10::IValue &result) {
  std::vector<c10::IValue> values;
  std::string keys;
  if (result.isTensor()) {
    values = {result};
  } else if (result.isTuple()) {
    values = result.toTupleRef().elements().vec();
  } else if (result.isList()) {
    values = result.toListRef().vec();
  } else if (result.isGenericDict()) {
    for (const auto &entry : result.toGenericDict()) {
      values.push_back(entry.value());
      if (entry.key().isString())
        keys += (keys.empty() ? " with the keys '" : "', '") + entry.key().toStringRef();
    }
    keys += keys.empty() ? "" : "'";
  }
  if (values.size() != 1 || !values.front().isTensor())
    throw ScriptProblem("expected one tensor as the result of the model, the logits, found a value of type '" +
                        result.type()->str() + "'" + keys);
  return values.front().toTensor();
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
  recorder.output(logitsOf(result.value));
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
