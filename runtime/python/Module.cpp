// The extension module `vitya._vitya`: compiled models as objects of Python.
#include "runtime/python/Library.h"
#include "runtime/threads/Processors.h"
#include <filesystem>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>
#include <optional>
#include <unistd.h>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;
using namespace vitya;

namespace {

using Array = nb::ndarray<nb::ro, nb::device::cpu>;
template <typename Element>
using ContiguousArray = nb::ndarray<const Element, nb::c_contig, nb::device::cpu>;

/// Returns "[2, 32, 32, 3]" for the shape of an array.
std::string shapeOf(const Array &array) {
  std::string text = "[";
  for (size_t i = 0; i < array.ndim(); ++i)
    text += (i ? ", " : "") + std::to_string(array.shape(i));
  return text + "]";
}

/// Returns the type of a Python object, of an array with the type of its elements.
std::string typeOf(nb::handle object) {
  std::string type = nb::type_name(object.type()).c_str();
  if (!nb::hasattr(object, "dtype"))
    return type;
  nb::object elements = object.attr("dtype");
  return type + " of " + nb::str(elements).c_str();
}

/// Returns `object` as an array of the types that models take.
Array arrayOf(nb::handle object) {
  Array array;
  if (object.is_none() || !nb::try_cast(object, array, /*convert=*/false) ||
      (array.dtype() != nb::dtype<uint8_t>() && array.dtype() != nb::dtype<float>()))
    throw nb::type_error(("expected an array of uint8 or float32, found " + typeOf(object)).c_str());
  return array;
}

/// A compiled model with a session, that is, with threads and working memory of its own.
class Model {
public:
  Model(const std::filesystem::path &file, std::optional<int> threads)
      : path(std::filesystem::absolute(file)), library(path), process(getpid()) {
    nb::gil_scoped_release release;
    library.check(library.describe(&model));
    library.check(library.create(threads.value_or(availableProcessors()), &session));
  }

  ~Model() {
    if (process == getpid()) // after a fork, the session's threads exist in the parent only
      library.destroy(session);
  }

  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  int threads() const {
    int count = 0;
    library.check(library.threads(session, &count));
    return count;
  }

  /// Returns the logits of `images`, as the documentation of __call__ says.
  nb::object run(nb::handle images, std::optional<vitya_layout> layout) const {
    if (process != getpid())
      throw LibraryError(
          "expected a model that this process has loaded, found one loaded before a fork; load it again");
    Array array = arrayOf(images);
    bool isFloat = array.dtype() == nb::dtype<float>();
    vitya_layout order = layout.value_or(isFloat ? VITYA_CHW : VITYA_HWC);
    if (isFloat && order == VITYA_HWC)
      throw nb::value_error("expected float32 images in Layout.CHW, found Layout.HWC");
    checkShape(array, isFloat, order);
    bool isBatch = array.ndim() == 4;
    size_t count = isBatch ? array.shape(0) : 1, classes = model.classes;
    auto *logits = new float[count * classes];
    nb::capsule owner(logits, [](void *memory) noexcept { delete[] static_cast<float *>(memory); });
    if (isFloat) {
      auto pixels = nb::cast<ContiguousArray<float>>(images);
      nb::gil_scoped_release release;
      library.check(library.runF32(session, pixels.data(), pixels.size(), count, logits, count * classes));
    } else {
      auto pixels = nb::cast<ContiguousArray<uint8_t>>(images);
      size_t height = array.shape(array.ndim() - (order == VITYA_HWC ? 3 : 2));
      size_t width = array.shape(array.ndim() - (order == VITYA_HWC ? 2 : 1));
      nb::gil_scoped_release release;
      library.check(
          library.runU8(session, pixels.data(), pixels.size(), count, height, width, order, logits, count * classes));
    }
    const size_t shape[] = {count, classes};
    return nb::cast(nb::ndarray<nb::numpy, float>(logits, isBatch ? 2 : 1, isBatch ? shape : shape + 1, owner));
  }

