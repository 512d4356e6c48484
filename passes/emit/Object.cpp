// Translates each level to LLVM IR, the models of a cascade one by one, adds descriptors, optimizes, joins the levels
// and generates code. The weights are never an LLVM constant: the descriptors refer to sections of zeros, which are
// overwritten with the weights when the object is complete.
#include "passes/emit/Object.h"
#include "dialect/Constants.h"
#include "dialect/support/Errors.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "passes/emit/ModelInfo.h"
#include "passes/lower/Kernel.h"
#include "runtime/Abi.h"
#include "runtime/model/Weights.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"

using namespace llvm;

namespace vitya {
namespace {

constexpr StringLiteral kForward = "vitya_forward", kDescriptor = "vitya_model_descriptor";

/// Packed weights, which levels may share: their name in the object, their bytes, and where their header is in a
/// weights file.
struct Weights {
  std::string name;
  StringRef bytes;
  int64_t fileOffset;
};

/// A level of a model, or one of the two models of a level of a cascade.
struct Part {
  mlir::ModuleOp module;
  const Target &target;
  const ModelInfo &info;
  std::string suffix; ///< of its symbols
  bool isDense;       ///< whether it is the dense model of a cascade

  /// The suffix of the dense model that follows this one.
  std::string denseSuffix() const { return suffix + ".dense"; }
};

/// The parts of `levels`. If there are several levels, the names of their symbols end with that of the processor.
std::vector<Part> partsOf(ArrayRef<Level> levels, ArrayRef<ModelInfo> infos) {
  std::vector<Part> parts;
  for (auto [level, info] : zip_equal(levels, infos)) {
    SmallVector<mlir::ModuleOp, 2> models = modelsOf(level.module);
    parts.push_back({models.front(), level.target, info, levels.size() > 1 ? "." + info.cpu : "", /*isDense=*/false});
    if (info.dense)
      parts.push_back({models.back(), level.target, *info.dense, parts.back().denseSuffix(), /*isDense=*/true});
  }
  return parts;
}

/// The weights of all parts, by digest.
struct WeightsTable {
  MapVector<StringRef, Weights> entries;
  int64_t fileBytes = 0;

