// Tests of image decoding and resizing. The pictures of test/Inputs/pictures come with the pixels that Pillow decodes.
#include "runtime/image/Channels.h"
#include "runtime/image/Decode.h"
#include "runtime/image/Npy.h"
#include "runtime/image/Preprocess.h"
#include <climits>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

/// Returns the pixels of a file, or the error of decodeImage.
std::string decoded(const std::string &file) {
  vitya::Image image;
  char error[256];
  if (!vitya::decodeImage(reinterpret_cast<const uint8_t *>(file.data()), file.size(), image, error, sizeof(error)))
    return error;
  std::string pixels(reinterpret_cast<char *>(image.pixels), image.height * image.width * image.channels);
  vitya::freeImage(image);
  return pixels;
}

TEST(Decode, ValidPnm) {
  EXPECT_EQ(decoded("P6 1 2 255 abcdef"), "abcdef");
  EXPECT_EQ(decoded("P5\n# one\n2 # two\n1\n255\nab and more"), "aaabbb");
  EXPECT_EQ(decoded(std::string("P5 2 1 65535 \xff\xff\x80\x00", 17)), "\xff\xff\xff\x80\x80\x80");
  EXPECT_EQ(decoded("P5 3 1 3 \1\3\7"), "UUU\xff\xff\xff\xff\xff\xff");
}

TEST(Decode, InvalidPnm) {
  const std::string cut = "a PNM file that ends within its pixels";
  EXPECT_EQ(decoded("P6 1 2 255 abcde"), cut);
  EXPECT_EQ(decoded("P5 2 1 256 abc"), cut);
  for (const char *file :
       {"P6", "P6 1", "P6 1 1 255", "P6 0 1 255 ", "P6 1 0 255 ", "P6 1 1 0 abc", "P6 -1 1 255 abc", "P6 16385 1 255 a",
        "P6 1 1 65536 abc", "P6 99999999999999999999 1 255 a", "P6 # 1 1 255 abc"})
    EXPECT_NE(decoded(file).find("a PNM header without"), std::string::npos) << file;
}

/// Returns a BMP file with the given header fields, 24 bits a pixel and the bytes `rows` as its pixels.
std::string bmp(int32_t width, int32_t height, const std::string &rows) {
  std::string file = "BM";
  auto put = [&](uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      file += static_cast<char>(value >> 8 * i);
  };
  constexpr int kHeaders = 54;
  put(kHeaders + rows.size(), 4);
  put(0, 4);
  put(kHeaders, 4);
  put(40, 4);
  put(width, 4);
  put(height, 4);
  put(1, 2);
  put(24, 2);
  for (int i = 0; i < 6; ++i)
    put(0, 4);
  return file + rows;
}

// Pixels are stored as blue, green, red; a negative height states that the top row is the first one.
TEST(Decode, RowsOfBmp) {
  const std::string top = "cbafed..", bottom = "ihglkj..";
  EXPECT_EQ(decoded(bmp(2, 2, bottom + top)), "abcdefghijkl");
  EXPECT_EQ(decoded(bmp(2, -2, top + bottom)), "abcdefghijkl");
  EXPECT_EQ(decoded(bmp(2, -3, top + bottom)), "a BMP file that ends within its pixels");
  EXPECT_EQ(decoded(bmp(2, 0, top)), "an image without pixels");
  EXPECT_EQ(decoded(bmp(2, INT32_MIN, top)), "an image without pixels");
  EXPECT_EQ(decoded(bmp(2, -16385, top)), "2 x 16385 pixels, more than 16384 a side");
  EXPECT_EQ(decoded(bmp(-2, 2, top + bottom)), "an image without pixels");
}

const std::filesystem::path kPictures = VITYA_PICTURES, kPhotographs = kPictures.parent_path() / "photographs";

std::string readFile(const std::filesystem::path &path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::set<std::string> picturesIn(const std::filesystem::path &folder) {
  std::set<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".jpg" || entry.path().extension() == ".png")
      names.insert(entry.path().filename());
  return names;
}

TEST(Decode, PixelsAreThoseOfPillow) {
  std::set<std::string> names = picturesIn(kPictures);
  EXPECT_EQ(names.size(), 28u);
  for (const std::string &name : names) {
    std::string alpha = readFile(kPictures / (name + ".alpha.pgm")),
                expected = decoded(readFile(kPictures / (name + ".ppm")));
    // A grey value is decoded to three equal ones.
    alpha = alpha.empty() ? alpha : decoded(alpha);
    for (size_t pixel = 0; 3 * pixel < alpha.size(); ++pixel)
      expected.insert(4 * pixel + 3, 1, alpha[3 * pixel]);
    EXPECT_EQ(decoded(readFile(kPictures / name)), expected) << name;
  }
}

