// Fills a report from the ops of a model, and reads the part of it that vitya-describe-model attached to the module.
#include "passes/report/ModelReport.h"
#include "dialect/support/Errors.h"

using namespace mlir;

namespace vitya {

double SpectrumReport::predictedError() const {
  double lost = 0;
  for (double value : llvm::drop_begin(values, kept))
    lost += value * value;
  return lost;
}

double SpectrumReport::energyKept() const {
  double total = 0;
  for (double value : values)
    total += value * value;
  return total > 0 ? 1 - predictedError() / total : 1;
}

template <typename Record>
static Record &findOrAppend(std::vector<Record> &records, StringRef name) {
  auto found = llvm::find_if(records, [&](const Record &record) { return record.name == name; });
  if (found != records.end())
    return *found;
  records.emplace_back().name = name.str();
  return records.back();
}

LinearReport &ModelReport::linear(StringRef name) { return findOrAppend(linears, name); }
AttentionReport &ModelReport::attention(StringRef name) { return findOrAppend(attentions, name); }

namespace {

/// The range that quantization took for operand `index` of `op`; null if calibration proposed none or several.
ObservedRangeAttr rangeOf(Operation *op, size_t index) {
  auto operands = getDiscardable<VityaDialect::RangesAttrHelper>(op);
  if (!operands)
    return {};
  auto ranges = cast<ArrayAttr>(operands[index]);
  return ranges.size() == 1 ? cast<ObservedRangeAttr>(ranges[0]) : ObservedRangeAttr();
}

/// An operand of quantized type `type` and its range from calibration, which may be null.
OperandReport describe(Type type, ObservedRangeAttr range) {
  OperandReport result;
  result.range = range;
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(getElementTypeOrSelf(type))) {
    result.scale = uniform.getScale();
    result.zeroPoint = uniform.getZeroPoint();
  }
  return result;
}

LinearOpReport describe(LinearOp op, const LinearReport &layer) {
  LinearOpReport result;
  result.name = op.getLayer().str();
  result.format = op.getFormat();
  result.reason = layer.reason;
  if (!op.isQuantized())
    return result;
  result.input = describe(op.getInput().getType(), rangeOf(op, 0));
  if (op.getParams())
    if (auto params = op.getParams().getDefiningOp<ChooseQParamsOp>())
      result.input->granularity = params.getGranularity();
  result.shortSums = getDiscardable<VityaDialect::ShortSumsAttrHelper>(op);
  Type weight = op.getWeight().getType().getElementType();
  if (auto uniform = dyn_cast<quant::UniformQuantizedType>(weight))
    result.weightScales.push_back(uniform.getScale());
  if (auto perAxis = dyn_cast<quant::UniformQuantizedPerAxisType>(weight))
    llvm::append_range(result.weightScales, perAxis.getScales());
  if (Operation *cast = op.getWeight().getDefiningOp())
    if (auto noise = getDiscardable<VityaDialect::NoiseAttrHelper>(cast))
      result.weightNoise = noise.getValueAsDouble();
  return result;
}

QuantizedAttentionReport describe(AttentionOp op) {
  return {describe(op.getQuery().getType(), rangeOf(op, 0)), describe(op.getKey().getType(), rangeOf(op, 1)),
          describe(op.getValue().getType(), rangeOf(op, 2)), describe(*op.getWeights(), {})};
}

/// Builds the records of a module in program order.
struct Description {
  ModelReport report;
  llvm::DenseMap<Attribute, size_t> byInfo; ///< the ops of one layer carry the same record

  void add(LinearOp op) {
    LinearInfoAttr info = op.getInfoAttr();
    auto [place, isNew] = info ? byInfo.try_emplace(info, report.linears.size()) : std::pair(byInfo.end(), true);
    size_t index = info ? place->second : report.linears.size();
    if (isNew)
      report.linears.push_back(recordOf(op, info));
    LinearReport &record = report.linears[index];
    record.multiplyAdds += op.getMultiplyAdds();
    record.ops.push_back(describe(op, record));
    if (ShortSumsAttr sums = record.ops.back().shortSums) {
      if (!record.shortSums || sums.getGroup() < record.shortSums.getGroup() ||
          (sums.getGroup() == record.shortSums.getGroup() && sums.getLargest() > record.shortSums.getLargest()))
        record.shortSums = sums;
      if (sums.getGroup() > 0)
        report.shortSumMultiplyAdds[llvm::Log2_64(sums.getGroup())] += op.getMultiplyAdds();
    }
  }

  void add(AttentionOp op) {
    AttentionReport &record = report.attentions.emplace_back();
    record.name = op.getLayer().str();
    record.heads = op.getHeads();
    auto info = getDiscardable<VityaDialect::AttentionInfoAttrHelper>(op);
    record.scores = info ? info.getScores() : op.getFormat();
    record.values = info ? info.getValues() : op.getFormat();
    record.reason = info ? info.getReason().str() : kNotCompressed.str();
    record.multiplyAdds = op.getMultiplyAdds();
    if (op.isQuantized())
      record.quantized = describe(op);
  }

