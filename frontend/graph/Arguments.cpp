// The arguments of an operator.
#include "frontend/graph/Converter.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace vitya {

FailureOr<View> Converter::viewOf(const Argument &argument) {
  const auto *id = argument.as<ValueId>();
  const auto *view = id ? std::get_if<View>(&values[unsigned(*id)]) : nullptr;
  if (!view)
    return emitter.fail("expected a tensor that was computed before as argument, found {0}",
                        id ? "'" + graph[*id].name + "'" : std::string("another value"));
  if (auto *unsupported = getSource<UnsupportedSource>(*view)) {
    emitter.problem = unsupported->problem;
    return failure();
  }
  return *view;
}

FailureOr<View> Converter::view(StringRef name) {
  const Argument *argument = node->find(name);
  if (!argument)
    return emitter.fail("expected an argument '{0}', found none", name);
  return viewOf(*argument);
}

std::optional<View> Converter::optionalView(StringRef name) {
  const Argument *argument = node->find(name);
  if (!argument || argument->isNone())
    return std::nullopt;
  FailureOr<View> result = viewOf(*argument);
  return succeeded(result) ? std::optional<View>(*result) : std::nullopt;
}

FailureOr<SmallVector<View>> Converter::views(StringRef name) {
  const Argument *argument = node->find(name);
  const auto *list = argument ? argument->as<Argument::List>() : nullptr;
  if (!list || list->empty())
    return emitter.fail("expected a list of tensors as argument '{0}', found none", name);
  SmallVector<View> result;
  for (const Argument &item : *list) {
    // A class token that a model does not have has no elements.
    if (const auto *id = item.as<ValueId>(); id && !graph[*id].hasElements())
      continue;
    FailureOr<View> view = viewOf(item);
    if (failed(view))
      return failure();
    result.push_back(*view);
  }
  if (result.empty())
    return emitter.fail("expected tensors with elements as argument '{0}', found none", name);
  return result;
}

std::optional<int64_t> Converter::integerOf(const Argument &argument) const {
  if (const auto *number = argument.as<int64_t>())
    return *number;
  if (const auto *id = argument.as<ValueId>())
    if (const auto *number = std::get_if<int64_t>(&values[unsigned(*id)]))
      return *number;
  return std::nullopt;
}

FailureOr<int64_t> Converter::integer(StringRef name, std::optional<int64_t> fallback) {
  const Argument *argument = node->find(name);
  bool isGiven = argument && (!argument->isNone() || !fallback);
  std::optional<int64_t> result = isGiven ? integerOf(*argument) : fallback;
  if (!result)
    return emitter.fail("expected an integer as argument '{0}', found none", name);
  return *result;
}

FailureOr<SmallVector<int64_t>> Converter::integers(StringRef name, std::optional<SmallVector<int64_t>> fallback) {
  const Argument *argument = node->find(name);
  if (fallback && (!argument || argument->isNone()))
    return *fallback;
  SmallVector<int64_t> result;
  const auto *list = argument ? argument->as<Argument::List>() : nullptr;
  if (std::optional<int64_t> single = argument && !list ? integerOf(*argument) : std::nullopt)
    return SmallVector<int64_t>{*single};
  if (!list)
    return emitter.fail("expected integers as argument '{0}', found none", name);
  for (const Argument &item : *list) {
    std::optional<int64_t> number = integerOf(item);
    if (!number)
      return emitter.fail("expected integers as argument '{0}', found another value", name);
    result.push_back(*number);
  }
  return result;
}

std::optional<double> Converter::number(StringRef name) const {
  const Argument *argument = node->find(name);
  if (const auto *real = argument ? argument->as<double>() : nullptr)
    return *real;
  if (const auto *truth = argument ? argument->as<bool>() : nullptr)
    return *truth ? 1 : 0;
  std::optional<int64_t> integer = argument ? integerOf(*argument) : std::nullopt;
  return integer ? std::optional<double>(*integer) : std::nullopt;
}

bool Converter::flag(StringRef name, bool fallback) const {
  const Argument *argument = node->find(name);
  const bool *value = argument ? argument->as<bool>() : nullptr;
  return value ? *value : fallback;
}

FailureOr<int64_t> Converter::wrap(int64_t dim, size_t rank) {
  auto count = static_cast<int64_t>(rank);
  if (dim < -count || dim >= count)
    return emitter.fail("expected a dimension of a tensor with {0}, found {1}", count, dim);
  return dim < 0 ? dim + count : dim;
}

FailureOr<int64_t> Converter::dimension(StringRef name, size_t rank, std::optional<int64_t> fallback) {
  FailureOr<int64_t> dim = integer(name, fallback);
  return failed(dim) ? dim : wrap(*dim, rank);
}

FailureOr<View> Converter::rearranged(const View &view, std::optional<IndexMap> map) {
  FailureOr<IndexMap> checked = emitter.arranged(std::move(map));
  if (failed(checked))
    return failure();
  return View{view.source, *checked, view.factor};
}

FailureOr<Converter::Results> Converter::arranged(const View &view, std::optional<IndexMap> map) {
  FailureOr<View> result = rearranged(view, std::move(map));
  return failed(result) ? FailureOr<Results>(failure()) : Results{*result};
}

} // namespace vitya
