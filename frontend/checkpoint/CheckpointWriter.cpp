// The pickle needs no memo because it refers to nothing twice. Integers are little-endian and floats big-endian, as the
// pickle format requires.
#include "frontend/checkpoint/CheckpointWriter.h"
#include "dialect/support/Errors.h"
#include "dialect/support/SafeTensors.h"
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/ZipWriter.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace vitya {
namespace {

class Pickler {
public:
  explicit Pickler(raw_ostream &os) : os(os) { os << "\x80\x02"; }

  void finish() { os << '.'; }
  void global(StringRef module, StringRef name) { os << 'c' << module << '\n' << name << '\n'; }
  void text(StringRef value) {
    os << 'X';
    number(static_cast<uint32_t>(value.size()));
    os << value;
  }
  void integer(int64_t value) {
    if (isInt<32>(value)) {
      os << 'J';
      number(static_cast<uint32_t>(static_cast<int32_t>(value)));
    } else {
      os << "\x8a" << char(sizeof(value));
      number(static_cast<uint64_t>(value));
    }
  }
  void real(double value) {
    char bytes[sizeof(double)];
    support::endian::write64be(bytes, bit_cast<uint64_t>(value));
    os << 'G';
    os.write(bytes, sizeof(bytes));
  }
  /// Writes a tuple of the values that `items` writes.
  void tuple(function_ref<void()> items) {
    os << '(';
    items();
    os << 't';
  }
  /// Adds the keys and values that `items` writes to the dict before them.
  void items(function_ref<void()> items) {
    os << '(';
    items();
    os << 'u';
  }
  void emptyDict() { os << '}'; }
  void emptyOrderedDict() {
    global("collections", "OrderedDict");
    os << ")R";
  }
  void value(const json::Value &value) {
    if (const json::Object *object = value.getAsObject()) {
      emptyDict();
      items([&] {
        std::vector<StringRef> keys; // sorted, because the order of a hash table is arbitrary
        for (const auto &[key, item] : *object)
          keys.push_back(key);
        llvm::sort(keys);
        for (StringRef key : keys) {
          text(key);
          this->value(*object->get(key));
        }
      });
    } else if (const json::Array *array = value.getAsArray()) {
      os << "](";
      for (const json::Value &item : *array)
        this->value(item);
      os << 'e';
    } else if (std::optional<StringRef> string = value.getAsString()) {
      text(*string);
    } else if (std::optional<bool> boolean = value.getAsBoolean()) {
      os << (*boolean ? "\x88" : "\x89");
    } else if (std::optional<int64_t> whole = value.getAsInteger(); whole && value.kind() == json::Value::Number) {
      integer(*whole);
    } else if (std::optional<double> number = value.getAsNumber()) {
      real(*number);
    } else {
      os << 'N';
    }
  }
  /// Writes a contiguous tensor that consists of all elements of record `key`.
  void tensor(StringRef key, const TensorToWrite &tensor) {
    auto elements = static_cast<int64_t>(tensor.bytes.size() / tensor.type->bytes);
    global("torch._utils", "_rebuild_tensor_v2");
    tuple([&] {
      tuple([&] {
        text("storage");
        global("torch", tensor.type->torchStorage);
        text(key);
        text("cpu");
        integer(elements);
      });
      os << 'Q'; // a persistent id
      integer(0);
      tuple([&] {
        for (int64_t size : tensor.shape)
          integer(size);
      });
      tuple([&] {
        int64_t stride = elements;
        for (int64_t size : tensor.shape)
          integer(stride /= size);
      });
      os << "\x89"; // requires no gradient
      emptyOrderedDict();
    });
    os << 'R';
  }

private:
  template <typename T>
  void number(T value) {
    char bytes[sizeof(T)];
    support::endian::write<T>(bytes, value, endianness::little);
    os.write(bytes, sizeof(bytes));
  }
  raw_ostream &os;
};

std::string pickleOf(ArrayRef<TensorToWrite> tensors, const json::Object &settings) {
  std::string text;
  raw_string_ostream os(text);
  Pickler pickler(os);
  pickler.emptyDict();
  pickler.items([&] {
    pickler.text("state_dict");
    pickler.emptyOrderedDict();
    pickler.items([&] {
      for (auto [index, tensor] : enumerate(tensors)) {
        pickler.text(tensor.name);
        pickler.tensor(std::to_string(index), tensor);
      }
    });
    pickler.text(kMetadataKey);
    pickler.value(json::Object(settings));
  });
  pickler.finish();
  return text;
}

} // namespace

CheckpointFormat checkpointFormatOf(StringRef path) {
  return sys::path::extension(path) == ".safetensors" ? CheckpointFormat::safetensors : CheckpointFormat::torch;
}

static StringRef bytesOf(const TensorToWrite &tensor) { return StringRef(tensor.bytes.data(), tensor.bytes.size()); }

static Error writeTorch(ArrayRef<TensorToWrite> tensors, const json::Object &settings, raw_ostream &os) {
  std::string pickle = pickleOf(tensors, settings);
  ZipWriter zip;
  bool done = zip.open() && zip.add("archive/data.pkl", pickle) && zip.add("archive/byteorder", "little");
  for (size_t i = 0; done && i < tensors.size(); ++i)
    done = zip.add("archive/data/" + std::to_string(i), bytesOf(tensors[i]));
  done = done && zip.add("archive/version", "3\n") && zip.add(kWriterEntry.str(), VITYA_VERSION "\n") && zip.close() &&
         zip.copyTo(os);
  if (!done)
    return makeError("expected memory for an archive of {0} tensors, found: {1}", tensors.size(), zip.problem());
  return Error::success();
}

static Error writeSafe(ArrayRef<TensorToWrite> tensors, const json::Object &settings, raw_ostream &os) {
  std::vector<SafeTensor> entries;
  for (const TensorToWrite &tensor : tensors)
    entries.push_back({tensor.name, tensor.type->safetensors.str(), tensor.shape, tensor.bytes.size()});
  std::string text = formatv("{0}", json::Value(json::Object(settings)));
  writeSafeTensors(entries, json::Object{{kMetadataKey, text}}, os,
                   [&](size_t index, raw_ostream &data) { data << bytesOf(tensors[index]); });
  return Error::success();
}

Error writeCheckpoint(ArrayRef<TensorToWrite> tensors, const json::Object &settings, CheckpointFormat format,
                      raw_ostream &os) {
  switch (format) {
  case CheckpointFormat::torch:
    return writeTorch(tensors, settings, os);
  case CheckpointFormat::safetensors:
    return writeSafe(tensors, settings, os);
  }
  llvm_unreachable("every format is handled");
}

} // namespace vitya