  const std::string path;
  vitya_model_info model;

private:
  /// Throws ValueError unless `array` is one image that the model takes, or a batch of them.
  void checkShape(const Array &array, bool isFloat, vitya_layout order) const {
    std::string channels = std::to_string(model.channels);
    std::string size = isFloat ? std::to_string(model.height) + ", " + std::to_string(model.width) : "height, width";
    std::string image = order == VITYA_HWC ? size + ", " + channels : channels + ", " + size;
    size_t rank = array.ndim();
    auto is = [&](size_t fromEnd, int64_t extent) {
      return static_cast<int64_t>(array.shape(rank - fromEnd)) == extent;
    };
    if ((rank == 3 || rank == 4) && is(order == VITYA_HWC ? 1 : 3, model.channels) &&
        (!isFloat || (is(2, model.height) && is(1, model.width))))
      return;
    throw nb::value_error(
        ("expected images [" + image + "] or [count, " + image + "], found " + shapeOf(array)).c_str());
  }

  const Library library;
  const pid_t process;
  vitya_session session = 0;
};

std::vector<std::string> classesOf(const Model &model) {
  return {model.model.class_names, model.model.class_names + model.model.classes};
}

} // namespace

NB_MODULE(_vitya, m) {
  nb::exception<LibraryError>(m, "Error", PyExc_RuntimeError).attr("__doc__") =
      "A compiled model, its library or the compiler reports an error.";

  nb::enum_<vitya_layout>(m, "Layout", "The order of pixels in memory.")
      .value("HWC", VITYA_HWC, "[height, width, channels], the order of most image decoders")
      .value("CHW", VITYA_CHW, "[channels, height, width]");

  nb::class_<Model>(
      m, "Model",
      "A compiled model with threads and working memory of its own. Any number of threads may call it; calls "
      "on one object run one after the other, without the GIL. It can be pickled, and is loaded again then.")
      .def(nb::init<const std::filesystem::path &, std::optional<int>>(), "path"_a, "threads"_a = nb::none(),
           "Loads the library at `path`, as `vitya.load` does.")
      .def(
          "__call__", &Model::run, "images"_a.none(), "layout"_a = nb::none(),
          nb::sig("def __call__(self, images: numpy.typing.NDArray[numpy.uint8] | numpy.typing.NDArray[numpy.float32], "
                  "layout: Layout | None = None) -> numpy.typing.NDArray[numpy.float32]"),
          "Returns the logits of `images`, f32 [classes] for one image and [count, classes] for a batch.\n\n"
          "`images` are u8 pixels [height, width, channels] of any size, or [channels, height, width] with "
          "`layout=Layout.CHW`, which are resized as the model's settings say; or f32 pixels [channels, height, width] "
          "of "
          "the model's size in [0, 1]. A batch has the dimension `count` before these. Arrays that are not contiguous "
          "are copied.\n\n"
          "Raises TypeError for other arrays, ValueError for other shapes, and Error if a pixel or a logit is not "
          "finite.")
      .def_prop_ro(
          "path", [](const Model &self) { return std::filesystem::path(self.path); }, "The library's absolute path.")
      .def_prop_ro(
          "name", [](const Model &self) { return self.model.name; }, "The model's name.")
      .def_prop_ro("classes", classesOf, "The names of the classes, in the order of the logits.")
      .def_prop_ro(
          "image_shape",
          [](const Model &self) { return nb::make_tuple(self.model.channels, self.model.height, self.model.width); },
          nb::sig("def image_shape(self) -> tuple[int, int, int]"), "Channels, height and width of the model's input.")
      .def_prop_ro("threads", &Model::threads, "The number of threads, including the calling thread.")
      .def_prop_ro(
          "multiply_adds", [](const Model &self) { return self.model.multiply_adds; },
          "The number of multiply-adds of one inference.")
      .def_prop_ro(
          "weight_bytes", [](const Model &self) { return self.model.weight_bytes; },
          "The number of bytes of the weights.")
      .def_prop_ro(
          "info", [](const Model &self) { return nb::module_::import_("json").attr("loads")(self.model.json); },
          nb::sig("def info(self) -> dict[str, typing.Any]"),
          "The model's description, as `info --json` of an executable prints it.")
      .def(
          "__reduce__",
          [](nb::handle self) {
            return nb::make_tuple(self.type(), nb::make_tuple(self.attr("path"), self.attr("threads")));
          },
          nb::sig("def __reduce__(self) -> tuple[typing.Any, ...]"))
      .def("__repr__", [](const Model &self) {
        return "<vitya.Model '" + std::string(self.model.name) + "' of '" + self.path + "'>";
      });
}