std::string pixelsOf(const std::string &name, int64_t channels) {
  vitya::Image image;
  char error[256];
  if (!vitya::readImage((kPictures / name).c_str(), channels, image, error, sizeof(error)))
    return error;
  EXPECT_EQ(image.channels, channels);
  std::string pixels(reinterpret_cast<char *>(image.pixels), image.height * image.width * channels);
  vitya::freeImage(image);
  return pixels;
}

// Pillow wrote gray.png as the picture of rgb.png after convert("L"), and rgba.png as rgb.png with alpha.
TEST(Channels, AreConvertedAsByPillow) {
  EXPECT_EQ(pixelsOf("rgb.png", 1), pixelsOf("gray.png", 1));
  EXPECT_EQ(pixelsOf("rgba.png", 1), pixelsOf("gray.png", 1));
  EXPECT_EQ(pixelsOf("rgba.png", 3), pixelsOf("rgb.png", 3));
  std::string opaque = pixelsOf("rgb.png", 4), rgb = pixelsOf("rgb.png", 3);
  for (size_t i = 0; i < opaque.size(); ++i)
    ASSERT_EQ(opaque[i], i % 4 == 3 ? '\xFF' : rgb[i / 4 * 3 + i % 4]);
  EXPECT_EQ(pixelsOf("rgba.png", 4), decoded(readFile(kPictures / "rgba.png")));
  EXPECT_NE(pixelsOf("rgb.png", 2).find("an image of 3 channels, which cannot be converted to the 2 of the model"),
            std::string::npos);
  EXPECT_FALSE(vitya::canConvertChannels(1, 3));
  EXPECT_TRUE(vitya::canConvertChannels(6, 6));
}

/// Returns an .npy file of version 1.
std::string npy(const std::string &description, const std::string &elements) {
  return std::string("\x93NUMPY\1\0", 8) + static_cast<char>(description.size()) + '\0' + description + elements;
}

TEST(Npy, Arrays) {
  const std::string head = "{'descr': '|u1', 'fortran_order': False, 'shape': ";
  EXPECT_EQ(decoded(npy(head + "(1, 2, 3), }  \n", "abcdef")), "abcdef");
  EXPECT_EQ(decoded(npy(head + "(1, 1, 2, 3), }\n", "abcdef")), "abcdef");
  EXPECT_EQ(decoded(npy("{'descr':'|u1','fortran_order':False,'shape':(1,2,3,)}", "abcdef")), "abcdef");
  std::string version2 = npy(head + "(1, 2, 3), }\n", "abcdef");
  version2[6] = 2;
  version2.insert(10, 2, '\0');
  EXPECT_EQ(decoded(version2), "abcdef");
}

TEST(Npy, InvalidArrays) {
  const std::string head = "{'descr': '|u1', 'fortran_order': False, 'shape': ",
                    kind = "an .npy array that is not of u8";
  for (const std::string &description :
       {head + "(), }", head + "(1, 1, 1, 2, 3), }", head + "(1, 2, 3", head + "(1, 2, three), }",
        std::string("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 3), }"),
        std::string("{'descr': '<f4 ', 'fortran_order': False, 'shape': (1, 2, 3), }"),
        std::string("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2, 3), }"), std::string("{}"), std::string()})
    EXPECT_EQ(decoded(npy(description, "abcdef")).substr(0, kind.size()), kind) << description;
  EXPECT_EQ(decoded("\x93NUMPY").substr(0, kind.size()), kind);
  EXPECT_EQ(decoded(npy(head + "(1, 2, 3), }", "").substr(0, 40)).substr(0, kind.size()), kind);
  const std::string rank = "an .npy array that is neither u8 [count, height, width, channels] nor f32";
  for (const char *shape : {"(6,), }", "(2, 3), }"})
    EXPECT_EQ(decoded(npy(head + shape, "abcdef")).substr(0, rank.size()), rank) << shape;
  for (const char *shape : {"(0, 2, 3), }", "(1, -2, 3), }"})
    EXPECT_EQ(decoded(npy(head + shape, "abcdef")), "an .npy array without elements") << shape;
  EXPECT_EQ(decoded(npy(head + "(1, 16385, 1), }", std::string(16385, 'a'))),
            "an .npy array of images with a side of more than 16384");
  const std::string elements = "abcdef", size = "which are not those of its shape";
  for (const std::string &wrong : {npy(head + "(1, 2, 3), }", "abcde"), npy(head + "(1, 2, 3), }", "abcdefg"),
                                   npy(head + "(1, 2, 3), }", ""), npy(head + "(1, 20000, 3), }", elements),
                                   npy(head + "(999999999, 999999999, 999999999, 999999999), }", elements)})
    EXPECT_NE(decoded(wrong).find(size), std::string::npos);
  EXPECT_EQ(decoded(npy(head + "(2, 1, 1, 3), }", "abcdef")), "an .npy array of 2 images instead of one");
  EXPECT_EQ(decoded(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1), }", "abcd")),
            "an .npy array of f32 instead of u8");
}

