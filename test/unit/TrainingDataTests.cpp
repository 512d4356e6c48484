// Tests of reading, splitting and batching training images.
#include "frontend/data/BatchLoader.h"
#include "frontend/data/Dataset.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace vitya;
using llvm::StringRef;

namespace {

/// A temporary folder.
struct Folder {
  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("vitya", path)); }
  ~Folder() { EXPECT_FALSE(llvm::sys::fs::remove_directories(path)); }

  std::string file(const llvm::Twine &name) const { return (path + "/" + name).str(); }
  void write(const llvm::Twine &name, StringRef bytes) const {
    std::string path = file(name);
    EXPECT_FALSE(llvm::sys::fs::create_directories(StringRef(path).rsplit('/').first));
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << bytes;
    EXPECT_FALSE(error);
  }
  /// Returns the error of reading `name`, with the folder written as DIR.
  std::string errorOf(const llvm::Twine &name, const DatasetOptions &options = {}) const {
    llvm::Expected<Dataset> dataset = readDataset(file(name), options);
    std::string message = dataset ? "" : llvm::toString(dataset.takeError());
    for (size_t at; (at = message.find(path.str().str())) != std::string::npos;)
      message.replace(at, path.size(), "DIR");
    return message;
  }

  llvm::SmallString<128> path;
};

/// A record of CIFAR-10's layout with planes of one value each.
std::string record(int label, int red, int green, int blue) {
  return std::string(1, static_cast<char>(label)) + std::string(1024, static_cast<char>(red)) +
         std::string(1024, static_cast<char>(green)) + std::string(1024, static_cast<char>(blue));
}

/// A picture of one colour.
std::string picture(int width, int height, char red, char green, char blue) {
  std::string file = "P6 " + std::to_string(width) + " " + std::to_string(height) + " 255 ";
  for (int i = 0; i < width * height; ++i)
    file += {red, green, blue};
  return file;
}

Dataset read(const std::string &path, const DatasetOptions &options = {}) {
  return llvm::cantFail(readDataset(path, options));
}

TEST(Dataset, ReadsFilesOfRecords) {
  Folder folder;
  folder.write("data_batch_2.bin", record(9, 4, 5, 6));
  folder.write("data_batch_1.bin", record(3, 1, 2, 3) + record(0, 7, 8, 9));
  folder.write("test_batch.bin", record(1, 10, 11, 12));
  Dataset dataset = read(folder.path.str().str());
  EXPECT_EQ(dataset.labels, (std::vector<int64_t>{3, 0, 9}));
  EXPECT_EQ(std::vector({dataset.count, dataset.channels, dataset.height, dataset.width, dataset.classes}),
            (std::vector<int64_t>{3, 3, 32, 32, 10}));
  EXPECT_EQ(dataset.pixels.size(), 3u * 3072);
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_EQ(dataset.image(2)[i * 1024 + 5], 4 + i);
  EXPECT_EQ(read(folder.file("test_batch.bin")).labels, std::vector<int64_t>{1});

  DatasetOptions options;
  options.channels = 1;
  options.height = options.width = 16;
  Dataset small = read(folder.path.str().str(), options);
  EXPECT_EQ(small.image(2).vec(), std::vector<uint8_t>(256, 5)); // the luma of 4, 5, 6
}

