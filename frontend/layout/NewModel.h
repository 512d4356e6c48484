// Makes the tensors of a model that is to be trained.
#ifndef VITYA_FRONTEND_LAYOUT_NEWMODEL_H
#define VITYA_FRONTEND_LAYOUT_NEWMODEL_H

#include "frontend/checkpoint/CheckpointWriter.h"
#include "frontend/layout/Layout.h"

namespace vitya {

/// The sizes and the initialisation of a new model. What a layout has no use for must not be given.
struct NewModelOptions {
  int64_t image = 32; ///< height and width
  int64_t channels = 3;
  std::optional<int64_t> patch; ///< height and width; 4 by default, in a layout that does not begin with a convolution
  int64_t width = 192;          ///< of the tokens
  int64_t depth = 9;            ///< repetitions of each `repeat` step without convolutions
  int64_t heads = 3;
  std::optional<int64_t> hidden; ///< width between the layers of an MLP; 4 * width by default
  int64_t classes = 10;
  int64_t registers = 0;
  /// The output channels of the convolutions of a layout, in their order. A `repeat` step with convolutions is repeated
  /// until all are used.
  std::vector<int64_t> stem;

  /// Names of optional tensors that the model has besides, or in spite of, those that the layout gives to new models.
  std::vector<std::string> with, without;

  /// The standard deviation of the position embedding, the class token, the distillation token and the registers.
  double positionStd = 0.02;
  std::optional<double> layerScale;   ///< the value of every LayerScale; 1e-5 by default
  bool nearIdentityAttention = false; ///< see frontend/layout/InitialValues.h
};

/// Returns the tensors of an untrained model of `layout`, in the order of its steps. If the layout has several lists of
/// names, the first is used. Equal arguments give equal bits.
///
/// | tensor | value |
/// |---|---|
/// | matrices of linear layers | truncated normal, standard deviation 0.02, as in BERT and DeiT (arXiv 2012.12877) |
/// | the first layer after the patches | truncated normal, variance 1 / (pixels of a patch), as torchvision's ViT and
///   LeCun et al. (1998) |
/// | convolutions of a stem | truncated normal, variance 2 / (inputs of a sum), for ReLU (He et al., arXiv 1502.01852),
///   as in CCT |
/// | position embedding, tokens | truncated normal, standard deviation `positionStd` |
/// | norms | 1 and 0 |
/// | LayerScale | `layerScale`, CaiT (arXiv 2103.17239) |
/// | biases | 0 |
///
/// The batch norm of a convolution is left out, as from a file into which it has been folded: the convolution has a
/// bias instead.
llvm::Expected<std::vector<TensorToWrite>> createModel(const Layout &layout, const NewModelOptions &options,
                                                       uint64_t seed);

} // namespace vitya

#endif // VITYA_FRONTEND_LAYOUT_NEWMODEL_H