TEST(Decode, DamagedPicturesAreRefused) {
  const std::string cut = "a damaged JPEG file: Corrupt JPEG data: premature end of data segment";
  const std::map<std::string, std::string> errors = {
      {"checksum-of-pixels.png", "a damaged PNG file: IDAT: CRC error"},
      {"checksum-of-stream.png", "a damaged PNG file: IDAT: incorrect data check"},
      {"checksum-of-transparency.png", "a damaged PNG file: tRNS: CRC error"},
      {"few-rows.png", "a damaged PNG file: Not enough image data"},
      {"half-progressive.jpg", cut},
      {"half-with-end.jpg", cut},
      {"half.jpg", "a damaged JPEG file: Premature end of JPEG file"},
      {"half.png", "a damaged PNG file: the file ends too early"},
      {"leading-bytes.jpg", "a file of another format"},
      {"no-colours.jpg", "a JPEG file without a scan of colour component 2"},
      {"no-end.jpg", "a damaged JPEG file: Premature end of JPEG file"},
      {"no-end.png", "a damaged PNG file: the file ends too early"},
      {"no-first-scan.jpg", "a damaged JPEG file: Inconsistent progression sequence for component 0 coefficient 0"},
      {"no-frame.jpg", "a damaged JPEG file: JPEG datastream contains no image"},
      {"no-pixels.png", "a damaged PNG file: IEND: out of place"},
      {"no-scan-progressive.jpg", "a damaged JPEG file: Invalid JPEG file structure: missing SOS marker"},
      {"no-scan.jpg", "a damaged JPEG file: Invalid JPEG file structure: missing SOS marker"},
      {"pixels-overwritten.png", "a damaged PNG file: bad adaptive filter value"},
      {"restart-in-scan.jpg", cut},
      {"two-components.jpg", "a JPEG file of 2 colour components"}};
  std::set<std::string> names = picturesIn(kPictures / "invalid");
  EXPECT_EQ(names.size(), errors.size());
  for (const auto &[name, error] : errors)
    EXPECT_EQ(decoded(readFile(kPictures / "invalid" / name)), error) << name;
}

TEST(Decode, ScansOfAJpegFileAreLimited) {
  std::string file = readFile(kPictures / "invalid/no-colours.jpg"), start = "\xFF\xDA", end = "\xFF\xD9";
  size_t at = file.rfind(start);
  ASSERT_NE(at, std::string::npos);
  std::string scan = file.substr(at, file.size() - end.size() - at);
  file.resize(at);
  for (int i = 0; i < 500; ++i)
    file += scan;
  EXPECT_EQ(decoded(file + end), "a JPEG file without a scan of colour component 2");
  EXPECT_EQ(decoded(file + scan + end), "a damaged JPEG file: more than 500 scans");
}

//===----------------------------------------------------------------------===//
// Resizing
//===----------------------------------------------------------------------===//

constexpr vitya_preprocessing kPlain = {VITYA_BILINEAR, 0, 0, 0, VITYA_HALF_EVEN},
                              kSmooth = {VITYA_BILINEAR, 1, 0, 0, VITYA_HALF_EVEN};

/// Returns the image of `channels` channels, resized without a crop: f32 [channels, height, width].
std::vector<float> resized(const std::vector<uint8_t> &pixels, int64_t fromHeight, int64_t fromWidth, int64_t channels,
                           int64_t height, int64_t width, vitya_preprocessing how) {
  std::vector<float> result(channels * height * width);
  how.height = height;
  how.width = width;
  vitya::preprocess({pixels.data(), fromHeight, fromWidth, channels}, {channels, height, width, how}, result.data());
  return result;
}

void expectEqual(const std::vector<float> &found, const std::vector<float> &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_FLOAT_EQ(found[i], expected[i]) << i;
}

void decode(const std::filesystem::path &path, vitya::Image &image) {
  std::string file = readFile(path), error(256, 0);
  ASSERT_TRUE(vitya::decodeImage(reinterpret_cast<const uint8_t *>(file.data()), file.size(), image, error.data(),
                                 error.size()))
      << error;
}

TEST(Preprocess, SameSizeIsConvertedOnly) {
  for (vitya_preprocessing how : {kPlain, kSmooth, {VITYA_BICUBIC, 1, 8, 0, VITYA_FLOOR}}) {
    std::vector<uint8_t> pixels = {0, 51, 102, 255};
    std::vector<float> result(4);
    vitya::preprocess({pixels.data(), 1, 2, 2}, {2, 1, 2, how}, result.data());
    EXPECT_EQ(result, std::vector<float>({0, 0.4f, 0.2f, 1}));
  }
}