TEST(Dataset, ReadsFoldersOfPictures) {
  Folder folder;
  folder.write("cat/b.ppm", picture(4, 2, 1, 2, 3));
  folder.write("cat/a.ppm", picture(4, 2, 4, 5, 6));
  folder.write("ant/a.ppm", picture(4, 2, 7, 8, 9));
  folder.write("ant/.hidden", "");
  folder.write("notes.txt", "");
  Dataset dataset = read(folder.path.str().str());
  EXPECT_EQ(dataset.classNames, (std::vector<std::string>{"ant", "cat"}));
  EXPECT_EQ(dataset.labels, (std::vector<int64_t>{0, 1, 1}));
  EXPECT_EQ(std::vector({dataset.count, dataset.channels, dataset.height, dataset.width, dataset.classes}),
            (std::vector<int64_t>{3, 3, 2, 4, 2}));
  EXPECT_EQ(dataset.image(1).slice(0, 8).vec(), std::vector<uint8_t>(8, 4));
  EXPECT_EQ(dataset.image(1).slice(16, 8).vec(), std::vector<uint8_t>(8, 6));

  folder.write("ant/b.ppm", picture(5, 5, 10, 11, 12));
  EXPECT_EQ(folder.errorOf(""),
            "expected pictures of 4 x 2 pixels, as the first one has, found 5 x 5 in 'DIR/ant/b.ppm'");
  DatasetOptions options;
  options.height = options.width = 3;
  EXPECT_EQ(read(folder.path.str().str(), options).image(1).slice(18, 9).vec(), std::vector<uint8_t>(9, 12));
}

TEST(Dataset, ReadsListsAndArrays) {
  Folder folder;
  folder.write("a.ppm", picture(2, 1, 1, 2, 3));
  folder.write("b.ppm", picture(2, 1, 4, 5, 6));
  folder.write("named.csv", "path,label\nb.ppm,bee\na.ppm,ant\n");
  Dataset named = read((folder.path + "/named.csv").str());
  EXPECT_EQ(named.classNames, (std::vector<std::string>{"ant", "bee"}));
  EXPECT_EQ(named.labels, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(named.image(0).vec(), (std::vector<uint8_t>{4, 4, 5, 5, 6, 6}));
  folder.write("numbered.txt", "a.ppm 7\nb.ppm 0\n");
  Dataset numbered = read((folder.path + "/numbered.txt").str());
  EXPECT_EQ(numbered.classes, 10);
  EXPECT_EQ(numbered.labels, (std::vector<int64_t>{7, 0}));
  DatasetOptions ofData;
  ofData.channels = ofData.classes = 0;
  Dataset counted = read((folder.path + "/numbered.txt").str(), ofData);
  EXPECT_EQ(std::vector({counted.channels, counted.classes}), (std::vector<int64_t>{3, 8}));

  auto npy = [](std::string description, const std::string &elements) {
    return std::string("\x93NUMPY\1\0", 8) + static_cast<char>(description.size()) + '\0' + description + elements;
  };
  folder.write("a.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 1, 3), }\n", "abcdef"));
  folder.write("a.labels.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }\n", "\3\4"));
  Dataset array = read((folder.path + "/a.npy").str());
  EXPECT_EQ(array.labels, (std::vector<int64_t>{3, 4}));
  EXPECT_EQ(array.image(1).vec(), (std::vector<uint8_t>{'d', 'e', 'f'}));
}

TEST(Dataset, RefusesBadData) {
  Folder folder;
  EXPECT_EQ(folder.errorOf("none"), "expected a file that can be read at 'DIR/none', found: No such file or directory");
  EXPECT_EQ(folder.errorOf(""), "expected pictures in 'DIR/', found none");
  folder.write("ant/a.ppm", "P6 1 1 255 ab");
  EXPECT_EQ(folder.errorOf(""), "expected a PNG, JPEG, BMP, PPM or NPY image at 'DIR/ant/a.ppm', found: a PNM file "
                                "that ends within its pixels");
  folder.write("ant/a.ppm", picture(1, 1, 0, 0, 0));
  folder.write("bee/.hidden", "");
  EXPECT_EQ(folder.errorOf(""), "expected pictures in 'DIR/bee', found none");
  folder.write("bee/small/a.ppm", "");
  EXPECT_EQ(folder.errorOf(""), "expected only pictures in 'DIR/bee', found the folder 'DIR/bee/small'");

  folder.write("data_batch_1.bin", record(9, 0, 0, 0) + record(10, 0, 0, 0));
  EXPECT_EQ(folder.errorOf(""), "expected labels of 'DIR/data_batch_1.bin' to be below 10, the classes of the model, "
                                "found 10 in record 1");
  folder.write("data_batch_1.bin", record(9, 0, 0, 0) + "cut");
  EXPECT_EQ(folder.errorOf(""), "expected 'DIR/data_batch_1.bin' to be CIFAR-10 binary data, a multiple of 3073 bytes, "
                                "an .npy array, a folder of pictures or a .txt, .csv or .tsv list of them, found a "
                                "file of 3076 bytes");
  folder.write("data_batch_1.bin", "");
  EXPECT_NE(folder.errorOf("").find("found a file of 0 bytes"), std::string::npos);
  std::string header = "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1, 1, 3), }\n";
  folder.write("a.npy", std::string("\x93NUMPY\1\0", 8) + static_cast<char>(header.size()) + '\0' + header + "abc");
  EXPECT_EQ(
      folder.errorOf("a.npy"),
      "expected images with labels in 'DIR/a.npy', as CIFAR-10 binary data, folders of classes, lists with labels "
      "and NAME.npy with NAME.labels.npy have, found none");
}

