// oracle: computes the logits of a Vision Transformer with LibTorch, for the records of a CIFAR-10 binary file.
//
//   oracle --data=FILE --logits=FILE (--load=CHECKPOINT | --seed=N [--save=ARCHIVE]) [sizes and options, see main]
//
// --load reads the storages of a PyTorch checkpoint in order: `torch.save` numbers them in the order of the state dict,
// which is the order of the module's parameters. --save writes a C++ archive with the parameter names of the library
// that --model chooses.
#include "test/oracle/Vit.h"
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <caffe2/serialize/inline_container.h>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <torch/serialize.h>

using namespace oracle;
using torch::Tensor;

namespace {

[[noreturn]] void fail(const std::string &message) {
  std::cerr << "oracle: " << message << '\n';
  std::exit(1);
}

/// The options of the command line. Each is removed when it is read, so finish() finds unknown ones.
class Options {
public:
  Options(int argc, char **argv) {
    for (int i = 1; i < argc; ++i) {
      std::string argument = argv[i];
      size_t equals = argument.find('=');
      if (argument.rfind("--", 0) != 0 || equals == std::string::npos)
        fail("expected --NAME=VALUE, found '" + argument + "'");
      values[argument.substr(2, equals - 2)] = argument.substr(equals + 1);
    }
  }
  /// Returns the value of option `name`, or an empty string if it is not given.
  std::string take(const std::string &name) {
    auto node = values.extract(name);
    return node.empty() ? std::string() : node.mapped();
  }
  template <typename Number>
  void take(const std::string &name, Number &number) {
    std::string text = take(name);
    std::istringstream stream(text);
    if (!text.empty() && (!(stream >> number) || !stream.eof()))
      fail("expected a number after --" + name + ", found '" + text + "'");
  }
  template <typename Value>
  Value take(const std::string &name, std::initializer_list<std::pair<const char *, Value>> choices) {
    std::string text = take(name);
    for (const auto &[choice, value] : choices)
      if (text == choice)
        return value;
    fail("expected --" + name + " to be one of its names, found '" + text + "'");
  }
  void finish() {
    if (!values.empty())
      fail("expected known options, found --" + values.begin()->first);
  }

private:
  std::map<std::string, std::string> values;
};

/// Returns the first `count` records, or all if it is 0, as [N, 3, size, size]: divided by 255, resized, normalized.
Tensor readImages(const std::string &path, int64_t count, int64_t size, at::ArrayRef<double> mean,
                  at::ArrayRef<double> std) {
  constexpr int64_t recordBytes = 1 + 3 * 32 * 32;
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  int64_t records = bytes.size() / recordBytes;
  if (!file || records == 0 || records < count || bytes.size() % recordBytes != 0)
    fail("expected CIFAR-10 records in '" + path + "', found " + std::to_string(bytes.size()) + " bytes");
  Tensor data = at::from_blob(bytes.data(), {records, recordBytes}, at::kByte).narrow(0, 0, count ? count : records);
  Tensor images = data.narrow(1, 1, recordBytes - 1).reshape({-1, 3, 32, 32}).to(at::kFloat) / 255;
  if (size != 32)
    images = at::upsample_bilinear2d(images, {size, size}, /*align_corners=*/false);
  auto channels = [](at::ArrayRef<double> values) { return at::tensor(values, at::kFloat).reshape({1, 3, 1, 1}); };
  return (images - channels(mean)) / channels(std);
}

void loadStorages(Vit &model, const std::string &path) {
  at::NoGradGuard noGradient;
  caffe2::serialize::PyTorchStreamReader reader(path);
  auto parameters = model.named_parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    auto [data, bytes] = reader.getRecord("data/" + std::to_string(i));
    Tensor parameter = parameters[i].value();
    if (bytes != parameter.nbytes() / 2)
      fail("expected " + std::to_string(parameter.nbytes() / 2) + " bytes for " + parameters[i].key() +
           " as f16, found " + std::to_string(bytes));
    parameter.copy_(at::from_blob(data.get(), parameter.sizes(), at::kHalf));
  }
  if (reader.hasRecord("data/" + std::to_string(parameters.size())))
    fail("expected " + std::to_string(parameters.size()) + " tensors in '" + path + "', found more");
}

