// Errors, output files and the safetensors codec, without any of the compiler's own formats.
#include "dialect/support/Errors.h"
#include "dialect/support/SafeTensors.h"
#include "dialect/support/WriteOutput.h"
#include "tools/lib/ExitCode.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace vitya;
using llvm::StringRef;

namespace {

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

TEST(Errors, MessagesAreOneLine) {
  EXPECT_EQ(llvm::toString(makeError("expected {0}, found '{1}'", 2, "a\nb\x7f")), "expected 2, found 'a\\0Ab\\7F'");
  EXPECT_EQ(llvm::toString(prefixError("file", makeError("expected {0}", "x"))), "file: expected x");
}

TEST(Errors, ReportedErrorsArePrintedNoSecondTime) {
  EXPECT_TRUE(prefixError("file", reportedError()).isA<ReportedError>());
  testing::internal::CaptureStderr();
  EXPECT_EQ(exitCodeOf(prefixError("file", reportedError()), "tool"), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  EXPECT_EQ(exitCodeOf(makeError("expected {0}", "x"), "tool"), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tool: error: expected x\n");
  EXPECT_EQ(exitCodeOf(llvm::Error::success(), "tool"), 0);
}

//===----------------------------------------------------------------------===//
// Output files
//===----------------------------------------------------------------------===//

/// A temporary folder with a file "old".
struct Folder {
  Folder() {
    EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("vitya", path));
    EXPECT_FALSE(static_cast<bool>(write("old", "old")));
  }
  ~Folder() { llvm::sys::fs::remove_directories(path); }

  std::string file(StringRef name) const { return (path + "/" + name).str(); }
  llvm::Error write(StringRef name, StringRef text) const {
    return writeOutput(file(name), [&](llvm::raw_ostream &os) {
      os << text;
      return llvm::Error::success();
    });
  }
  std::string read(StringRef name) const {
    auto buffer = llvm::MemoryBuffer::getFile(file(name));
    return buffer ? (*buffer)->getBuffer().str() : "no file";
  }
  int64_t files() const {
    std::error_code error;
    int64_t count = 0;
    for (llvm::sys::fs::directory_iterator entry(path, error), end; entry != end && !error; entry.increment(error))
      ++count;
    return count;
  }

  llvm::SmallString<64> path;
};

TEST(WriteOutput, ReplacesAFile) {
  Folder folder;
  EXPECT_FALSE(static_cast<bool>(folder.write("old", "new")));
  EXPECT_EQ(folder.read("old"), "new");
  EXPECT_EQ(folder.files(), 1);
}

TEST(WriteOutput, AnErrorLeavesTheFileAsItWas) {
  Folder folder;
  llvm::Error error = writeOutput(folder.file("old"), [](llvm::raw_ostream &os) {
    os << "half of";
    return makeError("expected more");
  });
  EXPECT_EQ(llvm::toString(std::move(error)), "expected more");
  EXPECT_EQ(folder.read("old"), "old");
  EXPECT_EQ(folder.files(), 1);
}

TEST(WriteOutput, ErrorsOfTheFileSystemNameTheFile) {
  Folder folder;
  std::string path = folder.file("none/new");
  EXPECT_EQ(llvm::toString(folder.write("none/new", "new")),
            "expected a file that can be written at '" + path + "', found: No such file or directory");
  llvm::Error full = writeOutput("/dev/full", [](llvm::raw_ostream &os) {
    os << "new";
    return llvm::Error::success();
  });
  EXPECT_EQ(llvm::toString(std::move(full)),
            "expected a file that can be written at '/dev/full', found: No space left on device");
  EXPECT_FALSE(llvm::sys::fs::is_regular_file("/dev/full"));
}

// What cannot be written is known beforehand, and what can be written is not created.
TEST(WriteOutput, ChecksBeforehand) {
  Folder folder;
  for (StringRef path : {"-", "/dev/null"})
    EXPECT_FALSE(static_cast<bool>(checkWritable(path)));
  EXPECT_FALSE(static_cast<bool>(checkWritable(folder.file("old"))));
  EXPECT_FALSE(static_cast<bool>(checkWritable(folder.file("new"))));
  EXPECT_EQ(folder.files(), 1);
  for (auto [name, reason] : {std::pair("none/new", "No such file or directory"), {"old/new", "Not a directory"}})
    EXPECT_EQ(llvm::toString(checkWritable(folder.file(name))),
              "expected a file that can be written at '" + folder.file(name) + "', found: " + reason);
  std::string self(folder.path);
  EXPECT_EQ(llvm::toString(checkWritable(self)),
            "expected a file that can be written at '" + self + "', found: Is a directory");
}

TEST(WriteOutput, FollowsLinks) {
  Folder folder;
  EXPECT_FALSE(llvm::sys::fs::create_link("old", folder.file("link")));
  EXPECT_FALSE(static_cast<bool>(folder.write("link", "through the link")));
  EXPECT_EQ(folder.read("old"), "through the link");
  EXPECT_TRUE(llvm::sys::fs::is_symlink_file(folder.file("link")));
  EXPECT_EQ(replacedFile(folder.file("link")), folder.file("old"));

  EXPECT_FALSE(llvm::sys::fs::create_link("absent", folder.file("dangling")));
  EXPECT_FALSE(static_cast<bool>(folder.write("dangling", "new")));
  EXPECT_EQ(folder.read("absent"), "new");

  EXPECT_FALSE(llvm::sys::fs::create_link("loop", folder.file("loop")));
  EXPECT_EQ(llvm::toString(folder.write("loop", "new")), "expected a file that can be written at '" +
                                                             folder.file("loop") +
                                                             "', found: Too many levels of symbolic links");
}

TEST(WriteOutput, WritesToOpenDescriptorsAtTheirPosition) {
  Folder folder;
  int descriptor = -1;
  EXPECT_FALSE(llvm::sys::fs::openFileForWrite(folder.file("old"), descriptor, llvm::sys::fs::CD_OpenExisting,
                                               llvm::sys::fs::OF_Append));
  llvm::scope_exit close([&] { llvm::sys::fs::closeFile(descriptor); });
  std::string name = "/dev/fd/" + std::to_string(descriptor);
  EXPECT_FALSE(llvm::sys::fs::create_link(name, folder.file("link")));
  EXPECT_FALSE(static_cast<bool>(folder.write("link", " and new")));
  EXPECT_EQ(folder.read("old"), "old and new");
  EXPECT_EQ(replacedFile(name), std::nullopt);
  EXPECT_EQ(replacedFile("/dev/null"), std::nullopt);
  EXPECT_EQ(replacedFile("-"), std::nullopt);
}

TEST(WriteOutput, RefusesInputsUnderEveryName) {
  Folder folder;
  std::string input = folder.file("input"); // not written by writeOutput
  std::error_code code;
  llvm::raw_fd_ostream(input, code) << "old";
  EXPECT_FALSE(static_cast<bool>(checkOutput(input)));
  EXPECT_FALSE(readInput(folder.file("absent")));
  auto contents = readInput(input);
  ASSERT_TRUE(static_cast<bool>(contents));
  EXPECT_EQ((*contents)->getBuffer(), "old");
  EXPECT_FALSE(llvm::sys::fs::create_link("input", folder.file("symbolic")));
  EXPECT_FALSE(llvm::sys::fs::create_hard_link(input, folder.file("hard")));
  for (StringRef name : {"input", "symbolic", "hard", "./input"}) {
    std::string message = "expected an output that is not an input, found '" + folder.file(name) +
                          "', which is the same file as the input '" + input + "'";
    EXPECT_EQ(llvm::toString(checkOutput(folder.file(name))), message);
    EXPECT_EQ(llvm::toString(folder.write(name, "new")), message);
    EXPECT_EQ(folder.read(name), "old");
  }

  std::string late = folder.file("late"); // read while it is being written
  llvm::raw_fd_ostream(late, code) << "old";
  llvm::Error error = writeOutput(late, [&](llvm::raw_ostream &os) {
    protectInput(late);
    os << "new";
    return llvm::Error::success();
  });
  EXPECT_EQ(llvm::toString(std::move(error)), "expected an output that is not an input, found '" + late +
                                                  "', which is the same file as the input '" + late + "'");
  EXPECT_EQ(folder.read("late"), "old");
}

TEST(WriteOutput, ReplacesItsOwnOutputsAfterTheyWereRead) {
  Folder folder; // writes "old"
  protectInput(folder.file("old"));
  EXPECT_FALSE(static_cast<bool>(folder.write("old", "new")));
  EXPECT_EQ(folder.read("old"), "new");
}

//===----------------------------------------------------------------------===//
// Safetensors
//===----------------------------------------------------------------------===//

std::string fileWithHeader(StringRef header, StringRef data = "") {
  uint64_t length = header.size();
  return std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + header.str() + data.str();
}

std::string headerError(const std::string &file) {
  llvm::Expected<SafeTensorsHeader> header = readSafeTensorsHeader(file);
  return header ? "no error" : llvm::toString(header.takeError());
}

TEST(SafeTensors, RoundTrip) {
  std::vector<SafeTensor> tensors(2);
  tensors[0].name = "b";
  tensors[0].type = "I64";
  tensors[0].shape = {1};
  tensors[0].bytes = 8;
  tensors[1].name = "a";
  tensors[1].type = "F32";
  tensors[1].shape = {2, 1};
  tensors[1].bytes = 8;
  StringRef data[] = {"12345678", "abcdefgh"};
  std::string file;
  llvm::raw_string_ostream os(file);
  writeSafeTensors(tensors, llvm::json::Object{{"format", "test"}}, os,
                   [&](size_t index, llvm::raw_ostream &stream) { stream << data[index]; });
  ASSERT_TRUE(isSafeTensors(file));
  llvm::Expected<SafeTensorsHeader> header = readSafeTensorsHeader(file);
  ASSERT_TRUE(static_cast<bool>(header)) << llvm::toString(header.takeError());
  EXPECT_EQ(header->metadata.getString("format"), StringRef("test"));
  ASSERT_EQ(header->tensors.size(), 2u);
  for (auto [written, read, bytes] : llvm::zip_equal(tensors, header->tensors, data)) {
    EXPECT_EQ(read.name, written.name);
    EXPECT_EQ(read.type, written.type);
    EXPECT_EQ(read.shape, written.shape);
    EXPECT_EQ(read.offset % 8, 0u);
    EXPECT_EQ(StringRef(file).substr(read.offset, read.bytes), bytes);
  }
}

TEST(SafeTensors, Errors) {
  EXPECT_FALSE(isSafeTensors("12345678"));
  EXPECT_EQ(headerError("123"), "expected safetensors, which begin with the 8 bytes of a length, found 3 bytes");
  EXPECT_EQ(headerError(fileWithHeader("{}").substr(0, 9)),
            "expected a safetensors header of 2 bytes, found only 1 bytes in the file");
  EXPECT_EQ(headerError(fileWithHeader("[]")), "expected a JSON object as header of safetensors, found another value");
  EXPECT_EQ(headerError(fileWithHeader("{\"a\"}"))
                .find("expected a JSON header of safetensors, found one that is "
                      "malformed: [1:"),
            0u);
  EXPECT_EQ(headerError(fileWithHeader(R"({"a":1})")),
            "expected an object for 'a' in the header of safetensors, found another value");
  EXPECT_EQ(headerError(fileWithHeader(R"({"a":{"dtype":"F32","shape":[1]}})")),
            "expected dtype, shape and two data_offsets for tensor 'a', found something else");
  EXPECT_EQ(headerError(fileWithHeader(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234")),
            "expected a shape of sizes for tensor 'a', found [-1]");
  for (StringRef offsets : {"[0,5]", "[4,0]", "[-4,0]", "[18446744073709551615,4]"})
    EXPECT_EQ(headerError(fileWithHeader((R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + offsets + "}}").str(),
                                         "1234")),
              ("expected tensor 'a' within 4 bytes of data, found data_offsets " + offsets).str());
}

} // namespace
