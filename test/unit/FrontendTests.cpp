// The reader of checkpoints: opcodes of the pickle machine, limits of tensors and conversions. Layouts: errors,
// matching and settings.
#include "frontend/checkpoint/Checkpoint.h"
#include "frontend/checkpoint/Unpickler.h"
#include "frontend/import/PositionEmbedding.h"
#include "frontend/layout/LayoutChoice.h"
#include "frontend/layout/Settings.h"
#include <cmath>
#include <cstring>
#include <deque>
#include <gtest/gtest.h>
#include <limits>

using namespace vitya;
using llvm::StringRef;
using Kind = PickleValue::Kind;

namespace {

/// Converts a literal, which may contain NULs, to a string.
template <size_t N>
std::string bytes(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

/// Reads a pickle in which a storage with key "k" has record 7, and others have none.
llvm::Expected<std::unique_ptr<Pickle>> tryRead(const std::string &pickle) {
  return Pickle::read(pickle, [](const StorageId &storage) -> llvm::Expected<uint64_t> {
    if (storage.key == "k")
      return 7;
    return llvm::createStringError("no record");
  });
}

std::unique_ptr<Pickle> read(const std::string &pickle) {
  auto result = tryRead(pickle);
  if (!result) {
    ADD_FAILURE() << llvm::toString(result.takeError());
    return nullptr;
  }
  return std::move(*result);
}

std::string readError(const std::string &pickle) {
  auto result = tryRead(pickle);
  return result ? "no error" : llvm::toString(result.takeError());
}

template <typename T>
std::string errorOf(llvm::Expected<T> result) {
  return result ? "no error" : llvm::toString(result.takeError());
}

//===----------------------------------------------------------------------===//
// The pickle machine
//===----------------------------------------------------------------------===//

int64_t readInteger(const std::string &pickle) {
  auto result = read(pickle);
  EXPECT_TRUE(result && result->root().is(Kind::integer));
  return result ? result->root().integer : 0;
}

TEST(Unpickler, Integers) {
  EXPECT_EQ(readInteger("K\xff."), 255);
  EXPECT_EQ(readInteger("M\xff\xff."), 65535);
  EXPECT_EQ(readInteger(bytes("J\xfe\xff\xff\xff.")), -2);
  EXPECT_EQ(readInteger(bytes("\x8a\x00.")), 0);
  EXPECT_EQ(readInteger(bytes("\x8a\x01\xff.")), -1);
  EXPECT_EQ(readInteger(bytes("\x8a\x02\xff\x00.")), 255);
  EXPECT_EQ(readInteger(bytes("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.")), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(readInteger(bytes("\x8b\x02\x00\x00\x00\x00\x01.")), 256);
  // 2^64 does not fit 64 bits.
  EXPECT_TRUE(read(bytes("\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01."))->root().is(Kind::object));
}

TEST(Unpickler, OtherScalars) {
  EXPECT_TRUE(read("N.")->root().is(Kind::none));
  EXPECT_EQ(read("\x88.")->root().integer, 1);
  EXPECT_EQ(read("\x89.")->root().integer, 0);
  EXPECT_EQ(read(bytes("G\x3f\xf8\x00\x00\x00\x00\x00\x00."))->root().real, 1.5);
  EXPECT_EQ(read(bytes("X\x02\x00\x00\x00hi."))->root().text, "hi");
  EXPECT_EQ(read(bytes("\x8c\x02hi."))->root().text, "hi");
  EXPECT_EQ(read(bytes("\x8d\x02\x00\x00\x00\x00\x00\x00\x00hi."))->root().text, "hi");
}

TEST(Unpickler, Containers) {
  auto tuple = read("K\x01K\x02K\x03\x87.");
  ASSERT_EQ(tuple->root().items.size(), 3u);
  EXPECT_EQ(tuple->root().items[0]->integer, 1);
  EXPECT_EQ(tuple->root().items[2]->integer, 3);
  EXPECT_EQ(read("((K\x01tt.")->root().items[0]->items[0]->integer, 1);
  EXPECT_EQ(read("](K\x01K\x02"
                 "eK\x03"
                 "a.")
                ->root()
                .items.size(),
            3u);
  // The later of two equal keys wins, as in Python.
  auto dict = read("}(U\x01xK\x01U\x01xK\x02U\x01yK\x03u.");
  EXPECT_EQ(dict->root().lookup("x")->integer, 2);
  EXPECT_EQ(dict->root().lookup("y")->integer, 3);
  EXPECT_EQ(dict->root().lookup("z"), nullptr);
}

TEST(Unpickler, MemoSharesValues) {
  auto pair = read(bytes("]q\x00h\x00\x86."));
  EXPECT_EQ(pair->root().items[0], pair->root().items[1]);
  auto framed = read(bytes("\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]\x94h\x00\x86."));
  EXPECT_EQ(framed->root().items[0], framed->root().items[1]);
}

TEST(Unpickler, OrderedDictsKeepNoMetadata) {
  auto dict = read("ccollections\nOrderedDict\n)RU\x01xK\x01s}U\x09_metadataNsb.");
  EXPECT_TRUE(dict->root().is(Kind::dict));
  EXPECT_EQ(dict->root().lookup("x")->integer, 1);
  EXPECT_EQ(dict->root().lookup("_metadata"), nullptr);
}

TEST(Unpickler, UnknownCallsBecomeObjects) {
  auto object = read("cos\nsystem\nU\x05"
                     "reset\x85R.");
  EXPECT_TRUE(object->root().is(Kind::object));
  EXPECT_EQ(object->root().text, "os.system");
  EXPECT_EQ(object->root().arguments->items[0]->text, "reset");
  auto built = read("\x8c\x02my\x8c\x05"
                    "Thing\x93)\x81}U\x01xK\x01sb.");
  EXPECT_EQ(built->root().text, "my.Thing");
  EXPECT_EQ(built->root().state->lookup("x")->integer, 1);
}

/// The pickle of a tensor over storage "k" of `storageType` whose rebuilding `function` gets `more` arguments.
std::string tensorPickle(const std::string &storageType, const std::string &function, const std::string &more) {
  return "ctorch._utils\n" + function + "\n((U\x07storagectorch\n" + storageType +
         "\nU\x01kU\x03"
         "cpuK\x06tQK\x01K\x02K\x03\x86K\x03K\x01\x86" +
         more + "tR.";
}

TEST(Unpickler, Tensors) {
  auto pickle = read(tensorPickle("HalfStorage", "_rebuild_tensor_v2", "\x89}"));
  const Tensor &tensor = *pickle->root().tensor;
  ASSERT_TRUE(pickle->root().is(Kind::tensor));
  EXPECT_EQ(tensor.type->name, "f16");
  EXPECT_EQ(tensor.record, 7u);
  EXPECT_EQ(tensor.offset, 1);
  EXPECT_EQ(llvm::ArrayRef(tensor.shape), llvm::ArrayRef<int64_t>({2, 3}));
  EXPECT_EQ(llvm::ArrayRef(tensor.strides), llvm::ArrayRef<int64_t>({3, 1}));
  EXPECT_EQ(tensor.elements(), 6);
  auto quantized = read(tensorPickle("QInt8Storage", "_rebuild_qtensor",
                                     bytes("(ctorch\nper_tensor_affine\nG\x3f\xe0\x00\x00\x00\x00\x00\x00K\x03t")));
  EXPECT_EQ(quantized->root().tensor->type->name, "qint8");
  ASSERT_NE(quantized->root().tensor->quantizer, nullptr);
  EXPECT_EQ(quantized->root().tensor->quantizer->items[1]->real, 0.5);
  auto untyped = read(tensorPickle("UntypedStorage", "_rebuild_tensor_v3", "\x89}ctorch\nbfloat16\n"));
  EXPECT_EQ(untyped->root().tensor->type->name, "bf16");
}

TEST(Unpickler, Errors) {
  EXPECT_EQ(readError(""), "expected 1 more bytes, found 0, at byte 0 of the pickle");
  EXPECT_EQ(readError("(."), "expected a value on the stack, found none, at byte 1 of the pickle");
  EXPECT_EQ(readError("K\x01(\x85."), "expected a value on the stack, found none, at byte 3 of the pickle");
  EXPECT_EQ(readError("cos"), "expected a line, found the end, at byte 0 of the pickle");
  EXPECT_EQ(readError("K\x01K\x02\x93."), "expected the names of a global, found an integer and an integer, at byte 4 "
                                          "of the pickle");
  EXPECT_NE(readError(tensorPickle("FunnyStorage", "_rebuild_tensor_v2", ""))
                .find("expected a storage of a known element type, found torch.FunnyStorage"),
            std::string::npos);
  EXPECT_NE(readError(tensorPickle("UntypedStorage", "_rebuild_tensor_v2", "")).find("found an untyped one"),
            std::string::npos);
  EXPECT_NE(readError("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._tensor\n_rebuild_from_type_v2\nN)tR.")
                .find("found itself"),
            std::string::npos);
}

/// Values that are shared must not stand for copies that fill the memory.
TEST(Unpickler, MemoryIsASmallMultipleOfThePickle) {
  auto repeated = [](StringRef text, size_t count) {
    std::string result;
    for (size_t index = 0; index < count; ++index)
      result += text;
    return result;
  };
  StringRef expected = "expected values that take at most";
  EXPECT_TRUE(StringRef(readError(repeated("]", 1 << 20))).starts_with(expected));
  // Globals with a long name, shapes of many dimensions, and dicts of many items, over and over.
  std::string globals = bytes("X\xa0\x86\x01\x00") + std::string(100000, 'a') + bytes("q\x00");
  EXPECT_TRUE(StringRef(readError(globals + repeated(bytes("h\x00h\x00\x93"), 1000))).starts_with(expected));
  std::string dicts =
      "ccollections\nOrderedDict\nq\x01}q\x02(" + repeated("NN", 1000) + "u(" + repeated("h\x02", 1000) + "tq\x03";
  EXPECT_TRUE(StringRef(readError(dicts + "h\x01h\x03R.")).starts_with(expected));
  // What a pickle of a model has.
  std::string plain = "(" + repeated("U\x04nameK\x01U\x05otherN", 10000) + "d.";
  EXPECT_EQ(read(plain)->root().items.size(), 40000u);
}

//===----------------------------------------------------------------------===//
// State dicts
//===----------------------------------------------------------------------===//

std::string namesIn(const std::string &pickle, StringRef key = "") {
  auto values = read(pickle);
  auto found = findStateDict(values->root(), key, values->memory);
  if (!found)
    return llvm::toString(found.takeError());
  std::string names;
  for (const NamedTensor &named : found->tensors)
    names += (names.empty() ? "" : " ") + named.name;
  return names;
}

/// A tensor without the final STOP.
std::string tensorValue() {
  std::string pickle = tensorPickle("FloatStorage", "_rebuild_tensor_v2", "");
  pickle.pop_back();
  return pickle;
}

TEST(StateDict, LibTorchModules) {
  std::string inner = "c__torch__\nModule\n)\x81}(U\x06weight" + tensorValue() + "U\x08trainingNub";
  EXPECT_EQ(namesIn("c__torch__\nModule\n)\x81}(U\x04head" + inner +
                    "U\x03"
                    "cls" +
                    tensorValue() + "ub."),
            "head.weight cls");
}

TEST(StateDict, OneStateDictUnderTwoNames) {
  EXPECT_EQ(namesIn("}(U\x01"
                    "a}U\x01x" +
                    tensorValue() +
                    "sq\x05U\x01"
                    "bh\x05u."),
            "x");
}

TEST(StateDict, ScalarsBesideAStateDict) {
  EXPECT_EQ(namesIn("}(U\x04loss" + tensorValue() + "U\x05model}U\x01x" + tensorValue() + "su."), "x");
  EXPECT_EQ(namesIn("}(U\x04loss" + tensorValue() + "U\x05model}U\x01x" + tensorValue() + "su.", "loss"), "");
}

TEST(StateDict, ModulesThatHoldThemselves) {
  std::string loop = "c__torch__\nModule\n)\x81q\x01}(U\x01xh\x01U\x01w" + tensorValue() + "ub.";
  EXPECT_EQ(namesIn(loop), "expected a model of at most 64 levels and 1048576 values, found a deeper or larger one");
}

/// All tensors of a module have the long name of the dict that holds them.
TEST(StateDict, LongNames) {
  std::string pickle = tensorValue() + "q\x09" + "0c__torch__\nModule\n)\x81}" + bytes("X\xa0\x86\x01\x00") +
                       std::string(100000, 'a') + "}(";
  for (int index = 0; index < 1000; ++index)
    pickle += bytes("X\x04\x00\x00\x00") + std::to_string(1000 + index) + "h\x09";
  EXPECT_TRUE(StringRef(namesIn(pickle + "usb.")).starts_with("expected values that take at most"));
}

TEST(StateDict, KeysWithDots) {
  std::string pickle = "}(U\x03"
                       "a.b}U\x01x" +
                       tensorValue() +
                       "sU\x01"
                       "a}U\x01"
                       "c}U\x01y" +
                       tensorValue() + "ssu.";
  EXPECT_EQ(namesIn(pickle, "a.b"), "x");
  EXPECT_EQ(namesIn(pickle, "a.c"), "y");
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

struct OneRecord : Records {
  explicit OneRecord(std::string data) : data(std::move(data)) {}
  uint64_t count() const override { return 1; }
  uint64_t size(uint64_t) const override { return data.size(); }
  llvm::Error read(uint64_t, uint64_t offset, llvm::MutableArrayRef<char> into) const override {
    if (offset + into.size() > data.size())
      return llvm::createStringError("read past the end");
    std::memcpy(into.data(), data.data() + offset, into.size());
    return llvm::Error::success();
  }
  std::string data;
};

Tensor makeTensor(StringRef type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides, int64_t offset = 0) {
  Tensor tensor;
  tensor.type = findTorchType(type);
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.strides.assign(strides.begin(), strides.end());
  tensor.offset = offset;
  return tensor;
}

bool fits(const Tensor &tensor, uint64_t size) {
  llvm::Error error = checkTensor("t", tensor, size);
  bool failed = static_cast<bool>(error);
  llvm::consumeError(std::move(error));
  return !failed;
}

TEST(Tensor, Limits) {
  EXPECT_TRUE(fits(makeTensor("float32", {2, 3}, {3, 1}), 24));
  EXPECT_FALSE(fits(makeTensor("float32", {2, 3}, {3, 1}), 23));
  EXPECT_TRUE(fits(makeTensor("float32", {2, 3}, {1, 2}, 1), 28));
  EXPECT_FALSE(fits(makeTensor("float32", {2, 3}, {1, 2}, 2), 28));
  EXPECT_TRUE(fits(makeTensor("float32", {}, {}), 4));
  EXPECT_FALSE(fits(makeTensor("float32", {}, {}), 3));
  EXPECT_TRUE(fits(makeTensor("float32", {0, 5}, {5, 1}), 0));
  constexpr int64_t huge = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(fits(makeTensor("float32", {huge, huge}, {1, 1}), 24));
  EXPECT_FALSE(fits(makeTensor("float32", {2}, {huge}), 24));
  EXPECT_FALSE(fits(makeTensor("float32", {2}, {huge}, huge), 24));
  EXPECT_FALSE(fits(makeTensor("float64", {huge}, {0}), ~uint64_t(0)));
  EXPECT_FALSE(fits(makeTensor("float32", {2}, {-1}, 1), 24));
}

template <typename T>
std::string raw(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char *>(values.begin()), values.size() * sizeof(T));
}

std::vector<float> readAll(const Tensor &tensor, const std::string &data) {
  std::vector<float> values(tensor.elements());
  if (llvm::Error error = readFloats("t", tensor, OneRecord(data), values))
    ADD_FAILURE() << llvm::toString(std::move(error));
  return values;
}

TEST(Tensor, Conversions) {
  using Floats = std::vector<float>;
  EXPECT_EQ(readAll(makeTensor("float32", {2}, {1}), raw({1.5f, -2.0f})), (Floats{1.5f, -2.0f}));
  EXPECT_EQ(readAll(makeTensor("float64", {2}, {1}), raw({1.5, 0.1})), (Floats{1.5f, 0.1f}));
  // One, the largest, the smallest normal and the smallest subnormal half; a negative zero.
  EXPECT_EQ(readAll(makeTensor("float16", {5}, {1}), raw<uint16_t>({0x3c00, 0x7bff, 0x0400, 0x0001, 0x8000})),
            (Floats{1.0f, 65504.0f, 0x1p-14f, 0x1p-24f, -0.0f}));
  EXPECT_EQ(readAll(makeTensor("bfloat16", {3}, {1}), raw<uint16_t>({0x3f80, 0xc049, 0x0001})),
            (Floats{1.0f, -3.140625f, 0x1p-133f}));
}

TEST(Tensor, Strides) {
  using Floats = std::vector<float>;
  std::string data = raw({0.0f, 1.0f, 2.0f, 3.0f, 4.0f, 5.0f, 6.0f});
  EXPECT_EQ(readAll(makeTensor("float32", {2, 3}, {1, 2}), data), (Floats{0, 2, 4, 1, 3, 5}));
  EXPECT_EQ(readAll(makeTensor("float32", {2, 3}, {3, 1}, 1), data), (Floats{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(readAll(makeTensor("float32", {2, 2}, {4, 2}, 0), data), (Floats{0, 2, 4, 6}));
  EXPECT_EQ(readAll(makeTensor("float32", {3, 2}, {0, 1}, 5), data), (Floats{5, 6, 5, 6, 5, 6}));
  // The stride of a dimension of size one is never used.
  EXPECT_EQ(readAll(makeTensor("float32", {1, 3}, {99, 1}), data), (Floats{0, 1, 2}));
  EXPECT_EQ(readAll(makeTensor("float32", {2, 1, 2}, {2, 7, 1}), data), (Floats{0, 1, 2, 3}));
}

TEST(Tensor, InvalidValues) {
  std::vector<float> values(2);
  auto check = [&](const Tensor &tensor, const std::string &data) {
    return llvm::toString(readFloats("t", tensor, OneRecord(data), values));
  };
  EXPECT_EQ(check(makeTensor("float32", {2}, {1}), raw({0.0f, NAN})),
            "expected finite values in tensor 't', found NaN at element 1");
  EXPECT_EQ(check(makeTensor("float64", {2}, {1}), raw({1e300, 0.0})),
            "expected finite values in tensor 't', found infinity at element 0");
  EXPECT_EQ(check(makeTensor("float16", {2}, {1}), raw<uint16_t>({0xfc00, 0})),
            "expected finite values in tensor 't', found infinity at element 0");
  EXPECT_EQ(check(makeTensor("int32", {2}, {1}), raw({1, 2})),
            "expected floating-point elements in tensor 't', found i32");
}

TEST(Checkpoint, InMemory) {
  std::string header =
      R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"vitya":"{\"heads\":2}"}})";
  // The first byte of the file is then that of a pickle.
  header.resize(0x80, ' ');
  uint64_t length = header.size();
  std::string file = raw({length}) + header + raw({1.0f, 2.0f});
  auto checkpoint = Checkpoint::read(llvm::MemoryBufferRef(file, "file"), "");
  ASSERT_TRUE(static_cast<bool>(checkpoint)) << llvm::toString(checkpoint.takeError());
  EXPECT_EQ(checkpoint->metadata().getInteger("heads"), 2);
  float values[2];
  ASSERT_FALSE(static_cast<bool>(checkpoint->readFloats(checkpoint->tensors()[0], values)));
  EXPECT_EQ(values[1], 2.0f);
}

//===----------------------------------------------------------------------===//
// Quantized tensors
//===----------------------------------------------------------------------===//

/// Owns the values of a quantizer.
struct Quantizer {
  std::deque<PickleValue> values;

  PickleValue *add(PickleValue::Kind kind) {
    values.emplace_back();
    values.back().kind = kind;
    return &values.back();
  }
  PickleValue *scheme(llvm::StringRef name) {
    PickleValue *result = add(PickleValue::Kind::global);
    result->text = name;
    return result;
  }
  PickleValue *real(double number) {
    PickleValue *result = add(PickleValue::Kind::real);
    result->real = number;
    return result;
  }
  PickleValue *integer(int64_t number) {
    PickleValue *result = add(PickleValue::Kind::integer);
    result->integer = number;
    return result;
  }
  PickleValue *tensor(const Tensor &tensor) {
    PickleValue *result = add(PickleValue::Kind::tensor);
    result->tensor = std::make_unique<Tensor>(tensor);
    return result;
  }
  const PickleValue *tuple(std::vector<PickleValue *> items) {
    PickleValue *result = add(PickleValue::Kind::tuple);
    result->items = std::move(items);
    return result;
  }
};

/// Record 0 holds the integers, record 1 scales, record 2 zero points.
struct ThreeRecords : Records {
  std::string records[3];
  uint64_t count() const override { return 3; }
  uint64_t size(uint64_t number) const override { return records[number].size(); }
  llvm::Error read(uint64_t number, uint64_t offset, llvm::MutableArrayRef<char> into) const override {
    std::memcpy(into.data(), records[number].data() + offset, into.size());
    return llvm::Error::success();
  }
};

Tensor inRecord(uint64_t record, Tensor tensor) {
  tensor.record = record;
  return tensor;
}

TEST(QuantizedTensor, PerTensor) {
  ThreeRecords records;
  records.records[0] = raw({int8_t(1), int8_t(-128), int8_t(127), int8_t(4), int8_t(5), int8_t(6)});
  Quantizer quantizer;
  Tensor tensor = makeTensor("qint8", {2, 3}, {1, 2});
  tensor.quantizer =
      quantizer.tuple({quantizer.scheme("torch.per_tensor_affine"), quantizer.real(0.1), quantizer.integer(-3)});
  auto read = readQuantized("t", tensor, records);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->integers, (std::vector<int8_t>{1, 127, 5, -128, 4, 6}));
  EXPECT_EQ(read->scales, std::vector<double>{0.1});
  EXPECT_EQ(read->zeroPoints, std::vector<int64_t>{-3});
  EXPECT_FALSE(read->axis.has_value());
}

TEST(QuantizedTensor, PerChannel) {
  ThreeRecords records;
  records.records[0] = raw({int8_t(1), int8_t(2), int8_t(3), int8_t(4)});
  records.records[1] = raw({0.1, 1e-9});
  records.records[2] = raw({int64_t(7), int64_t(-8)});
  Quantizer quantizer;
  Tensor tensor = makeTensor("qint8", {2, 2}, {2, 1});
  tensor.quantizer = quantizer.tuple(
      {quantizer.scheme("torch.per_channel_affine"), quantizer.tensor(inRecord(1, makeTensor("float64", {2}, {1}))),
       quantizer.tensor(inRecord(2, makeTensor("int64", {2}, {1}))), quantizer.integer(0)});
  auto read = readQuantized("t", tensor, records);
  ASSERT_TRUE(static_cast<bool>(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->integers, (std::vector<int8_t>{1, 2, 3, 4}));
  EXPECT_EQ(read->scales, (std::vector<double>{0.1, 1e-9}));
  EXPECT_EQ(read->zeroPoints, (std::vector<int64_t>{7, -8}));
  EXPECT_EQ(read->axis, 0);
}

TEST(IntegerWeights, Nibbles) {
  // Two rows of three columns: the last half of each row is padding.
  std::vector<char> integers{-8, 7, -1, 0, 1, -2};
  std::vector<char> bytes = packNibbles(integers, 3);
  EXPECT_EQ(bytes, (std::vector<char>{0x78, 0x0f, 0x10, 0x0e}));
  auto unpacked = unpackNibbles("w", bytes, 3);
  ASSERT_TRUE(static_cast<bool>(unpacked));
  EXPECT_TRUE(std::equal(integers.begin(), integers.end(), unpacked->begin(), unpacked->end()));
  bytes[3] = 0x1e;
  EXPECT_EQ(errorOf(unpackNibbles("w", bytes, 3)),
            "expected 0 in the half byte that pads row 1 of tensor 'w', found 1");
}

TEST(QuantizedTensor, Errors) {
  ThreeRecords records;
  records.records[0] = raw({int8_t(1), int8_t(2)});
  records.records[1] = raw({0.1});
  records.records[2] = raw({int64_t(0)});
  Quantizer quantizer;
  PickleValue *perTensor = quantizer.scheme("torch.per_tensor_affine");
  PickleValue *perChannel = quantizer.scheme("torch.per_channel_affine");
  PickleValue *scales = quantizer.tensor(inRecord(1, makeTensor("float64", {1}, {1})));
  PickleValue *zeroPoints = quantizer.tensor(inRecord(2, makeTensor("int64", {1}, {1})));
  auto check = [&](std::vector<PickleValue *> items, const char *type = "qint8") {
    Tensor tensor = makeTensor(type, {2}, {1});
    tensor.quantizer = quantizer.tuple(std::move(items));
    auto read = readQuantized("t", tensor, records);
    return read ? std::string() : llvm::toString(read.takeError());
  };
  EXPECT_EQ(check({perTensor, quantizer.real(1), quantizer.integer(0)}), "");
  EXPECT_EQ(check({perTensor, quantizer.real(1), quantizer.integer(0)}, "quint8"),
            "expected quantized elements of type qint8 in tensor 't', found quint8");
  EXPECT_EQ(check({perTensor, quantizer.real(0), quantizer.integer(0)}),
            "expected positive, finite scales of tensor 't', found 0.00");
  EXPECT_EQ(check({perTensor, quantizer.real(INFINITY), quantizer.integer(0)}),
            "expected positive, finite scales of tensor 't', found INF");
  EXPECT_EQ(check({perTensor, quantizer.real(1), quantizer.integer(128)}),
            "expected zero points of tensor 't' from -128 to 127, found 128");
  EXPECT_EQ(check({perChannel, scales, zeroPoints, quantizer.integer(0)}),
            "expected 2 scales and zero points of tensor 't', found 1 and 1");
  EXPECT_EQ(check({perChannel, scales, zeroPoints, quantizer.integer(1)}),
            "expected an axis of tensor 't' of shape [2], found axis 1");
  EXPECT_EQ(check({perChannel, scales, zeroPoints, quantizer.integer(-1)}),
            "expected an axis of tensor 't' of shape [2], found axis -1");
  EXPECT_EQ(check({perChannel, zeroPoints, zeroPoints, quantizer.integer(0)}),
            "expected scales and zero points of tensor 't' as tensors of f64 and i64, found i64");
  EXPECT_EQ(check({perChannel, quantizer.tensor(inRecord(1, makeTensor("float64", {2}, {1}))), zeroPoints,
                   quantizer.integer(0)}),
            "expected tensor 't' to lie within the 1 elements of its record, found offset 0, shape [2], strides [1]");
  EXPECT_EQ(check({quantizer.scheme("torch.per_channel_affine_float_qparams")}),
            "expected tensor 't' with torch.per_tensor_affine, a scale and a zero point, or with "
            "torch.per_channel_affine, scales, zero points and an axis, found "
            "torch.per_channel_affine_float_qparams");
  EXPECT_EQ(check({}).substr(0, 20), "expected tensor 't' ");
}

//===----------------------------------------------------------------------===//
// Layouts and settings
//===----------------------------------------------------------------------===//

Layout layout(const std::string &name, const std::string &steps) {
  auto parsed = Layout::parse("test.json", R"({"name": ")" + name +
                                               R"(", "steps": [{"patchify": "channel_row_column"}, )" + steps + "]}");
  if (!parsed) {
    ADD_FAILURE() << llvm::toString(parsed.takeError());
    return {};
  }
  return std::move(*parsed);
}

std::vector<NamedTensor> tensorsNamed(std::initializer_list<const char *> names) {
  std::vector<NamedTensor> tensors;
  for (const char *name : names)
    tensors.push_back({name, makeTensor("float32", {1}, {1})});
  return tensors;
}

TEST(Layout, ErrorsNameLineColumnAndKey) {
  auto check = [](StringRef text) { return errorOf(Layout::parse("f", text)); };
  EXPECT_EQ(check("[]"), "f:1:1: expected object, found []");
  EXPECT_EQ(check(R"({"name": "a", "steps": {}})"), "f:1:24: key 'steps': expected array, found {}");
  EXPECT_EQ(check("{\"name\": \"a\",\n \"steps\": [{\"patchify\": \"channel_row_column\"}, {\"repeat\": \"b.{i}\"}]}"),
            "f:2:48: key 'steps[1].steps': expected a value, found none");
  // The value of a key with a dot cannot be told from that of a nested key.
  EXPECT_EQ(check(R"({"name": "a", "name.x": 2})").substr(0, 36), "f:1:10: key 'name.x': expected one o");
}

TEST(Match, ExactlyOneLayoutFits) {
  std::vector<Layout> layouts;
  layouts.push_back(layout("a", R"({"linear": "x"})"));
  layouts.push_back(layout("b", R"({"linear": "x"}, {"norm": "y?"})"));
  auto both = tensorsNamed({"x.weight", "x.bias"});
  EXPECT_EQ(errorOf(chooseLayout(layouts, both)), "expected the tensors of one layout, found those of several with "
                                                  "nothing left over (a; b): choose with --layout");
  auto second = tensorsNamed({"x.weight", "x.bias", "y.weight", "y.bias"});
  auto choice = chooseLayout(layouts, second);
  ASSERT_TRUE(static_cast<bool>(choice));
  EXPECT_EQ(choice->first, 1u);
  EXPECT_EQ(choice->second.steps.size(), 3u);
  auto neither = tensorsNamed({"x.weight", "x.bias", "z"});
  EXPECT_EQ(errorOf(chooseLayout(layouts, neither)), "expected the tensors of one of the layouts, found for 'a' 1 left "
                                                     "over ('z'); for 'b' 1 left over ('z')");
}

TEST(Match, LayersHaveOtherNames) {
  Layout named =
      layout("a", R"({"repeat": "b.{i}", "steps": [{"linear": {"name": "x", "or": {"name": "y", "or": "z"}}}]})");
  for (const char *name : {"x", "y", "z"}) {
    std::string weight = std::string("b.0.") + name + ".weight", bias = std::string("b.0.") + name + ".bias";
    Match match = matchLayout(named, tensorsNamed({weight.c_str(), bias.c_str()}));
    EXPECT_TRUE(match.fits()) << match.describe();
    EXPECT_EQ(std::get<LinearStep>(match.steps.back().step).layer.name, std::string("b.0.") + name);
  }
  EXPECT_TRUE(matchLayout(named, tensorsNamed({"b.0.y.left.weight", "b.0.y.right.weight"})).fits());
  EXPECT_EQ(matchLayout(named, tensorsNamed({})).describe(), "2 missing ('b.0.x.weight', 'b.0.x.bias')");
  EXPECT_EQ(matchLayout(named, tensorsNamed({"b.0.x.weight", "b.0.x.bias", "b.0.y.weight"})).describe(),
            "1 left over ('b.0.y.weight')");
}

TEST(Match, PartsOfFusedLayers) {
  Layout fused = layout("a", R"({"attention": "attn", "qkv": {"name": "qkv", "weight": "in_weight"}, "out": "proj"})");
  Match match = matchLayout(
      fused, tensorsNamed({"qkv.q.weight", "qkv.k.weight", "qkv.k.bias", "qkv.v.weight", "proj.weight", "proj.bias"}));
  EXPECT_EQ(match.describe(), "");
  const auto &parts = std::get<AttentionStep>(match.steps.back().step);
  EXPECT_FALSE(parts.fused);
  EXPECT_EQ(parts.key->name, "qkv.k");
  EXPECT_EQ(parts.key->recordName(), "qkv");
  EXPECT_FALSE(parts.query->bias);
  match = matchLayout(fused, tensorsNamed({"qkv.right.weight", "qkv.left.q.weight", "qkv.left.k.weight",
                                           "qkv.left.v.weight", "proj.weight", "proj.bias"}));
  EXPECT_EQ(match.describe(), "");
  EXPECT_EQ(std::get<AttentionStep>(match.steps.back().step).fused->name, "qkv.right");
  // A layer that this compiler has changed may have other names than the layout says.
  EXPECT_TRUE(matchLayout(fused, tensorsNamed({"qkv.weight", "qkv.bias", "proj.weight", "proj.bias"})).fits());
  // A bias that was zero.
  EXPECT_EQ(matchLayout(fused, tensorsNamed({"qkv.weight", "proj.weight"})).describe(), "1 missing ('proj.bias')");
  llvm::StringSet<> withoutBias;
  withoutBias.insert("proj");
  EXPECT_TRUE(matchLayout(fused, tensorsNamed({"qkv.weight", "proj.weight"}), withoutBias).fits());
}

TEST(Match, SuggestsPrefix) {
  std::vector<Layout> layouts;
  layouts.push_back(layout("a", R"({"linear": "x"})"));
  auto tensors =
      tensorsNamed({"student.net.x.weight", "student.net.x.bias", "teacher.x.weight", "teacher.x.bias", "y"});
  EXPECT_EQ(errorOf(chooseLayout(layouts, tensors)),
            "expected the tensors of the layout, found names with a prefix: 'a' fits with --prefix=student.net., 'a' "
            "fits with --prefix=teacher.");
}

TEST(Match, NamesTheCause) {
  std::vector<Layout> layouts;
  layouts.push_back(layout("a", R"({"linear": "x"}, {"linear": "y"})"));
  layouts.push_back(layout("b", R"({"linear": "z"})"));
  EXPECT_EQ(errorOf(chooseLayout(layouts, tensorsNamed({"conv1.weight", "bn1.weight"}))),
            "expected the tensors of one of the layouts, found 2 tensors of a model that no layout describes "
            "('conv1.weight', 'bn1.weight'); --layout=FILE reads a layout of your own, and a graph of "
            "torch.export.save needs none");
  EXPECT_EQ(errorOf(chooseLayout(layouts, tensorsNamed({"x.base_layer.weight", "x.lora_A.default.weight"}))),
            "expected the tensors of one of the layouts, found adapters of LoRA, such as 'x.lora_A.default.weight': "
            "merge them into the layers, as merge_and_unload() of PEFT does, and save the merged model");
}

TEST(Match, VariantsOverrideDefaults) {
  auto parsed = Layout::parse("test.json", R"({"name": "a", "defaults": {"eps": 1e-6, "heads": 3},
    "variants": [{"if": "y.weight", "defaults": {"eps": 1e-5}, "remark": "text"}],
    "steps": [{"patchify": "channel_row_column"}, {"linear": "x"}, {"norm": "y?"}]})");
  ASSERT_TRUE(static_cast<bool>(parsed));
  Match plain = matchLayout(*parsed, tensorsNamed({"x.weight", "x.bias"}));
  EXPECT_EQ(plain.defaults.getNumber("eps"), 1e-6);
  EXPECT_TRUE(plain.remarks.empty());
  Match variant = matchLayout(*parsed, tensorsNamed({"x.weight", "x.bias", "y.weight", "y.bias"}));
  EXPECT_EQ(variant.defaults.getNumber("eps"), 1e-5);
  EXPECT_EQ(variant.defaults.getInteger("heads"), 3);
  EXPECT_EQ(variant.remarks, std::vector<std::string>{"text"});
}

