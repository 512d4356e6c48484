// Every rearrangement that is no slice of a matrix is found here: patches, and outputs of layers in another order.
#include "frontend/graph/Emitter.h"
#include "dialect/Constants.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace vitya {

static ArrayRef<int64_t> shapeOf(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

Location Emitter::location(StringRef name) { return NameLoc::get(builder.getStringAttr(name)); }

FailureOr<IndexMap> Emitter::arranged(std::optional<IndexMap> map) {
  if (map)
    return *map;
  return fail("expected a rearrangement by slices, permutations and reshapes that keep tokens in rows, found another");
}

FailureOr<View> Emitter::inPlaceOf(const Rows &anchor, const View &other) {
  std::optional<IndexMap> inverse = anchor.map.inverse(), flat = inverse ? other.map.compose(*inverse) : std::nullopt;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(anchor.value.getType()).getShape();
  FailureOr<IndexMap> map = arranged(flat ? flat->reshape(shape) : std::nullopt);
  return failed(map) ? FailureOr<View>(failure()) : View{other.source, *map, other.factor};
}

StringRef Emitter::layerOf(StringRef weight) {
  if (!weight.consume_back(".weight"))
    weight.consume_back("_weight");
  return weight;
}

std::string Emitter::uniqueName(StringRef name) {
  unsigned &count = layerNames[name];
  return ++count == 1 ? name.str() : (name + "_" + Twine(count)).str();
}

View Emitter::tokens(Value value, ArrayRef<int64_t> shape) {
  return {std::make_shared<Source>(TokensSource{value}), *IndexMap::rowMajor(shape)};
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

/// The matrix of tokens that `view` is a view of.
FailureOr<Value> Emitter::valueOf(const View &view) {
  if (auto *source = getSource<TokensSource>(view))
    return source->value;
  if (auto *source = getSource<LinearSource>(view)) {
    if (source->value)
      return source->value;
    FailureOr<Value> weight = constant(source->weight);
    if (failed(weight))
      return failure();
    Value bias;
    if (source->bias) {
      FailureOr<Value> constant = this->constant(*source->bias);
      if (failed(constant))
        return failure();
      bias = *constant;
    }
    std::string name = uniqueName(source->name);
    source->value = LinearOp::create(builder, location(name), name, source->input, *weight, bias, LinearInfoAttr());
    return source->value;
  }
  if (auto *source = getSource<UnsupportedSource>(view))
    return fail("{0}", source->problem);
  if (getSource<ImageSource>(view))
    return fail("expected patches of the image, found the image itself");
  if (getSource<ScoresSource>(view) || getSource<ProbabilitiesSource>(view) || getSource<WeightedSource>(view))
    return fail("expected products of queries and keys only in attention, softmax(scale * q k^T) v, found another use");
  if (getSource<MeanSquaresSource>(view))
    return fail("expected the mean of squares only in RMSNorm, x * rsqrt(mean(x^2) + eps), found another use");
  if (getSource<QuarterTurnSource>(view))
    return fail("expected a concatenation of columns without negation, except in rotary position embeddings, "
                "x * cos + rotate_half(x) * sin, found another use");
  return fail("expected numbers, found truth values");
}

/// Replaces memory that was written part by part by the constant or the tokens in it.
LogicalResult Emitter::fillBuffer(const View &written) {
  if (isConstant(written))
    return fillConstant(written);
  Source &source = *written.source;
  BufferSource buffer = std::get<BufferSource>(source);
  int64_t width = buffer.shape.back(), elements = IndexMap::rowMajor(buffer.shape)->elements();
  struct Part {
    int64_t first, count;
    View view;
  };
  SmallVector<Part> parts;
  for (auto [place, view] : llvm::zip_equal(buffer.places, buffer.parts)) {
    std::optional<IndexMap> flat = place.reshape({place.elements()});
    if (!flat || !flat->isCounting(0, 1) || place.elements() % width != 0)
      return fail("expected whole tokens to be assigned by index, found an assignment of another shape");
    parts.push_back({place.offset(), place.elements(), view});
  }
  llvm::sort(parts, [](const Part &a, const Part &b) { return a.first < b.first; });
  int64_t next = 0;
  SmallVector<Value> values;
  for (const Part &part : parts) {
    if (part.first != next)
      return fail("expected each token to be assigned once, found {0}", part.first > next ? "gaps" : "overlaps");
    next += part.count;
    FailureOr<IndexMap> map = arranged(part.view.map.reshape({part.count / width, width}));
    if (failed(map))
      return failure();
    FailureOr<Value> value = matrix({part.view.source, *map, part.view.factor});
    if (failed(value))
      return failure();
    values.push_back(*value);
  }
  if (next != elements)
    return fail("expected each token to be assigned, found {0} of {1} elements", next, elements);
  auto type = RankedTensorType::get({elements / width, width}, builder.getF32Type());
  source = TokensSource{tensor::ConcatOp::create(builder, values.front().getLoc(), type, /*dim=*/0, values)};
  return success();
}

/// A view of patches of `image` as a view of a `vitya.patchify`.
FailureOr<View> Emitter::patches(const View &view, Value image) {
  ArrayRef<int64_t> size = shapeOf(image);
  int64_t channels = size[0], height = size[1], width = size[2], rows = view.map.size(0), columns = view.map.size(1);
  std::optional<View> permuted;
  for (int64_t side = 1; side <= height && columns % channels == 0; ++side) {
    int64_t pixels = columns / channels;
    if (height % side != 0 || pixels % side != 0 || width % (pixels / side) != 0 ||
        rows * columns != view.map.elements())
      continue;
    int64_t across = pixels / side;
    for (PatchOrder order : allPatchOrders()) {
      IndexMap split = *IndexMap::rowMajor({channels, height / side, side, width / across, across});
      SmallVector<int64_t> dimensions{1, 3};
      for (unsigned dimension : patchDimensions(order))
        dimensions.push_back(2 * dimension);
      IndexMap cut = *split.permute(dimensions);
      std::optional<IndexMap> inverse = cut.inverse();
      std::optional<IndexMap> map = inverse ? inverse->compose(view.map) : std::nullopt;
      if (!map || map->elements() != channels * height * width)
        continue;
      bool isExact = map->isRowMajor();
      // An order of the pixels within the patches that has no name.
      bool isPermuted = map->isCounting(0, columns);
      if (!isExact && (!isPermuted || permuted))
        continue;
      PatchifyOp op;
      for (PatchifyOp known : patchifies[image])
        if (known.getPatch() == ArrayRef({side, across}) && known.getOrder() == order)
          op = known;
      View result{nullptr, *map, view.factor};
      if (!op) {
        op = PatchifyOp::create(builder, location("patchify"), image, {side, across}, order);
        patchifies[image].push_back(op);
      }
      result.source = std::make_shared<Source>(TokensSource{op});
      if (isExact)
        return result;
      permuted = result;
    }
  }
  if (permuted)
    return *permuted;
  return fail("expected patches that cover the image, from left to right and top to bottom, as rows, found rows of "
              "another kind");
}

FailureOr<Emitter::Position> Emitter::locate(const View &view, int64_t width) {
  int64_t columns = view.map.size(1);
  IndexMap first = *view.map.slice(0, 0, 1)->reshape({columns});
  Position position{first.offset() / width, first.from(first.offset() % width)};
  if (view.map.isCounting(0, width) && IndexMap::rowMajor({width})->compose(position.columns))
    return position;
  return fail("expected tokens as rows of a matrix, found {0} rows of {1} columns in another arrangement",
              view.map.size(0), columns);
}

/// A view of outputs of a linear layer, as a view of a layer with these outputs in this order.
FailureOr<View> Emitter::gatherOutputs(const View &view, const LinearSource &linear, const Position &position) {
  int64_t outputs = view.map.size(1), inputs = linear.weight.map.size(1);
  IndexMap starts = *IndexMap::counting(linear.weight.map.size(0), inputs).compose(position.columns);
  FailureOr<IndexMap> weight = arranged(linear.weight.map.compose(starts.product(IndexMap::counting(inputs, 1))));
  if (failed(weight))
    return failure();
  LinearSource result{linear.input, {linear.weight.source, *weight, linear.weight.factor}, {}, linear.name, Value()};
  if (linear.bias) {
    FailureOr<IndexMap> bias = arranged(linear.bias->map.compose(position.columns));
    if (failed(bias))
      return failure();
    result.bias = View{linear.bias->source, *bias, linear.bias->factor};
  }
  IndexMap rows = IndexMap::counting(view.map.size(0), outputs).from(position.row * outputs);
  return View{std::make_shared<Source>(std::move(result)), rows.product(IndexMap::counting(outputs, 1)), view.factor};
}

/// A factor of the outputs of a linear layer becomes a factor of its weight and of its bias.
View Emitter::scaled(const View &view) {
  auto *linear = getSource<LinearSource>(view);
  if (!linear || view.factor == 1)
    return view;
  LinearSource result = *linear;
  result.value = Value();
  result.weight.factor *= view.factor;
  if (result.bias)
    result.bias->factor *= view.factor;
  return {std::make_shared<Source>(std::move(result)), view.map};
}

/// The last slice of `matrix` that stands directly after the op that computes it, or that op. Slices of one matrix
/// stand together.
static Operation *lastSlice(Value matrix) {
  Operation *last = matrix.getDefiningOp();
  while (auto next = dyn_cast_or_null<tensor::ExtractSliceOp>(last->getNextNode())) {
    if (next.getSource() != matrix)
      break;
    last = next;
  }
  return last;
}

FailureOr<Emitter::Rows> Emitter::rows(const View &original) {
  if (getSource<BufferSource>(original) && failed(fillBuffer(original)))
    return failure();
  if (getSource<ConstantSource>(original)) {
    FailureOr<Value> value = constant(original);
    return failed(value) ? FailureOr<Rows>(failure()) : Rows{*value, *IndexMap::rowMajor(original.map.shape())};
  }
  if (auto *image = getSource<ImageSource>(original)) {
    FailureOr<View> cut = patches(original, image->value);
    return failed(cut) ? FailureOr<Rows>(failure()) : rows(*cut);
  }
  if (isComputedInSteps(original)) {
    FailureOr<View> evaluated = evaluate(original);
    return failed(evaluated) ? FailureOr<Rows>(failure()) : rows(*evaluated);
  }
  View view = scaled(original);
  FailureOr<Value> value = valueOf(view);
  if (failed(value))
    return failure();
  if (view.factor != 1) {
    auto type = cast<RankedTensorType>(value->getType());
    Value factors = arith::ConstantOp::create(builder, value->getLoc(),
                                              DenseElementsAttr::get(type, static_cast<float>(view.factor)));
    *value = arith::MulFOp::create(builder, value->getLoc(), *value, factors);
  }
  int64_t count = view.map.size(0), columns = view.map.size(1), all = shapeOf(*value)[0], width = shapeOf(*value)[1];
  FailureOr<Position> position = locate(view, width);
  if (failed(position))
    return failure();
  bool isRange = position->isRange();
  if (!isRange && !(columns == width && position->columns.inverse()))
    return fail("expected the columns of a matrix, found some of them in another order");
  Rows result{*value,
              IndexMap::counting(count, columns).product(isRange ? IndexMap::counting(columns, 1) : position->columns)};
  if (count == all && columns == width)
    return result;
  int64_t offsets[] = {position->row, isRange ? position->columns.offset() : 0}, sizes[] = {count, columns};
  SmallVector<OpFoldResult> strides(2, builder.getIndexAttr(1));
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(lastSlice(*value));
  result.value = tensor::ExtractSliceOp::create(builder, value->getLoc(), *value,
                                                getAsIndexOpFoldResult(builder.getContext(), offsets),
                                                getAsIndexOpFoldResult(builder.getContext(), sizes), strides);
  return result;
}

FailureOr<Value> Emitter::matrix(const View &original, StringRef part) {
  View view = scaled(original);
  if (auto *linear = getSource<LinearSource>(view)) {
    FailureOr<Position> position = locate(view, linear->weight.map.size(0));
    if (failed(position))
      return failure();
    if (!position->isRange() || (linear->isCut && !linear->value)) {
      linear->isCut = true;
      FailureOr<View> gathered = gatherOutputs(view, *linear, *position);
      if (failed(gathered))
        return failure();
      view = *gathered;
      if (!part.empty())
        getSource<LinearSource>(view)->name += "." + part.str();
    }
  }
  FailureOr<Rows> result = rows(view);
  if (failed(result))
    return failure();
  if (!result->map.isRowMajor())
    return fail("expected the columns of a matrix in its order, found another order");
  return result->value;
}

FailureOr<Emitter::Rows> Emitter::whole(const View &original) {
  if (getSource<BufferSource>(original) && failed(fillBuffer(original)))
    return failure();
  FailureOr<View> evaluated = isComputedInSteps(original) ? evaluate(original) : FailureOr<View>(original);
  if (failed(evaluated))
    return failure();
  View view = scaled(*evaluated);
  bool isMatrix = getSource<TokensSource>(view) || getSource<LinearSource>(view);
  if (isMatrix && view.factor == 1 && view.map.inverse()) {
    FailureOr<Value> value = valueOf(view);
    if (failed(value))
      return failure();
    if (cast<RankedTensorType>(value->getType()).getNumElements() == view.map.elements())
      return Rows{*value, view.map};
  }
  SmallVector<int64_t> shape = view.map.shape();
  int64_t columns = shape.empty() ? 1 : shape.back();
  FailureOr<IndexMap> map = arranged(view.map.reshape({view.map.elements() / columns, columns}));
  if (failed(map))
    return failure();
  FailureOr<Value> value = matrix({view.source, *map, view.factor});
  if (failed(value))
    return failure();
  return Rows{*value, *IndexMap::rowMajor(shape)};
}

} // namespace vitya