  explicit WeightsTable(ArrayRef<Part> parts) {
    for (const Part &part : parts) {
      ArrayRef<char> bytes = rawBytes(getDiscardable<VityaDialect::WeightsAttrHelper>(part.module));
      Weights weights{"vitya_weights." + part.info.weightsDigest, StringRef(bytes.data(), bytes.size()), fileBytes};
      if (entries.insert({part.info.weightsDigest, std::move(weights)}).second)
        fileBytes += sizeof(WeightsHeader) + part.info.weightBytes;
    }
  }
};

std::string sectionOf(const Weights &weights) { return ".rodata." + weights.name; }

/// The descriptions of `levels`. `options` are the compiler's options that shaped the code.
Expected<std::vector<ModelInfo>> readInfos(ArrayRef<Level> levels, StringRef options) {
  std::vector<ModelInfo> infos;
  for (const Level &level : levels) {
    Expected<ModelInfo> info = readModelInfo(level.module, level.target.cpu(), options);
    if (!info)
      return info.takeError();
    infos.push_back(std::move(*info));
    for (const Level &other : levels)
      infos.back().levels.push_back(other.target.cpu().str());
  }
  return infos;
}

/// Adds the descriptor of a part, with the fields of runtime/Abi.h in order. `weightsFile` is empty if the weights are
/// in the object.
void addDescriptor(Module &module, const Part &part, const WeightsTable &weightsTable, StringRef weightsFile) {
  const ModelInfo &info = part.info;
  LLVMContext &context = module.getContext();
  IRBuilder<> builder(context);
  Type *i64 = builder.getInt64Ty(), *pointer = builder.getPtrTy();
  auto number = [&](int64_t value) -> Constant * { return builder.getInt64(value); };
  auto text = [&](StringRef value) -> Constant * {
    return builder.CreateGlobalString(value, "", /*AddressSpace=*/0, &module);
  };
  auto array = [&](Type *element, ArrayRef<Constant *> elements) -> Constant * {
    auto *type = ArrayType::get(element, elements.size());
    return new GlobalVariable(module, type, /*isConstant=*/true, GlobalValue::PrivateLinkage,
                              ConstantArray::get(type, elements));
  };
  auto strings = [&](ArrayRef<std::string> values) -> Constant * {
    SmallVector<Constant *> elements;
    for (StringRef value : values)
      elements.push_back(text(value));
    return array(pointer, elements);
  };
  Constant *null = ConstantPointerNull::get(builder.getPtrTy()), *weights = null;
  auto *kernelType = StructType::create(context, {pointer, pointer, i64, i64, i64}, "vitya_kernel");
  SmallVector<Constant *> kernels;
  for (const auto &[function, work] : info.kernels)
    kernels.push_back(ConstantStruct::get(kernelType, {text(work.getKernel()), module.getFunction(function),
                                                       number(static_cast<int64_t>(work.getProducts())),
                                                       number(work.getMultiplyAdds()), number(work.getBytes())}));
  const Weights &packed = weightsTable.entries.find(info.weightsDigest)->second;
  if (weightsFile.empty())
    weights = module.getOrInsertGlobal(packed.name, ArrayType::get(builder.getInt8Ty(), info.weightBytes));

  SmallVector<Constant *> sums;
  for (int64_t count : info.report.shortSumMultiplyAdds)
    sums.push_back(number(count));
  auto [height, width] = info.preprocessing.resizedSize(info.image);
  // The fields of vitya_cascade.
  Constant *cascade = null;
  if (const std::optional<CascadeReport> &report = info.report.cascade; report && info.dense) {
    Constant *dense = module.getOrInsertGlobal(kDescriptor.str() + part.denseSuffix(), pointer);
    Constant *values[] = {dense, ConstantFP::get(builder.getDoubleTy(), report->margin), number(report->images),
                          number(report->deferred)};
    auto *type = StructType::create(context, {pointer, builder.getDoubleTy(), i64, i64}, "vitya_cascade");
    cascade = new GlobalVariable(module, type, /*isConstant=*/true, GlobalValue::PrivateLinkage,
                                 ConstantStruct::get(type, values));
  }
  // The fields of vitya_preprocessing.
  Constant *pictures[] = {number(static_cast<int64_t>(info.preprocessing.getFilter())),
                          number(info.preprocessing.getAntialias()), number(height), number(width),
                          number(static_cast<int64_t>(info.preprocessing.getCrop()))};
  Constant *preprocessing = ConstantArray::get(ArrayType::get(i64, std::size(pictures)), pictures);
  Constant *fields[] = {number(VITYA_ABI_VERSION),
                        number(info.image[0]),
                        number(info.image[1]),
                        number(info.image[2]),
                        preprocessing,
                        number(info.classes.size()),
                        number(info.weightBytes),
                        number(info.workspaceBytes),
                        number(info.layers.size()),
                        number(info.report.multiplyAdds),
                        number(info.report.integerMultiplyAdds),
                        number(info.report.bf16MultiplyAdds),
                        ConstantArray::get(ArrayType::get(i64, sums.size()), sums),
                        text(info.name),
                        text(info.cpu),
                        text(part.target.requiredFeatures),
                        text(info.text()),
                        text(info.json()),
                        strings(info.classes),
                        strings(info.layers),
                        number(kernels.size()),
                        array(kernelType, kernels),
                        weightsFile.empty() ? null : text(weightsFile),
                        weightsFile.empty() ? null : text(info.weightsDigest),
                        number(packed.fileOffset),
                        number(weightsTable.fileBytes),
                        weights,
                        cascade,
                        module.getFunction(kForward)};
  SmallVector<Type *> types;
  for (Constant *field : fields)
    types.push_back(field->getType());
  auto *type = StructType::create(context, types, "vitya_model");
  new GlobalVariable(module, type, true, GlobalValue::ExternalLinkage, ConstantStruct::get(type, fields), kDescriptor);
}

/// Translates `part` to LLVM IR with a descriptor, and optimizes it for its target.
Expected<std::unique_ptr<Module>> translate(const Part &part, const WeightsTable &weights, StringRef weightsFile,
                                            LLVMContext &context) {
  const Target &target = part.target;
  mlir::registerBuiltinDialectTranslation(*part.module->getContext());
  mlir::registerLLVMDialectTranslation(*part.module->getContext());
  std::unique_ptr<Module> translated = mlir::translateModuleToLLVMIR(part.module, context);
  if (!translated)
    return makeError("expected a module that can be translated to LLVM IR");
  translated->setTargetTriple(target.machine->getTargetTriple());
  translated->setDataLayout(target.machine->createDataLayout());
  for (Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    if (function.getName() != kForward)
      function.setLinkage(GlobalValue::InternalLinkage);
    function.addFnAttr("target-cpu", target.machine->getTargetCPU());
    function.addFnAttr("target-features", target.machine->getTargetFeatureString());
    function.addFnAttr("prefer-vector-width", "512");
  }
  if (!translated->getFunction(kForward))
    return makeError("expected a function @" + kForward + ", found none");
  addDescriptor(*translated, part, weights, weightsFile);

  PassBuilder builder(target.machine.get());
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(*translated, modules);
  return translated;
}

/// Adds sections of zeros for `weights`.
void addWeights(Module &module, const WeightsTable &weights) {
  for (const auto &[digest, packed] : weights.entries) {
    auto *type = ArrayType::get(Type::getInt8Ty(module.getContext()), packed.bytes.size());
    auto *global = new GlobalVariable(module, type, true, GlobalValue::ExternalLinkage,
                                      ConstantAggregateZero::get(type), packed.name);
    global->setVisibility(GlobalValue::HiddenVisibility);
    global->setAlignment(Align(64));
    global->setSection(sectionOf(packed));
  }
}

/// Adds `vitya_levels`, the descriptors of the levels and a null pointer.
void addLevels(Module &module, ArrayRef<Constant *> descriptors) {
  SmallVector<Constant *> elements(descriptors);
  auto *pointer = PointerType::getUnqual(module.getContext());
  elements.push_back(ConstantPointerNull::get(pointer));
  auto *type = ArrayType::get(pointer, elements.size());
  new GlobalVariable(module, type, true, GlobalValue::ExternalLinkage, ConstantArray::get(type, elements),
                     "vitya_levels");
}

/// Joins the code of all parts.
Expected<std::unique_ptr<Module>> join(ArrayRef<Part> parts, const WeightsTable &weights, StringRef weightsFile,
                                       LLVMContext &context) {
  const TargetMachine &machine = *parts.front().target.machine;
  auto whole = std::make_unique<Module>("model", context);
  whole->setTargetTriple(machine.getTargetTriple());
  whole->setDataLayout(machine.createDataLayout());
  if (weightsFile.empty())
    addWeights(*whole, weights);
  SmallVector<std::string> names;
  for (const Part &part : parts) {
    Expected<std::unique_ptr<Module>> translated = translate(part, weights, weightsFile, context);
    if (!translated)
      return translated.takeError();
    for (GlobalObject &object : (*translated)->global_objects())
      if (!object.isDeclaration() && !object.hasPrivateLinkage())
        object.setName(object.getName() + part.suffix);
    if (!part.isDense)
      names.push_back(kDescriptor.str() + part.suffix);
    if (Linker::linkModules(*whole, std::move(*translated)))
      return makeError("expected levels that can be linked, found one that cannot: " + part.info.cpu);
  }
  addLevels(*whole, map_to_vector(names, [&](StringRef name) -> Constant * { return whole->getNamedGlobal(name); }));
  return whole;
}

/// Overwrites the contents of section `name` of the object file `code` with `contents`, which has the same size.
Error fillSection(SmallVectorImpl<char> &code, StringRef name, StringRef contents) {
  Expected<std::unique_ptr<object::ObjectFile>> object =
      object::ObjectFile::createObjectFile(MemoryBufferRef(StringRef(code.data(), code.size()), "model.o"));
  if (!object)
    return object.takeError();
  for (const object::SectionRef &section : (*object)->sections()) {
    Expected<StringRef> found = section.getName();
    if (!found)
      return found.takeError();
    if (*found != name)
      continue;
    Expected<StringRef> zeros = section.getContents();
    if (!zeros)
      return zeros.takeError();
    if (zeros->size() != contents.size())
      return makeError("expected section " + name + " to have " + Twine(contents.size()) + " bytes, found " +
                       Twine(zeros->size()));
    llvm::copy(contents, code.begin() + (zeros->data() - code.data()));
    return Error::success();
  }
  return makeError("expected a section " + name + ", found none");
}

/// Generates the bytes of a file of `type`. Each function has the processor of its level as an attribute.
Expected<SmallVector<char, 0>> generate(ArrayRef<Level> levels, const EmitOptions &options, CodeGenFileType type) {
  Expected<std::vector<ModelInfo>> infos = readInfos(levels, options.commandLine);
  if (!infos)
    return infos.takeError();
  std::vector<Part> parts = partsOf(levels, *infos);
  WeightsTable weights(parts);
  LLVMContext context;
  Expected<std::unique_ptr<Module>> whole = join(parts, weights, options.weightsFile, context);
  if (!whole)
    return whole.takeError();
  SmallVector<char, 0> bytes;
  bool isObject = type == CodeGenFileType::ObjectFile;
  // Growing the vector by doubling would need three times the memory of the weights.
  if (isObject && options.weightsFile.empty())
    bytes.reserve(weights.fileBytes + (parts.size() << 20));
  raw_svector_ostream os(bytes);
  legacy::PassManager passes;
  if (levels.front().target.machine->addPassesToEmitFile(passes, os, nullptr, type))
    return makeError("expected a target that supports this file type");
  passes.run(**whole);
  if (isObject && options.weightsFile.empty())
    for (const auto &[digest, packed] : weights.entries)
      if (Error error = fillSection(bytes, sectionOf(packed), packed.bytes))
        return std::move(error);
  return bytes;
}

} // namespace

Error emitAssembly(ArrayRef<Level> levels, const EmitOptions &options, raw_ostream &os) {
  Expected<SmallVector<char, 0>> text = generate(levels, options, CodeGenFileType::AssemblyFile);
  if (!text)
    return text.takeError();
  os << *text;
  return Error::success();
}

Error emitObject(ArrayRef<Level> levels, const EmitOptions &options, raw_ostream &os) {
  Expected<SmallVector<char, 0>> code = generate(levels, options, CodeGenFileType::ObjectFile);
  if (!code)
    return code.takeError();
  os << *code;
  return Error::success();
}

Error emitWeights(ArrayRef<Level> levels, raw_ostream &os) {
  Expected<std::vector<ModelInfo>> infos = readInfos(levels, "");
  if (!infos)
    return infos.takeError();
  for (const auto &[digest, weights] : WeightsTable(partsOf(levels, *infos)).entries) {
    WeightsHeader header{};
    llvm::copy(StringRef(kWeightsMagic), header.magic);
    header.bytes = weights.bytes.size();
    llvm::copy(digest, header.digest);
    os.write(reinterpret_cast<const char *>(&header), sizeof(header));
    os << weights.bytes;
  }
  return Error::success();
}

} // namespace vitya