// The expected values are those of
// torch.nn.functional.interpolate(torch.tensor([[[[0., 1.]]]]), (1, 4), mode='bilinear', align_corners=False), rounded
// to multiples of 1/255 with antialiasing.
TEST(Preprocess, HalfPixelCentresAndClampedEdges) {
  expectEqual(resized({0, 255}, 1, 2, 1, 1, 4, kPlain), {0, 0.25, 0.75, 1});
  expectEqual(resized({0, 255}, 1, 2, 1, 1, 4, kSmooth), {0, 64 / 255.0f, 191 / 255.0f, 1});
}

// The expected values are those of torch.nn.functional.interpolate(torch.tensor([[[[0., 0, 1, 0, 0, 1, 1]]]]), (1, 3),
// mode='bilinear', align_corners=False), without and with antialias=True, rounded if with it.
TEST(Preprocess, ShrinkingReadsTwoOrAllPixels) {
  const std::vector<uint8_t> row = {0, 0, 255, 0, 0, 255, 255};
  expectEqual(resized(row, 1, 7, 1, 1, 3, kPlain), {0, 0, 1});
  expectEqual(resized(row, 1, 7, 1, 1, 3, kSmooth), {55 / 255.0f, 75 / 255.0f, 200 / 255.0f});
}

TEST(Preprocess, ConstantImageStaysConstant) {
  for (int64_t side : {1, 224})
    for (vitya_preprocessing how : {kPlain, kSmooth})
      for (float value : resized(std::vector<uint8_t>(32 * 32 * 5, 77), 32, 32, 5, side, side, how))
        EXPECT_FLOAT_EQ(value, 77.0f / 255.0f);
}

// resized/HEIGHTxWIDTH.ppm is resized/picture.png after Pillow's resize with BILINEAR.
TEST(Preprocess, ResamplingIsThatOfPillow) {
  vitya::Image picture;
  decode(kPictures / "resized/picture.png", picture);
  std::vector<uint8_t> pixels(picture.pixels, picture.pixels + picture.height * picture.width * picture.channels);
  for (const char *name : {"1x1.ppm", "5x8.ppm", "13x64.ppm", "32x32.ppm", "70x9.ppm"}) {
    vitya::Image expected;
    decode(kPictures / "resized" / name, expected);
    int64_t plane = expected.height * expected.width;
    std::vector<float> found =
        resized(pixels, picture.height, picture.width, 3, expected.height, expected.width, kSmooth);
    for (int64_t i = 0; i < 3 * plane; ++i)
      EXPECT_EQ(found[i], static_cast<float>(expected.pixels[i % plane * 3 + i / plane]) / 255.0f) << name << " " << i;
    vitya::freeImage(expected);
  }
  vitya::freeImage(picture);
}

// photographs/make_photographs.py wrote the pictures and what torchvision, timm and Transformers make of them.
TEST(Preprocess, PhotographsAreThoseOfTheLibraries) {
  constexpr int64_t side = 11, size = 3 * side * side;
  const std::pair<const char *, vitya_preprocessing> kinds[] = {
      {"torchvision", {VITYA_BILINEAR, 1, 12, 0, VITYA_HALF_EVEN}},
      {"timm", {VITYA_BICUBIC, 1, 15, 0, VITYA_HALF_EVEN}},
      {"squash", {VITYA_BICUBIC, 1, 12, 12, VITYA_HALF_EVEN}},
      {"vit", {VITYA_BILINEAR, 1, 11, 11, VITYA_FLOOR}},
      {"deit", {VITYA_BICUBIC, 1, 14, 12, VITYA_FLOOR}},
      {"clip", {VITYA_BICUBIC, 1, 14, 0, VITYA_FLOOR}}};
  for (const auto &[name, how] : kinds) {
    std::string expected = readFile(kPhotographs / (std::string(name) + ".bin"));
    ASSERT_EQ(expected.size(), 100 * size);
    for (int64_t index = 0; index < 100; ++index) {
      std::string number = std::to_string(index + 100).substr(1);
      vitya::Image picture;
      decode(kPhotographs / (number + ".jpg"), picture);
      std::vector<float> found(size);
      vitya::preprocess({picture.pixels, picture.height, picture.width, picture.channels}, {3, side, side, how},
                        found.data());
      vitya::freeImage(picture);
      for (int64_t i = 0; i < size; ++i) {
        auto pixel = static_cast<uint8_t>(expected[index * size + i % (size / 3) * 3 + i / (size / 3)]);
        ASSERT_EQ(found[i], static_cast<float>(pixel) / 255.0f) << name << " " << number << " " << i;
      }
    }
  }
}

} // namespace