TEST(Match, OptionalInAllRepetitionsOrInNone) {
  Layout repeated = layout("a", R"({"repeat": "b.{i}", "steps": [{"linear": {"name": "x", "bias": "x.bias?"}}]})");
  EXPECT_TRUE(matchLayout(repeated, tensorsNamed({"b.0.x.weight", "b.1.x.weight"})).fits());
  EXPECT_TRUE(matchLayout(repeated, tensorsNamed({"b.0.x.weight", "b.0.x.bias", "b.1.x.weight", "b.1.x.bias"})).fits());
  EXPECT_EQ(matchLayout(repeated, tensorsNamed({"b.0.x.weight", "b.0.x.bias", "b.1.x.weight"})).describe(),
            "1 missing ('b.1.x.bias')");
  EXPECT_EQ(matchLayout(repeated, tensorsNamed({"b.0.x.weight", "b.1.x.weight", "b.1.x.bias"})).describe(),
            "1 left over ('b.1.x.bias')");
  EXPECT_EQ(matchLayout(repeated, tensorsNamed({"b.0.x.weight", "b.2.x.weight"})).describe(),
            "1 left over ('b.2.x.weight')");
}

TEST(Match, NamesThatTheFileHas) {
  auto parsed = Layout::parse("f", R"({"name": "a", "names": [{"x": "old.fc"}, {"x": "fc"}], "ignore": ["{x}.extra"],
    "steps": [{"patchify": "channel_row_column"}, {"linear": "{x}"}, {"if": "{x}.2.", "then": [{"norm": "{x}.2"}]}]})");
  ASSERT_TRUE(static_cast<bool>(parsed));
  Match old = matchLayout(*parsed, tensorsNamed({"old.fc.weight", "old.fc.bias", "old.fc.extra"}));
  EXPECT_TRUE(old.fits()) << old.describe();
  EXPECT_EQ(std::get<LinearStep>(old.steps[1].step).layer.name, "old.fc");
  Match present = matchLayout(*parsed, tensorsNamed({"fc.weight", "fc.bias", "fc.2.weight", "fc.2.bias"}));
  EXPECT_TRUE(present.fits()) << present.describe();
  EXPECT_EQ(std::get<NormStep>(present.steps[2].step).layer.name, "fc.2");
  EXPECT_EQ(matchLayout(*parsed, tensorsNamed({"fc.weight"})).describe(), "1 missing ('fc.bias')");
}

