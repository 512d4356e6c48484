// One accumulator a value: it takes images in order, so that sums do not depend on threads. A thread leaves tokens that
// are early behind and goes on, unless it is too far ahead: that bounds the memory. No image can wait for ever, because
// threads take images in order.
#include "passes/analysis/Statistics.h"
#include "dialect/Fingerprint.h"
#include "passes/analysis/WriteFile.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <condition_variable>
#include <map>
#include <mutex>

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
namespace {

//===----------------------------------------------------------------------===//
// Collection
//===----------------------------------------------------------------------===//

class Accumulator {
public:
  explicit Accumulator(int64_t width) : moments(width) {}

  /// Adds the tokens of image `index` after those of all images before it, now or in a later call.
  void add(int64_t index, const reference::Tensor &tokens) {
    std::unique_lock<std::mutex> lock(mutex);
    turn.wait(lock, [&] { return index < next + kAhead; });
    early[index] = tokens;
    if (isAdding)
      return;
    isAdding = true;
    while (!early.empty() && early.begin()->first == next) {
      reference::Tensor first = std::move(early.begin()->second);
      early.erase(early.begin());
      lock.unlock();
      moments.add(Samples(first.matrix()));
      lock.lock();
      ++next;
      turn.notify_all();
    }
    isAdding = false;
  }
  Moments take() { return moments.take(); }

private:
  static constexpr int64_t kAhead = 8; ///< images that may be early

  MomentsBuilder moments; ///< of the thread that set `isAdding`
  std::mutex mutex;
  std::condition_variable turn;
  std::map<int64_t, reference::Tensor> early;
  bool isAdding = false;
  int64_t next = 0;
};

} // namespace

