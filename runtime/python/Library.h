// A compiled model in a shared library, loaded at run time.
#ifndef VITYA_RUNTIME_PYTHON_LIBRARY_H
#define VITYA_RUNTIME_PYTHON_LIBRARY_H

#include "runtime/library/vitya.h"
#include <dlfcn.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace vitya {

/// An error of a library or of its file: one line that states what was expected and what was found.
struct LibraryError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The C interface (vitya.h) of a shared library, which is loaded as long as this object lives.
class Library {
public:
  /// Loads the file at `path`, which is absolute. Throws LibraryError.
  explicit Library(const std::string &path) : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), dlclose) {
    if (!handle)
      fail(path);
    find(describe, "vitya_describe", path);
    find(create, "vitya_create", path);
    find(threads, "vitya_threads", path);
    find(runF32, "vitya_run_f32", path);
    find(runU8, "vitya_run_u8", path);
    find(destroy, "vitya_destroy", path);
    find(message, "vitya_status_message", path);
  }

  /// Throws LibraryError with the library's message unless `status` is VITYA_OK.
  void check(vitya_status status) const {
    if (status != VITYA_OK)
      throw LibraryError(message(status));
  }

  decltype(&vitya_describe) describe;
  decltype(&vitya_create) create;
  decltype(&vitya_threads) threads;
  decltype(&vitya_run_f32) runF32;
  decltype(&vitya_run_u8) runU8;
  decltype(&vitya_destroy) destroy;
  decltype(&vitya_status_message) message;

private:
  [[noreturn]] static void fail(const std::string &path) {
    const char *reason = dlerror();
    throw LibraryError("expected a library of vitya-compile --emit=lib at '" + path +
                       "', found: " + (reason ? reason : "another library"));
  }

  template <typename Function>
  void find(Function &function, const char *name, const std::string &path) {
    function = reinterpret_cast<Function>(dlsym(handle.get(), name));
    if (!function)
      fail(path);
  }

  std::unique_ptr<void, int (*)(void *)> handle;
};

} // namespace vitya

#endif // VITYA_RUNTIME_PYTHON_LIBRARY_H