//===----------------------------------------------------------------------===//
// Position embeddings
//===----------------------------------------------------------------------===//

void expectNear(const std::vector<float> &found, const std::vector<float> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t index = 0; index < found.size(); ++index)
    EXPECT_NEAR(found[index], expected[index], 1e-6) << index;
}

/// The expected values are those of torch.nn.functional.interpolate(mode="bicubic") of PyTorch 2.13.
TEST(PositionEmbedding, InterpolatesAsPyTorch) {
  const std::vector<float> grid = {0.875, -0.75,  0.625, -0.5,   0.375, -0.25,  0.125, 0,  -0.125,
                                   0.25,  -0.375, 0.5,   -0.625, 0.75,  -0.875, 0.875, -1, 1};
  auto interpolate = [&](Grid to, Interpolation method) { return interpolatePositions(grid, 2, {3, 3}, to, method); };
  expectNear(interpolate({2, 4}, Interpolation::bicubic),
             {0.7493896, -0.6247051, 0.5994818, -0.4716709, 0.362308, -0.2324307, 0.208791, -0.07939649, -0.463501,
              0.5954404, -0.6245131, 0.6876721, -0.8141603, 0.8318591, -0.8957705, 0.9240909});
  expectNear(interpolate({2, 4}, Interpolation::bicubicAntialias),
             {0.6557162, -0.5309783, 0.5038598, -0.3757159, 0.2799331, -0.1495651, 0.1243188, 0.005697297, -0.3795969,
              0.5088418, -0.5375064, 0.6115764, -0.7231778, 0.7612166, -0.8202112, 0.8639512});
  expectNear(interpolate({5, 2}, Interpolation::bicubicAntialias),
             {0.8541559,   -0.7291559, 0.5090515,  -0.3840515, 0.5682992, -0.4413407, 0.2193317,
              -0.08851006, 0.04755219, 0.0774478,  -0.2975522, 0.4225522, -0.4762269, 0.5728286,
              -0.7653162,  0.8059028,  -0.7644461, 0.8424051,  -1.016763, 1.001934});
  expectNear(interpolate({5, 2}, Interpolation::bicubicAlignCorners),
             {0.875,  -0.75, 0.375,      -0.25,     0.5703125,  -0.4453125, 0.05859375, 0.078125, 0.125, 0,
              -0.375, 0.5,   -0.3203125, 0.4453125, -0.7578125, 0.8203125,  -0.625,     0.75,     -1,    1});
  for (Interpolation method :
       {Interpolation::bicubic, Interpolation::bicubicAntialias, Interpolation::bicubicAlignCorners})
    expectNear(interpolate({3, 3}, method), grid);
  EXPECT_EQ(interpolate({1, 1}, Interpolation::bicubicAlignCorners), std::vector<float>({0.875, -0.75}));
}

