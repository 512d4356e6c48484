// What compression did to a model, with one record for each linear layer and each attention. Passes add their findings;
// the printers turn a report into JSON (--report) or text (`info` of an executable).
#ifndef VITYA_PASSES_REPORT_MODELREPORT_H
#define VITYA_PASSES_REPORT_MODELREPORT_H

#include "dialect/VityaOps.h"
#include "passes/report/CascadeReport.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/JSON.h"
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace vitya {

/// The singular values of a matrix of which the largest `kept` remain.
struct SpectrumReport {
  std::vector<double> values; ///< largest first
  int64_t kept = 0;
  std::optional<double> measuredError; ///< on calibration images, where it was measured

  /// The sum of squares of the values that were dropped.
  double predictedError() const;
  /// The share of the sum of squares that was kept.
  double energyKept() const;
};

/// The outcome of low-rank factorisation for one linear layer.
struct LowRankLayerReport {
  std::optional<int64_t> rank; ///< absent: the layer stays dense
  std::string reason;
  int64_t parameters = 0; ///< elements of its weights after factorisation
  std::optional<SpectrumReport> spectrum;
};

/// The outcome of low-rank factorisation for one of the two matrix products of an attention.
struct HeadWidthReport {
  int64_t fullWidth = 0;                  ///< of a head before
  std::optional<SpectrumReport> spectrum; ///< absent: the heads keep their width
};

/// The outcome of low-rank factorisation for one attention. Spectra are root mean squares over the heads.
struct LowRankAttentionReport {
  HeadWidthReport queryKey, valueOutput;
  std::optional<double> measuredError; ///< of the output layer
};

/// How an operand is quantized.
struct OperandReport {
  std::optional<double> scale;
  std::optional<int64_t> zeroPoint;
  std::optional<Granularity> granularity; ///< of a scale that is found at run time
  ObservedRangeAttr range;                ///< from calibration; null if there was none
};

/// How one op of a linear layer is quantized: the layer itself, one of its factors, or a part of a fused layer.
struct LinearOpReport {
  std::string name;
  LayerFormat format = LayerFormat::f32();
  std::string reason;
  std::optional<OperandReport> input; ///< absent: the op is f32
  std::vector<double> weightScales;
  ShortSumsAttr shortSums;           ///< null: not proven
  std::optional<double> weightNoise; ///< relative mean squared error; absent: the f32 weight is not known
  std::optional<double> outputNoise; ///< mean squared error relative to the variance; absent: not measured
};

/// A linear layer of the trained model.
struct LinearReport {
  std::string name;
  int64_t in = 0, out = 0;
  std::optional<int64_t> rank; ///< absent: dense
  LayerFormat format = LayerFormat::f32();
  std::string reason;
  ShortSumsAttr shortSums;  ///< of the op with the smallest group; null: not proven
  int64_t multiplyAdds = 0; ///< of one inference
  std::optional<LowRankLayerReport> lowRank;
  std::vector<LinearOpReport> ops; ///< in program order
};

/// How an attention is quantized.
struct QuantizedAttentionReport {
  OperandReport query, key, value, weights;
};

/// An attention of the trained model.
struct AttentionReport {
  std::string name;
  int64_t heads = 0;
  LayerFormat scores = LayerFormat::f32(); ///< the format of the product of queries and keys
  LayerFormat values = LayerFormat::f32(); ///< the format of the product of weights and values
  std::string reason;                      ///< why it has these formats
  int64_t multiplyAdds = 0;                ///< of one inference
  std::optional<LowRankAttentionReport> lowRank;
  std::optional<QuantizedAttentionReport> quantized;
  std::optional<double> outputNoise; ///< as for linear layers
};

/// Totals of vitya-low-rank.
struct LowRankSummary {
  std::string method;
  std::string fingerprint; ///< of the model before
  int64_t parametersBefore = 0, parametersAfter = 0;
};

/// One trial of the search for options that keep to a bound.
struct TrialReport {
  std::string stage;                 ///< the flag that is being searched, with its value
  std::string budget;                ///< of low rank, such as "keep=0.25"; empty without it
  std::vector<std::string> restored; ///< layers that the search keeps in f32
  double divergence = 0;             ///< mean KL divergence from the f32 predictions, in nats
  double drop = 0;                   ///< loss of accuracy, in percentage points
  bool holds = false;
};

/// A bound on what compression may change, and the trials that led to options that keep to it.
struct BoundReport {
  int64_t images = 0;
  std::optional<double> maxKl, maxDrop;
  std::vector<TrialReport> trials;
};

/// The divergence that quantizing one layer alone causes.
struct SensitivityReport {
  std::string layer;
  double divergence = 0;
};

/// How one matrix is stored, chosen for bounds on cost and loss.
struct ChosenMatrixReport {
  std::string name, part;      ///< of the layer or attention; which of its matrices
  std::optional<int64_t> rank; ///< of factors, or the width of heads; absent: dense
  int64_t bits = 32;           ///< 32: f32
  double predictedDivergence = 0;
  int64_t bytes = 0;                  ///< of the weights
  std::optional<double> milliseconds; ///< of one image, where time is bounded
};

/// One trial of a choice for bounds on cost and loss.
struct ChoiceTrialReport {
  int64_t bytes = 0;                      ///< of all weights
  std::optional<double> milliseconds;     ///< of one image, where time is bounded
  double predictedDivergence = 0;         ///< in nats
  std::optional<double> divergence, drop; ///< measured on held-out images; the drop in percentage points
  bool holds = false;
};

/// The choice of ranks and bits for bounds on cost and loss.
struct ChoiceReport {
  std::optional<double> maxBytes, maxMilliseconds, maxKl, maxDrop;
  int64_t images = 0;                             ///< held-out ones; 0: none
  std::string lowRank, quantize;                  ///< the choice as options of compression
  double natsPerByte = 0, natsPerMillisecond = 0; ///< the Lagrange multipliers
  std::vector<ChosenMatrixReport> matrices;
  std::vector<ChoiceTrialReport> trials;
};

struct ModelReport {
  std::vector<LinearReport> linears;             ///< in program order, once described
  std::vector<AttentionReport> attentions;       ///< in program order, once described
  int64_t parameters = 0;                        ///< elements of all constants
  int64_t multiplyAdds = 0;                      ///< of one inference, in linear layers and attention
  int64_t integerMultiplyAdds = 0;               ///< those of them between integers
  int64_t bf16MultiplyAdds = 0;                  ///< those of them between bf16
  std::array<int64_t, 4> shortSumMultiplyAdds{}; ///< those between integers in short sums of 1, 2, 4 and 8 blocks
  std::optional<LowRankSummary> lowRank;
  std::optional<BoundReport> bound;
  std::optional<ChoiceReport> choice;
  std::optional<std::vector<SensitivityReport>> sensitivities; ///< the most sensitive layer first
  std::optional<CascadeReport> cascade;

  /// The record of this name, which is appended if there is none.
  LinearReport &linear(llvm::StringRef name);
  AttentionReport &attention(llvm::StringRef name);
};

/// Describes `module`, whose layers are still ops of the vitya dialect, from its ops, types and attributes. What passes
/// have added to `report` under the names of its layers stays.
void describeModel(mlir::ModuleOp module, ModelReport &report);

/// Reads back, in any later phase, the records and totals that vitya-describe-model attached to `module`. The error
/// names the attribute that is missing.
llvm::Expected<ModelReport> readDescription(mlir::ModuleOp module);

/// Prints the outcome of vitya-low-rank, quantization if `withQuantization`, the bound, the choice, the
/// sensitivities and the cascade, as one JSON object. See docs/low-rank.md and docs/quantization.md.
void printJson(const ModelReport &report, bool withQuantization, llvm::raw_ostream &os);

/// Prints the members "linears" and "attentions" that `info --json` shows.
void printLayers(const ModelReport &report, llvm::json::OStream &os);

/// Prints the tables of linear layers and attentions that `info` shows.
void printTables(const ModelReport &report, llvm::raw_ostream &os);

} // namespace vitya

#endif // VITYA_PASSES_REPORT_MODELREPORT_H