  void count(LayerOpInterface layer) {
    report.multiplyAdds += layer.getMultiplyAdds();
    report.integerMultiplyAdds += layer.isQuantized() ? layer.getMultiplyAdds() : 0;
    report.bf16MultiplyAdds += layer.getFormat().isBf16() ? layer.getMultiplyAdds() : 0;
  }

private:
  static LinearReport recordOf(LinearOp op, LinearInfoAttr info) {
    LinearReport record;
    ArrayRef<int64_t> weight = op.getWeight().getType().getShape();
    record.name = (info ? info.getName() : op.getLayer()).str();
    record.in = info ? info.getIn() : weight[1];
    record.out = info ? info.getOut() : weight[0];
    record.rank = info ? info.getRank() : std::nullopt;
    record.format = info ? info.getFormat() : op.getFormat();
    record.reason = info ? info.getReason().str() : kNotCompressed.str();
    return record;
  }
};

/// Moves what passes added to `before` into the records of the same names in `after`. Records of layers that are no
/// longer in the module stay, at the end.
template <typename Record>
void keepFindings(std::vector<Record> &before, std::vector<Record> &after) {
  for (Record &record : before)
    if (record.lowRank)
      findOrAppend(after, record.name).lowRank = std::move(record.lowRank);
}

} // namespace

void describeModel(ModuleOp module, ModelReport &report) {
  Description description;
  module.walk([&](Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op))
      description.add(linear);
    if (auto attention = dyn_cast<AttentionOp>(op))
      description.add(attention);
    if (auto layer = dyn_cast<LayerOpInterface>(op))
      description.count(layer);
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      if (auto type = dyn_cast<ShapedType>(constant.getType()))
        description.report.parameters += type.getNumElements();
  });
  keepFindings(report.linears, description.report.linears);
  keepFindings(report.attentions, description.report.attentions);
  report.linears = std::move(description.report.linears);
  report.attentions = std::move(description.report.attentions);
  report.parameters = description.report.parameters;
  report.multiplyAdds = description.report.multiplyAdds;
  report.integerMultiplyAdds = description.report.integerMultiplyAdds;
  report.bf16MultiplyAdds = description.report.bf16MultiplyAdds;
  report.shortSumMultiplyAdds = description.report.shortSumMultiplyAdds;
}

llvm::Expected<ModelReport> readDescription(ModuleOp module) {
  auto missing = [](StringRef name) {
    return makeError("expected a module with attribute '" + name +
                     "', found none: was it made by an earlier phase of this compiler?");
  };
  ModelReport report;
  auto linears = getDiscardable<VityaDialect::LinearsAttrHelper>(module);
  if (!linears)
    return missing(VityaDialect::LinearsAttrHelper::getNameStr());
  for (auto info : linears.getAsRange<LinearInfoAttr>()) {
    LinearReport &record = report.linears.emplace_back();
    record.name = info.getName().str();
    record.in = info.getIn();
    record.out = info.getOut();
    record.rank = info.getRank();
    record.format = info.getFormat();
    record.reason = info.getReason().str();
    record.shortSums = info.getShortSums();
  }
  if (auto attentions = getDiscardable<VityaDialect::AttentionsAttrHelper>(module))
    for (auto info : attentions.getAsRange<AttentionInfoAttr>()) {
      AttentionReport &record = report.attentions.emplace_back();
      record.name = info.getName().str();
      record.heads = info.getHeads();
      record.scores = info.getScores();
      record.values = info.getValues();
      record.reason = info.getReason().str();
    }
  for (auto [name, total] :
       {std::pair(StringRef(VityaDialect::ParametersAttrHelper::getNameStr()), &report.parameters),
        std::pair(StringRef(VityaDialect::MultiplyAddsAttrHelper::getNameStr()), &report.multiplyAdds)}) {
    auto value = module->getAttrOfType<IntegerAttr>(name);
    if (!value)
      return missing(name);
    *total = value.getInt();
  }
  // Absent if there are none.
  if (auto integers = getDiscardable<VityaDialect::IntegerMultiplyAddsAttrHelper>(module))
    report.integerMultiplyAdds = integers.getInt();
  if (auto count = getDiscardable<VityaDialect::Bf16MultiplyAddsAttrHelper>(module))
    report.bf16MultiplyAdds = count.getInt();
  if (auto sums = getDiscardable<VityaDialect::ShortSumMultiplyAddsAttrHelper>(module))
    llvm::copy(sums.asArrayRef(), report.shortSumMultiplyAdds.begin());
  return report;
}

} // namespace vitya
