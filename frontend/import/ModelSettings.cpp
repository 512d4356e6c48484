// Numbers are written with the fewest digits that give them back, as users wrote them.
#include "frontend/import/ModelSettings.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"
#include <charconv>

using namespace mlir;

namespace vitya {

template <typename Number>
static std::string format(Number number) {
  char text[32];
  auto [end, error] = std::to_chars(std::begin(text), std::end(text), number);
  assert(error == std::errc() && "expected enough space for any number");
  return {text, end};
}

template <typename Number>
static std::string format(ArrayRef<Number> numbers) {
  return "[" + llvm::join(llvm::map_range(numbers, [](Number number) { return format(number); }), ",") + "]";
}

void ModelSettings::addJson(StringRef name, StringRef json, SettingSource source) {
  settings.insert(SettingAttr::get(&context, name, json, source));
}

void ModelSettings::add(StringRef name, bool value, SettingSource source) {
  addJson(name, value ? "true" : "false", source);
}
void ModelSettings::add(StringRef name, int64_t value, SettingSource source) { addJson(name, format(value), source); }
void ModelSettings::add(StringRef name, double value, SettingSource source) { addJson(name, format(value), source); }
void ModelSettings::add(StringRef name, StringRef value, SettingSource source) {
  addJson(name, llvm::formatv("{0}", llvm::json::Value(value)).str(), source);
}
void ModelSettings::add(StringRef name, ArrayRef<float> value, SettingSource source) {
  addJson(name, format(value), source);
}
void ModelSettings::add(StringRef name, ArrayRef<int64_t> value, SettingSource source) {
  addJson(name, format(value), source);
}

std::string ModelSettings::describeUnsaid(StringRef layout) const {
  auto list = [&](SettingSource source) {
    SmallVector<std::string> items;
    for (auto setting : llvm::map_range(settings, llvm::CastTo<SettingAttr>))
      if (setting.getSource() == source)
        items.push_back((setting.getName() + " " + setting.getValue().trim('"')).str());
    return llvm::join(items, ", ");
  };
  SmallVector<std::string> groups;
  if (std::string items = list(SettingSource::layout); !items.empty())
    groups.push_back("from layout '" + layout.str() + "': " + items);
  if (std::string items = list(SettingSource::guess); !items.empty())
    groups.push_back("guessed: " + items);
  llvm::append_range(groups, doubts);
  return llvm::join(groups, "; ");
}

} // namespace vitya
