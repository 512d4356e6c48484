// Files of statistics, in the safetensors format.
#include "dialect/support/Errors.h"
#include "dialect/support/SafeTensors.h"
#include "dialect/support/WriteOutput.h"
#include "passes/analysis/Statistics.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace vitya::numerics;

namespace vitya {
namespace {

constexpr llvm::StringLiteral kFormat = "vitya-statistics-1";
constexpr uint64_t kElementBytes = 8;

/// One of the tensors that a file has for every layer.
struct LayerTensor {
  llvm::StringLiteral suffix, type;
  int64_t rank; ///< number of dimensions, each the width of the layer's input; 0 for one element
};
constexpr LayerTensor kLayerTensors[] = {
    {".samples", "I64", 0}, {".sum", "F64", 1}, {".magnitudes", "F64", 1}, {".products", "F64", 2}};
constexpr const LayerTensor &kSum = kLayerTensors[1];

/// The addresses of the elements of `sums`, in the order of `kLayerTensors`.
std::array<char *, std::size(kLayerTensors)> addressesOf(Sums &sums) {
  auto bytes = [](void *data) { return static_cast<char *>(data); };
  return {bytes(&sums.samples), bytes(sums.sum.data()), bytes(sums.magnitudes.data()), bytes(sums.products.data())};
}

std::vector<int64_t> shapeOf(const LayerTensor &tensor, int64_t width) {
  return tensor.rank == 0 ? std::vector<int64_t>{1} : std::vector<int64_t>(tensor.rank, width);
}

/// The size of a tensor of 8-byte elements, unless it overflows.
std::optional<uint64_t> bytesOf(ArrayRef<int64_t> shape) {
  std::optional<uint64_t> bytes = kElementBytes;
  for (int64_t size : shape)
    bytes = bytes ? llvm::checkedMulUnsigned(*bytes, uint64_t(size)) : std::nullopt;
  return bytes;
}

/// Reads the layers of a file whose header is intact.
class StatisticsReader {
public:
  StatisticsReader(StringRef file, const SafeTensorsHeader &header) : file(file) {
    for (const SafeTensor &tensor : header.tensors)
      tensors[tensor.name] = &tensor;
  }

  llvm::Expected<Statistics> read() const {
    Statistics statistics;
    for (const auto &[key, tensor] : tensors) {
      StringRef layer = key;
      if (!layer.consume_back(kSum.suffix))
        continue;
      if (tensor->shape.size() != 1 || tensor->shape[0] <= 0)
        return makeError("expected tensor '{0}' to have the width of the layer's input, found another shape", key);
      llvm::Expected<Sums> sums = readLayer(layer, tensor->shape[0]);
      if (!sums)
        return sums.takeError();
      statistics[layer] = std::make_shared<const Moments>(std::move(*sums));
    }
    return statistics;
  }

private:
  llvm::Expected<Sums> readLayer(StringRef layer, int64_t width) const {
    // All tensors are checked before memory is allocated for a width from the file.
    std::vector<const SafeTensor *> found;
    for (const LayerTensor &expected : kLayerTensors) {
      std::string name = (layer + expected.suffix).str();
      std::vector<int64_t> shape = shapeOf(expected, width);
      const SafeTensor *tensor = tensors.lookup(name);
      if (!tensor || tensor->type != expected.type || tensor->shape != shape || tensor->bytes != bytesOf(shape))
        return makeError("expected tensor '{0}' of type {1} for inputs of width {2}, found {3}", name, expected.type,
                         width, tensor ? "another type or shape" : "none");
      found.push_back(tensor);
    }
    Sums sums{0, Eigen::VectorXd(width), Eigen::VectorXd(width), DoubleMatrix(width, width)};
    for (auto [tensor, address] : llvm::zip_equal(found, addressesOf(sums)))
      std::memcpy(address, file.data() + tensor->offset, tensor->bytes);
    if (sums.samples <= 0 || !sums.sum.allFinite() || !sums.magnitudes.allFinite() || !sums.products.allFinite())
      return makeError("expected finite sums over at least one token for layer '{0}', found others", layer);
    return sums;
  }

  StringRef file;
  llvm::StringMap<const SafeTensor *> tensors;
};

/// Checks that a file with this metadata holds statistics of the model with `fingerprint`.
llvm::Error checkOwner(const llvm::json::Object &metadata, StringRef fingerprint) {
  if (StringRef format = metadata.getString("format").value_or("none"); format != kFormat)
    return makeError("expected format {0}, found {1}", kFormat, format);
  if (StringRef owner = metadata.getString("fingerprint").value_or("none"); owner != fingerprint)
    return makeError("expected statistics of the model with fingerprint {0}, found those of another model, {1}",
                     fingerprint, owner);
  return llvm::Error::success();
}

} // namespace

llvm::Error writeStatistics(const Statistics &statistics, StringRef fingerprint, StringRef path) {
  SmallVector<StringRef> layers(statistics.keys());
  llvm::sort(layers);
  std::vector<SafeTensor> tensors;
  for (StringRef layer : layers)
    for (const LayerTensor &each : kLayerTensors) {
      SafeTensor &tensor = tensors.emplace_back();
      tensor.name = (layer + each.suffix).str();
      tensor.type = each.type;
      tensor.shape = shapeOf(each, statistics.lookup(layer)->width());
      tensor.bytes = *bytesOf(tensor.shape);
    }
  llvm::json::Object metadata{{"format", kFormat.str()}, {"fingerprint", fingerprint.str()}};
  return writeOutput(path, [&](llvm::raw_ostream &os) {
    Sums sums; // of the layer whose tensors are being written
    auto writeData = [&](size_t index, llvm::raw_ostream &os) {
      auto [layer, part] = std::div(static_cast<long>(index), static_cast<long>(std::size(kLayerTensors)));
      if (part == 0)
        sums = statistics.lookup(layers[layer])->sums();
      os.write(addressesOf(sums)[part], tensors[index].bytes);
    };
    writeSafeTensors(tensors, metadata, os, writeData);
    return llvm::Error::success();
  });
}

llvm::Expected<Statistics> readStatistics(StringRef path, StringRef fingerprint) {
  llvm::ErrorOr<std::unique_ptr<llvm::MemoryBuffer>> file = readInput(path);
  if (!file)
    return makeError("expected '{0}' to be a file of statistics that can be read, found: {1}", path,
                     file.getError().message());
  StringRef bytes = (*file)->getBuffer();
  std::string prefix = "'" + path.str() + "'";
  llvm::Expected<SafeTensorsHeader> header = readSafeTensorsHeader(bytes);
  if (!header)
    return prefixError(prefix, header.takeError());
  if (llvm::Error error = checkOwner(header->metadata, fingerprint))
    return prefixError(prefix, std::move(error));
  llvm::Expected<Statistics> statistics = StatisticsReader(bytes, *header).read();
  if (!statistics)
    return prefixError(prefix, statistics.takeError());
  return statistics;
}

} // namespace vitya