void writeLogits(const Tensor &logits, const std::string &path) {
  std::ofstream file(path, std::ios::binary);
  file.write(static_cast<const char *>(logits.data_ptr()), logits.nbytes());
  if (!file.flush())
    fail("expected to write '" + path + "', found that it cannot be written");
}

} // namespace

int main(int argc, char **argv) try {
  Options options(argc, argv);
  std::string model = options.take("model"), data = options.take("data"), logitsPath = options.take("logits");
  struct Family {
    std::shared_ptr<Vit> (*make)(const Architecture &);
    double eps, logitStd;
  };
  const std::map<std::string, Family> families = {{"timm", {makeTimmVit, 1e-6, 5}},
                                                  {"torchvision", {makeTorchvisionVit, 1e-6, 5}},
                                                  {"huggingface", {makeHuggingFaceVit, 1e-12, 5}},
                                                  {"reference", {makeReferenceVit, 1e-5, 1}}};
  auto family = families.find(model.empty() ? "timm" : model);
  if (family == families.end())
    fail("expected --model to be timm, torchvision, huggingface or reference, found '" + model + "'");
  Architecture architecture;
  architecture.eps = family->second.eps;
  options.take("eps", architecture.eps);
  architecture.hasNormPre = options.take<bool>("norm-pre", {{"", false}, {"no", false}, {"yes", true}});
  architecture.isGeluQuick = options.take<bool>("gelu", {{"", false}, {"erf", false}, {"quick", true}});
  options.take("image", architecture.image);
  options.take("patch", architecture.patch);
  options.take("width", architecture.width);
  options.take("depth", architecture.depth);
  options.take("heads", architecture.heads);
  options.take("classes", architecture.classes);
  std::string load = options.take("load"), save = options.take("save");
  uint64_t seed = 0;
  options.take("seed", seed);
  double logitStd = family->second.logitStd;
  options.take("logit-std", logitStd);
  int64_t count = 0, threads = 0;
  options.take("count", count);
  options.take("threads", threads);
  Mistake mistake = options.take<Mistake>("mistake", {{"", Mistake::none},
                                                      {"swap-heads", Mistake::swapHeads},
                                                      {"large-eps", Mistake::largeEps},
                                                      {"transpose-patch", Mistake::transposePatch}});
  bool isDouble = options.take<bool>("precision", {{"", false}, {"single", false}, {"double", true}});
  options.finish();
  if (threads > 0)
    at::set_num_threads(threads);

  std::shared_ptr<Vit> vit = family->second.make(architecture);
  if (load.empty())
    vit->randomize(seed, logitStd);
  else
    loadStorages(*vit, load);
  if (!save.empty())
    torch::save(vit, save);
  if (data.empty())
    return 0;

  at::NoGradGuard noGradient;
  vit->mistake = mistake;
  // The demo model was trained with statistics of its own; models of random weights get those of the layout
  // `reference`.
  Tensor images = load.empty()
                      ? readImages(data, count, architecture.image, {0.5071, 0.4865, 0.4409}, {0.2009, 0.1984, 0.2023})
                      : readImages(data, count, architecture.image, {0.4913, 0.4821, 0.4466}, {0.2452, 0.2427, 0.2605});
  if (isDouble) {
    vit->to(at::kDouble);
    images = images.to(at::kDouble);
  }
  std::vector<Tensor> logits;
  for (const Tensor &batch : images.split(100))
    logits.push_back(vit->forward(batch).to(at::kFloat));
  writeLogits(at::cat(logits).contiguous(), logitsPath);
  std::printf("smallest standard deviation of attention logits: %.3f\n", vit->minLogitStd);
  return 0;
} catch (const std::exception &error) {
  std::string text = error.what();
  fail(text.substr(0, text.find('\n')));
}