/// Images of one pixel, which is the number of the image.
Dataset numbered(int64_t count, int64_t classes) {
  Dataset dataset{count, 1, 1, 2, {}, {}, classes, {}};
  for (int64_t i = 0; i < count; ++i) {
    dataset.pixels.insert(dataset.pixels.end(), {static_cast<uint8_t>(i), static_cast<uint8_t>(i >> 8)});
    dataset.labels.push_back(i * i % classes);
  }
  return dataset;
}

int64_t numberOf(llvm::ArrayRef<uint8_t> image) { return image[0] + (image[1] << 8); }

TEST(Dataset, SplitsEvenly) {
  Dataset whole = numbered(1000, 3); // squares are 0 or 1 modulo 3
  whole.classes = 2;
  std::set<std::vector<uint8_t>> results;
  for (uint64_t seed : {1, 1, 2}) {
    SplitDataset parts = llvm::cantFail(split(Dataset(whole), 101, seed));
    EXPECT_EQ(parts.validation.count, 101);
    EXPECT_EQ(parts.training.count, 899);
    EXPECT_EQ(llvm::count(parts.validation.labels, 0), 51);
    EXPECT_EQ(llvm::count(parts.validation.labels, 1), 50);
    std::set<int64_t> seen;
    for (const Dataset *part : {&parts.training, &parts.validation}) {
      EXPECT_EQ(part->pixels.size(), 2u * part->count);
      EXPECT_EQ(part->labels.size(), static_cast<size_t>(part->count));
      int64_t last = -1;
      for (int64_t i = 0; i < part->count; ++i) {
        int64_t number = numberOf(part->image(i));
        EXPECT_LT(last, number);
        EXPECT_EQ(part->labels[i], whole.labels[number]);
        EXPECT_TRUE(seen.insert(number).second);
        last = number;
      }
    }
    results.insert(parts.validation.pixels);
  }
  EXPECT_EQ(results.size(), 2u); // the same seed chooses the same images
  EXPECT_EQ(llvm::toString(split(Dataset(whole), 668, 1).takeError()),
            "expected more than 334 images of class 0, of which 334 are for validation, found 334");
}

/// A data set of random pictures.
Dataset noise(int64_t count) {
  Dataset dataset{count, 3, 8, 8, std::vector<uint8_t>(count * 192), {}, 10, {}};
  Random random(1);
  for (uint8_t &pixel : dataset.pixels)
    pixel = static_cast<uint8_t>(random.next());
  for (int64_t i = 0; i < count; ++i)
    dataset.labels.push_back(i % 10);
  return dataset;
}

BatchOptions everything() {
  BatchOptions options;
  options.augment.cropPadding = 2;
  options.augment.policy = AugmentPolicy::trivial;
  options.augment.erase = 0.5;
  options.batchSize = 12;
  options.seed = 5;
  return options;
}

