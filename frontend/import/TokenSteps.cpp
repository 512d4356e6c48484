// The steps that add and remove tokens: class token, distillation token, registers, position embedding, pooling.
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "frontend/import/ModelBuilder.h"
#include "frontend/import/PositionEmbedding.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;

namespace vitya {

//===----------------------------------------------------------------------===//
// Tokens before the patches
//===----------------------------------------------------------------------===//

/// Checks the shape of a tensor with tokens. A tensor without rows stands for a token that the model does not have.
Expected<ModelBuilder::TokenTensor> ModelBuilder::tokenTensor(const TensorName &name, bool isOne) const {
  std::optional<int64_t> found = rowsOf(weights.tensor(name).shape, columns());
  if (Error error = weights.checkShape(name, found && (!isOne || *found <= 1),
                                       llvm::formatv("[1, {0}, {1}]", isOne ? "1" : "registers", columns()).str()))
    return std::move(error);
  return TokenTensor{name, *found};
}

/// Puts tokens before row `row`.
Error ModelBuilder::insertTokens(int64_t row, ArrayRef<TokenTensor> inserted) {
  if (inserted.empty())
    return Error::success();
  Location loc = location(inserted.front().name.name);
  int64_t width = columns(), total = rows();
  SmallVector<Value> parts;
  if (row > 0)
    parts.push_back(slice(tokens, {0, 0}, {row, width}, loc));
  for (const auto &[name, count] : inserted) {
    Expected<Value> constant = weights.constant(builder, name, {count, width});
    if (!constant)
      return constant.takeError();
    parts.push_back(*constant);
    total += count;
  }
  parts.push_back(row > 0 ? slice(tokens, {row, 0}, {rows() - row, width}, loc) : tokens);
  auto all = tensor::ConcatOp::create(builder, loc, type({total, width}), /*dim=*/0, parts);
  tokens = cast<Tokens>(all.getResult());
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Position embeddings
//===----------------------------------------------------------------------===//

/// The position embedding of `before` tokens and all patches: computed, interpolated or as the file has it.
Expected<Value> ModelBuilder::position(const TokensStep &step, int64_t before) {
  int64_t width = columns(), total = before + grid.size();
  const TensorName &name = *step.position;
  std::vector<float> values;
  SmallVector<int64_t> shape;
  if (step.sinusoidal) {
    values = computePositions(*step.sinusoidal, grid, before, width);
  } else {
    shape.assign(weights.tensor(name).shape.begin(), weights.tensor(name).shape.end());
    int64_t stored = *rowsOf(shape, width);
    if (stored == total)
      return weights.constant(builder, name, {total, width});
    Expected<std::vector<float>> read = weights.read(name);
    if (!read)
      return read.takeError();
    int64_t side = *integerRoot(stored - before);
    mlir::emitRemark(location(name.name)) << "positions of " << side << "x" << side << " patches are interpolated to "
                                          << grid.height << "x" << grid.width;
    ArrayRef<float> all = *read;
    llvm::append_range(values, all.take_front(before * width));
    llvm::append_range(
        values, interpolatePositions(all.drop_front(before * width), width, {side, side}, grid, *step.interpolation));
  }
  Value result = createConstant<float>(builder, location(name.name), type({total, width}), name.name, values);
  if (shape.empty()) {
    weights.recordComputed(result);
  } else {
    shape.insert(shape.begin(), shape.size() == 1, 1);
    shape[shape.size() - 2] = total;
    weights.recordStored(result, name, shape);
  }
  return result;
}

/// Rotates the columns of the patches in `input`, whose first row is token `first`. Queries may be some of the tokens.
Expected<Tokens> ModelBuilder::rotate(const AttentionStep &step, Tokens input, int64_t first, int64_t heads) {
  ArrayRef<int64_t> shape = input.getType().getShape();
  int64_t granularity = rotaryGranularity(*step.rotary), pairs = shape[1] / (2 * heads);
  if (shape[1] % (2 * heads) != 0 || pairs % granularity != 0)
    return makeError("expected heads of attention '{0}' whose width {1} divides, for rotary position embeddings, found "
                     "width {2} of {3} heads",
                     step.name, 2 * granularity, shape[1], heads);
  if (rows() != others.rows + grid.size())
    return makeError("expected the tokens of all patches in attention '{0}', for rotary position embeddings, found {1} "
                     "tokens",
                     step.name, rows());
  RankedTensorType tableType = type({shape[0], pairs});
  auto *known = llvm::find_if(rotaryConstants, [&](const RotaryConstants &each) {
    return each.cos.getType() == tableType && each.first == first;
  });
  if (known == rotaryConstants.end()) {
    RotaryTable table = computeRotaryTable(*step.rotary, grid, others.rows, pairs);
    auto constant = [&](StringRef name, ArrayRef<float> values) {
      Value result = createConstant(builder, location(name), tableType, name,
                                    values.slice(first * pairs, tableType.getNumElements()));
      weights.recordComputed(result);
      return result;
    };
    Value cos = constant("rotary.cos", table.cos);
    rotaryConstants.push_back({cos, constant("rotary.sin", table.sin), first});
    known = &rotaryConstants.back();
  }
  return RotaryEmbeddingOp::create(builder, location(step.name), input, known->cos, known->sin, heads,
                                   /*interleaved=*/false)
      .getResult();
}

Error ModelBuilder::buildStep(const TokensStep &step) {
  int64_t patches = rows(), width = columns();
  SmallVector<TokenTensor> before;
  for (const std::optional<TensorName> *name : {&step.classToken, &step.distillation, &step.registers}) {
    if (!*name)
      continue;
    Expected<TokenTensor> tensor = tokenTensor(**name, /*isOne=*/name != &step.registers);
    if (!tensor)
      return tensor.takeError();
    if (tensor->rows == 0)
      continue;
    if (name == &step.classToken)
      others.classToken = others.rows;
    if (name == &step.distillation)
      others.distillation = others.rows;
    others.rows += tensor->rows;
    before.push_back(std::move(*tensor));
  }

  // How many of the tensors the position embedding covers, and their rows.
  size_t covered = before.size();
  int64_t coveredRows = others.rows;
  if (step.sinusoidal) {
    if (width % sinusoidalGranularity(*step.sinusoidal) != 0)
      return makeError("expected a width that {0} divides for the computed position embedding '{1}', found {2}",
                       sinusoidalGranularity(*step.sinusoidal), step.position->name, width);
    if (!coversAllTokens(*step.sinusoidal))
      covered = coveredRows = 0;
  } else if (step.position) {
    std::optional<int64_t> stored = rowsOf(weights.tensor(*step.position).shape, width);
    SmallVector<int64_t> counts = {0}; // rows of the first 0, 1, ... tensors
    for (const TokenTensor &each : before)
      counts.push_back(counts.back() + each.rows);
    auto find = [&](auto fits) { return stored ? llvm::find_if(counts, fits) : counts.end(); };
    auto *found = find([&](int64_t count) { return *stored == patches + count; });
    if (found == counts.end() && step.interpolation)
      found = find([&](int64_t count) { return integerRoot(*stored - count).has_value(); });
    auto totals = llvm::map_range(counts, [&](int64_t count) { return std::to_string(patches + count); });
    if (Error error = weights.checkShape(*step.position, found != counts.end(),
                                         llvm::formatv("[1, {0}, {1}]", llvm::join(totals, " or "), width).str()))
      return error;
    covered = found - counts.begin();
    coveredRows = *found;
  }

  ArrayRef<TokenTensor> all = before;
  if (Error error = insertTokens(0, all.take_front(covered)))
    return error;
  if (step.position) {
    Expected<Value> constant = position(step, coveredRows);
    if (!constant)
      return constant.takeError();
    auto sum = arith::AddFOp::create(builder, location(step.position->name), tokens, *constant);
    tokens = cast<Tokens>(sum.getResult());
  }
  return insertTokens(coveredRows, all.drop_front(covered));
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

/// softmax(x w^T)^T x: attention with the weight w as the only query. A bias is the same for all tokens, so the softmax
/// does not depend on it.
Error ModelBuilder::buildSequencePool(const Layer &layer) {
  if (Error error = weights.checkShape(layer.weight, {1, columns()}))
    return error;
  Expected<Value> query = weights.constant(builder, layer.weight, {1, columns()});
  if (!query)
    return query.takeError();
  if (layer.bias)
    weights.recordFilled(*query, *layer.bias, {1}, 0);
  auto op = AttentionOp::create(builder, location(layer.name), layer.name, *query, tokens, tokens,
                                /*bias=*/Value(), /*heads=*/1, llvm::APFloat(1.0));
  compress(op, record.attentions.lookup(layer.name));
  tokens = op;
  others = {};
  return Error::success();
}

Error ModelBuilder::buildStep(const PoolStep &step) {
  if (step.pool == Pool::sequence)
    return buildSequencePool(*step.weights);
  auto [pool, source] = step.pool == Pool::automatic ? settings.pool : Sourced<Pool>{step.pool, SettingSource::layout};
  if (pool == Pool::automatic) {
    pool = others.classToken && step.meanIf.empty() ? Pool::classToken : Pool::mean;
    source = SettingSource::guess;
  }
  // The second head of a distilled model reads a token that no setting chooses.
  if (pool != Pool::distillation)
    used.add("pool", stringifyPool(pool), source);
  Location loc = location("pool");
  std::optional<int64_t> row = pool == Pool::distillation ? others.distillation : others.classToken;
  int64_t first = step.isOfAll ? 0 : others.rows;
  others = {};
  Tokens one, mean;
  if (pool != Pool::mean) {
    if (!row)
      return pool == Pool::classToken
                 ? makeError("expected a class token to take the result from, found none: use --set pool=mean")
                 : makeError("expected the token that pool '{0}' reads, found none", stringifyPool(pool));
    one = slice(tokens, {*row, 0}, {1, columns()}, loc);
  }
  if (pool == Pool::mean || pool == Pool::classAndMean) {
    Tokens read = first > 0 ? slice(tokens, {first, 0}, {rows() - first, columns()}, loc) : tokens;
    mean = MeanPoolOp::create(builder, loc, read);
  }
  if (one && mean) {
    auto both = tensor::ConcatOp::create(builder, loc, type({1, 2 * columns()}), /*dim=*/1, ValueRange{one, mean});
    one = cast<Tokens>(both.getResult());
  }
  tokens = one ? one : mean;
  return Error::success();
}

} // namespace vitya
