// Finds and loads layout files.
#include "frontend/layout/Layout.h"
#include "dialect/support/Errors.h"
#include "dialect/support/ProgramFolder.h"
#include "dialect/support/WriteOutput.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace vitya {

Expected<Layout> Layout::load(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = readInput(path, /*isText=*/true);
  if (!file)
    return makeError("{0}: expected a readable layout file, found: {1}", path, file.getError().message());
  return parse(path, (*file)->getBuffer());
}

std::string defaultLayoutFolder() {
  SmallString<128> folder(programFolder());
  sys::path::append(folder, "..", "share", "vitya", "layouts");
  return std::string(folder);
}

/// The paths of all layout files in `folder`, in the order of their names.
static std::vector<std::string> listLayouts(StringRef folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (sys::fs::directory_iterator entry(folder, error), end; entry != end && !error; entry.increment(error))
    if (sys::path::extension(entry->path()) == ".json")
      paths.push_back(entry->path());
  llvm::sort(paths);
  return paths;
}

/// The paths of the layouts that `loadLayouts` loads.
static Expected<std::vector<std::string>> findLayouts(StringRef name, StringRef folder) {
  if (sys::path::has_parent_path(name) || name.ends_with(".json"))
    return std::vector{name.str()};
  std::vector<std::string> paths = listLayouts(folder);
  std::string names;
  for (StringRef path : paths)
    names += (", '" + sys::path::stem(path) + "'").str();
  if (name != "auto")
    erase_if(paths, [&](StringRef path) { return sys::path::stem(path) != name; });
  if (paths.empty())
    return makeError("expected a layout file or 'auto'{0}, found '{1}' (layouts are in {2})", names, name, folder);
  return paths;
}

Expected<std::vector<Layout>> loadLayouts(StringRef name, StringRef folder) {
  Expected<std::vector<std::string>> paths = findLayouts(name, folder);
  if (!paths)
    return paths.takeError();
  std::vector<Layout> layouts;
  for (const std::string &path : *paths) {
    Expected<Layout> layout = Layout::load(path);
    if (!layout)
      return layout.takeError();
    layouts.push_back(std::move(*layout));
  }
  return layouts;
}

} // namespace vitya