TEST(BatchLoader, DependsOnNeitherThreadsNorStart) {
  Dataset dataset = noise(100);
  constexpr int kBatches = 30;
  std::vector<Batch> expected;
  {
    BatchLoader loader(dataset, everything(), 1);
    for (int i = 0; i < kBatches; ++i)
      expected.push_back(loader.next());
  }
  for (int first : {0, 1, 8, 9, 25})
    for (unsigned threads : {1, 2, 4}) {
      BatchLoader loader(dataset, everything(), threads, first);
      for (int i = first; i < kBatches; ++i) {
        Batch batch = loader.next();
        EXPECT_EQ(batch.count, expected[i].count);
        EXPECT_EQ(batch.labels, expected[i].labels);
        EXPECT_EQ(batch.pixels, expected[i].pixels);
      }
    }
  // Neither the order nor the changes of the images repeat in the next epoch or with another seed.
  EXPECT_NE(expected[0].labels, expected[9].labels);
  EXPECT_NE(expected[0].pixels, expected[9].pixels);
  BatchOptions other = everything();
  other.seed = 6;
  EXPECT_NE(BatchLoader(dataset, other, 1).next().pixels, expected[0].pixels);
}

TEST(BatchLoader, EpochsHaveEachImageOnce) {
  Dataset dataset = numbered(1000, 7);
  BatchOptions options;
  options.augment.cropPadding = 0;
  options.augment.flip = false;
  options.batchSize = 96;
  for (int64_t repeats : {1, 3}) {
    options.repeats = repeats;
    BatchLoader loader(dataset, options, 2);
    EXPECT_EQ(loader.batchesPerEpoch(), repeats == 1 ? 11 : 32);
    for (int epoch = 0; epoch < 3; ++epoch) {
      std::vector<int64_t> seen;
      for (int64_t i = 0; i < loader.batchesPerEpoch(); ++i) {
        Batch batch = loader.next();
        EXPECT_EQ(batch.count, i + 1 < loader.batchesPerEpoch() ? 96 : repeats == 1 ? 40 : 24);
        for (int64_t image = 0; image < batch.count; ++image) {
          int64_t number = numberOf(llvm::ArrayRef(batch.pixels).slice(2 * image, 2));
          EXPECT_EQ(batch.labels[image], dataset.labels[number]);
          if (image % repeats)
            EXPECT_EQ(number, seen.back()); // copies are in one batch
          else
            seen.push_back(number);
        }
      }
      EXPECT_FALSE(llvm::is_sorted(seen));
      llvm::sort(seen);
      EXPECT_TRUE(llvm::equal(seen, llvm::seq<int64_t>(0, 1000)));
    }
  }
}

TEST(BatchLoader, CopiesAreAugmentedOnTheirOwn) {
  Dataset dataset = noise(50);
  BatchOptions options = everything();
  options.augment.policy = AugmentPolicy::none;
  options.batchSize = 150;
  options.repeats = 3;
  Batch batch = BatchLoader(dataset, options, 1).next();
  std::set<std::vector<uint8_t>> images;
  for (int64_t i = 0; i < batch.count; ++i)
    images.insert(llvm::ArrayRef(batch.pixels).slice(i * 192, 192).vec());
  EXPECT_GT(images.size(), 140u); // 50 movements and flips of an image, and half of the copies are erased
}

TEST(BatchLoader, OptionsThatDoNotFit) {
  Dataset dataset = noise(10);
  BatchOptions options;
  options.batchSize = 10;
  options.repeats = 3;
  EXPECT_EQ(llvm::toString(checkOptions(options, dataset)),
            "expected a batch size that is a positive multiple of the 3 copies of an image, found 10");
  options.repeats = 0;
  EXPECT_EQ(llvm::toString(checkOptions(options, dataset)),
            "expected an image to be in a batch at least once, found 0 times");
  options.repeats = 1;
  options.augment.cropPadding = 8;
  EXPECT_EQ(llvm::toString(checkOptions(options, dataset)),
            "expected crops to move images of 8 x 8 pixels by 0 to 7, found 8");
  EXPECT_EQ(llvm::toString(checkOptions(options, Dataset())), "expected training images, found none");
}

} // namespace