TEST(PositionEmbedding, Formulas) {
  // One row for each token: sin and cos of n and of n / 100.
  std::vector<float> expected;
  for (double place : {0., 1., 2.})
    for (double angle : {place, place / 100})
      for (double value : {std::sin(angle), std::cos(angle)})
        expected.push_back(static_cast<float>(value));
  expectNear(computePositions(SinusoidalForm::transformer, {1, 2}, /*before=*/1, 4), expected);
  // Sines and cosines of x, then of y, with frequencies 1 and 1 / 100.
  std::vector<float> mae = computePositions(SinusoidalForm::mae, {2, 3}, /*before=*/1, 8);
  ASSERT_EQ(mae.size(), 48u);
  std::vector<float> last(mae.end() - 8, mae.end());
  auto wave = [](double x, double y, double slow) {
    return std::vector<float>({float(std::sin(x)), float(std::sin(x * slow)), float(std::cos(x)),
                               float(std::cos(x * slow)), float(std::sin(y)), float(std::sin(y * slow)),
                               float(std::cos(y)), float(std::cos(y * slow))});
  };
  expectNear(last, wave(2, 1, 0.01));
  // The last frequency is 1 / 10000.
  std::vector<float> simple = computePositions(SinusoidalForm::simpleVit, {2, 3}, /*before=*/0, 8);
  expectNear(std::vector<float>(simple.end() - 8, simple.end()), wave(2, 1, 0.0001));
}

TEST(Settings, HeadsByWidth) {
  llvm::json::Object defaults{{"heads", llvm::json::Object{{"192", 3}}}};
  auto settings = Settings::merge(defaults, {}, {});
  ASSERT_TRUE(static_cast<bool>(settings));
  auto heads = settings->heads(192, "attn");
  ASSERT_TRUE(static_cast<bool>(heads));
  EXPECT_EQ(heads->value, 3);
  EXPECT_EQ(heads->source, SettingSource::layout);
  EXPECT_NE(errorOf(settings->heads(200, "attn")).find("of a model of width 200, found none"), std::string::npos);
  // A single number applies to all widths.
  auto overridden = Settings::merge(defaults, {}, {std::string("heads=4")});
  ASSERT_TRUE(static_cast<bool>(overridden));
  auto four = overridden->heads(192, "attn");
  ASSERT_TRUE(static_cast<bool>(four));
  EXPECT_EQ(four->value, 4);
  EXPECT_EQ(four->source, SettingSource::option);
}

} // namespace