FailureOr<Statistics> collectStatistics(ModuleOp module, ArrayRef<LinearOp> layers, const ImageSet &images) {
  // By the op that makes a value: what an observer sees.
  llvm::DenseMap<Operation *, std::unique_ptr<Accumulator>> accumulators;
  for (LinearOp layer : layers) {
    Operation *source = layer.getInput().getDefiningOp();
    if (!source)
      return layer.emitOpError("expected an input that is computed from an image, found an argument");
    if (std::unique_ptr<Accumulator> &accumulator = accumulators[source]; !accumulator)
      accumulator = std::make_unique<Accumulator>(layer.getInput().getType().getDimSize(1));
  }
  auto observe = [&](int64_t index, Operation *op, ArrayRef<reference::Tensor> results) {
    if (auto found = accumulators.find(op); found != accumulators.end())
      found->second->add(index, results.front());
  };
  if (failed(images.run(module, observe)))
    return failure();

  llvm::DenseMap<Operation *, std::shared_ptr<const Moments>> moments;
  for (auto &[op, accumulator] : accumulators)
    moments[op] = std::make_shared<const Moments>(accumulator->take());
  Statistics statistics;
  for (LinearOp layer : layers) {
    std::shared_ptr<const Moments> &found = moments[layer.getInput().getDefiningOp()];
    if (!found->isFinite())
      return layer.emitOpError("expected finite inputs on the calibration images, found NaN or infinity");
    statistics[layer.getLayer()] = found;
  }
  return statistics;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

namespace {

constexpr llvm::StringLiteral kFormat = "vitya-statistics-1";

/// The tensors of one layer in a file.
struct Part {
  llvm::StringLiteral suffix, dtype;
  int64_t rank; ///< of dimensions as long as the layer's input is wide; 0: one number
};
constexpr Part kParts[] = {
    {".samples", "I64", 0}, {".sum", "F64", 1}, {".magnitudes", "F64", 1}, {".products", "F64", 2}};
constexpr int64_t kElementBytes = 8;

int64_t bytesOf(const Part &part, int64_t width) {
  return kElementBytes * (part.rank == 0 ? 1 : part.rank == 1 ? width : width * width);
}

/// Pointers to the elements of `sums`, in the order of `kParts`.
std::array<char *, 4> bytesOf(Sums &sums) {
  auto bytes = [](void *data) { return static_cast<char *>(data); };
  return {bytes(&sums.samples), bytes(sums.sum.data()), bytes(sums.magnitudes.data()), bytes(sums.products.data())};
}

/// The names in `statistics` in alphabetical order.
SmallVector<StringRef> namesOf(const Statistics &statistics) {
  SmallVector<StringRef> names(statistics.keys());
  llvm::sort(names);
  return names;
}

} // namespace

llvm::Error writeStatistics(const Statistics &statistics, StringRef fingerprint, StringRef path) {
  llvm::json::Object header{
      {"__metadata__", llvm::json::Object{{"format", kFormat.str()}, {"fingerprint", fingerprint.str()}}}};
  int64_t offset = 0;
  SmallVector<StringRef> names = namesOf(statistics);
  for (StringRef name : names) {
    int64_t width = statistics.lookup(name)->width();
    for (const Part &part : kParts) {
      llvm::json::Array shape;
      for (int64_t i = 0; i < std::max<int64_t>(part.rank, 1); ++i)
        shape.push_back(part.rank ? width : 1);
      int64_t end = offset + bytesOf(part, width);
      header[(name + part.suffix).str()] = llvm::json::Object{
          {"dtype", part.dtype.str()}, {"shape", std::move(shape)}, {"data_offsets", llvm::json::Array{offset, end}}};
      offset = end;
    }
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(header));
  text.resize(llvm::alignTo(text.size(), kElementBytes), ' ');
  return writeFile(path, [&](llvm::raw_ostream &os) {
    char length[8];
    llvm::support::endian::write64le(length, text.size());
    os.write(length, sizeof(length)) << text;
    for (StringRef name : names) {
      Sums sums = statistics.lookup(name)->sums();
      for (auto [part, bytes] : llvm::zip_equal(kParts, bytesOf(sums)))
        os.write(bytes, bytesOf(part, sums.sum.size()));
    }
  });
}

llvm::Expected<Statistics> readStatistics(StringRef path, StringRef fingerprint) {
  auto unexpected = [&](const llvm::Twine &expected, const llvm::Twine &found) {
    return llvm::createStringError("expected '" + path + "' to " + expected + ", found " + found);
  };
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file =
      llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return unexpected("be a file of statistics that can be read", file.getError().message());
  StringRef bytes = (*file)->getBuffer();
  uint64_t length = bytes.size() < 8 ? ~0ull : llvm::support::endian::read64le(bytes.data());
  if (bytes.size() < 8 || length > bytes.size() - 8)
    return unexpected("be a file of statistics", llvm::Twine(bytes.size()) + " bytes without a whole header");
  llvm::Expected<llvm::json::Value> header = llvm::json::parse(bytes.substr(8, length));
  StringRef data = bytes.drop_front(8 + length);
  if (!header)
    return unexpected("be a file of statistics", "a malformed header: " + llvm::toString(header.takeError()));
  const llvm::json::Object *object = header->getAsObject();
  const llvm::json::Object *metadata = object ? object->getObject("__metadata__") : nullptr;
  if (!metadata || metadata->getString("format").value_or("") != kFormat)
    return unexpected("be of format " + kFormat, "another format");
  StringRef owner = metadata->getString("fingerprint").value_or("");
  if (owner != fingerprint)
    return unexpected("hold statistics of the model with fingerprint " + fingerprint,
                      "those of another model, " + owner);

  // The elements of `part` of layer `name`, as many as fit the width of its input.
  auto read = [&](StringRef name, const Part &part, int64_t width, char *target) -> llvm::Error {
    std::string key = (name + part.suffix).str();
    const llvm::json::Object *tensor = object->getObject(key);
    const llvm::json::Array *offsets = tensor ? tensor->getArray("data_offsets") : nullptr;
    std::optional<int64_t> begin = offsets && offsets->size() == 2 ? (*offsets)[0].getAsInteger() : std::nullopt;
    std::optional<int64_t> end = offsets && offsets->size() == 2 ? (*offsets)[1].getAsInteger() : std::nullopt;
    if (!begin || !end || *begin < 0 || *end < *begin || *end > static_cast<int64_t>(data.size()) ||
        *end - *begin != bytesOf(part, width) || tensor->getString("dtype").value_or("") != part.dtype)
      return unexpected("have '" + key + "' with " + llvm::Twine(bytesOf(part, width)) + " bytes of " + part.dtype,
                        "none");
    std::memcpy(target, data.data() + *begin, *end - *begin);
    return llvm::Error::success();
  };
  Statistics statistics;
  for (const auto &[key, value] : *object) {
    StringRef name = key;
    if (!name.consume_back(kParts[1].suffix))
      continue;
    const llvm::json::Object *tensor = value.getAsObject();
    const llvm::json::Array *shape = tensor ? tensor->getArray("shape") : nullptr;
    std::optional<int64_t> width = shape && shape->size() == 1 ? (*shape)[0].getAsInteger() : std::nullopt;
    // The file itself bounds what there is to allocate.
    if (!width || *width <= 0 || *width > static_cast<int64_t>(data.size()) ||
        *width * *width > static_cast<int64_t>(data.size()) / kElementBytes)
      return unexpected("have '" + key.str() + "' of the width of the layer's input", "another shape");
    Sums sums{0, Eigen::VectorXd(*width), Eigen::VectorXd(*width), Eigen::MatrixXd(*width, *width)};
    for (auto [part, target] : llvm::zip_equal(kParts, bytesOf(sums)))
      if (llvm::Error error = read(name, part, *width, target))
        return std::move(error);
    if (sums.samples <= 0 || !sums.sum.allFinite() || !sums.magnitudes.allFinite() || !sums.products.allFinite())
      return unexpected("hold finite sums over at least one token for '" + name + "'", "others");
    statistics[name] = std::make_shared<const Moments>(std::move(sums));
  }
  return statistics;
}

FailureOr<Statistics> readOrCollectStatistics(ModuleOp module, ArrayRef<LinearOp> layers, StringRef path,
                                              const ImageSet *images) {
  if (path.empty())
    return collectStatistics(module, layers, *images);
  llvm::Expected<Statistics> statistics = readStatistics(path, fingerprint(module));
  if (!statistics)
    return module.emitError() << llvm::toString(statistics.takeError());
  for (LinearOp layer : layers) {
    std::shared_ptr<const Moments> moments = statistics->lookup(layer.getLayer());
    int64_t width = layer.getInput().getType().getDimSize(1);
    if (!moments || moments->width() != width)
      return layer.emitOpError("expected statistics of an input of ")
             << width << " columns in '" << path << "', found "
             << (moments ? std::to_string(moments->width()) : "none");
  }
  return std::move(*statistics);
}

} // namespace vitya
