// Translates to LLVM IR, adds the descriptor, optimizes and generates code. The weights are never an LLVM constant: the
// code refers to a section of zeros, which is overwritten with the weights when the object is complete.
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
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"

using namespace llvm;

namespace vitya {
namespace {

constexpr StringLiteral kWeightsSection = ".rodata.vitya_weights";

/// Adds `vitya_model_descriptor`, with the fields of runtime/Abi.h in order.
void addDescriptor(Module &module, const ModelInfo &info, StringRef requiredFeatures, StringRef weightsFile) {
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
  if (weightsFile.empty()) {
    auto *bytes = ArrayType::get(builder.getInt8Ty(), info.weightBytes);
    auto *global = new GlobalVariable(module, bytes, true, GlobalValue::InternalLinkage,
                                      ConstantAggregateZero::get(bytes), "vitya_weights");
    global->setAlignment(Align(64));
    global->setSection(kWeightsSection);
    weights = global;
  }

  SmallVector<Constant *> sums;
  for (int64_t count : info.report.shortSumMultiplyAdds)
    sums.push_back(number(count));
  auto [height, width] = info.preprocessing.resizedSize(info.image);
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
                        ConstantArray::get(ArrayType::get(i64, sums.size()), sums),
                        text(info.name),
                        text(info.cpu),
                        text(requiredFeatures),
                        text(info.text()),
                        text(info.json()),
                        strings(info.classes),
                        strings(info.layers),
                        number(kernels.size()),
                        array(kernelType, kernels),
                        weightsFile.empty() ? null : text(weightsFile),
                        weightsFile.empty() ? null : text(info.weightsDigest),
                        weights,
                        module.getFunction("vitya_forward")};
  SmallVector<Type *> types;
  for (Constant *field : fields)
    types.push_back(field->getType());
  auto *type = StructType::create(context, types, "vitya_model");
  new GlobalVariable(module, type, true, GlobalValue::ExternalLinkage, ConstantStruct::get(type, fields),
                     "vitya_model_descriptor");
}

/// Translates `module` to LLVM IR with a descriptor, and optimizes it for `target`.
Expected<std::unique_ptr<Module>> translate(mlir::ModuleOp module, const Target &target, const ModelInfo &info,
                                            StringRef weightsFile, LLVMContext &context) {
  mlir::registerBuiltinDialectTranslation(*module->getContext());
  mlir::registerLLVMDialectTranslation(*module->getContext());
  std::unique_ptr<Module> translated = mlir::translateModuleToLLVMIR(module, context);
  if (!translated)
    return makeError("expected a module that can be translated to LLVM IR");
  translated->setTargetTriple(target.machine->getTargetTriple());
  translated->setDataLayout(target.machine->createDataLayout());
  for (Function &function : *translated) {
    if (function.isDeclaration())
      continue;
    if (function.getName() != "vitya_forward")
      function.setLinkage(GlobalValue::InternalLinkage);
    function.addFnAttr("target-cpu", target.machine->getTargetCPU());
    function.addFnAttr("target-features", target.machine->getTargetFeatureString());
    function.addFnAttr("prefer-vector-width", "512");
  }
  if (!translated->getFunction("vitya_forward"))
    return makeError("expected a function @vitya_forward, found none");
  addDescriptor(*translated, info, target.requiredFeatures, weightsFile);

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

/// Generates the bytes of a file of `type`.
Expected<SmallVector<char, 0>> generate(mlir::ModuleOp module, const Target &target, const EmitOptions &options,
                                        CodeGenFileType type) {
  Expected<ModelInfo> info = readModelInfo(module, target.cpu(), options.commandLine);
  if (!info)
    return info.takeError();
  LLVMContext context;
  Expected<std::unique_ptr<Module>> translated = translate(module, target, *info, options.weightsFile, context);
  if (!translated)
    return translated.takeError();
  SmallVector<char, 0> bytes;
  // Growing the vector by doubling would need three times the memory of the weights.
  if (type == CodeGenFileType::ObjectFile && options.weightsFile.empty())
    bytes.reserve(info->weightBytes + (1 << 20));
  raw_svector_ostream os(bytes);
  legacy::PassManager passes;
  if (target.machine->addPassesToEmitFile(passes, os, nullptr, type))
    return makeError("expected a target that supports this file type");
  passes.run(**translated);
  return bytes;
}

StringRef weightBytes(mlir::ModuleOp module) {
  ArrayRef<char> bytes = rawBytes(getDiscardable<VityaDialect::WeightsAttrHelper>(module));
  return StringRef(bytes.data(), bytes.size());
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

} // namespace

Error emitAssembly(mlir::ModuleOp module, const Target &target, const EmitOptions &options, raw_ostream &os) {
  Expected<SmallVector<char, 0>> text = generate(module, target, options, CodeGenFileType::AssemblyFile);
  if (!text)
    return text.takeError();
  os << *text;
  return Error::success();
}

Error emitObject(mlir::ModuleOp module, const Target &target, const EmitOptions &options, raw_ostream &os) {
  Expected<SmallVector<char, 0>> code = generate(module, target, options, CodeGenFileType::ObjectFile);
  if (!code)
    return code.takeError();
  if (options.weightsFile.empty())
    if (Error error = fillSection(*code, kWeightsSection, weightBytes(module)))
      return error;
  os << *code;
  return Error::success();
}

Error emitWeights(mlir::ModuleOp module, raw_ostream &os) {
  Expected<ModelInfo> info = readModelInfo(module, "", "");
  if (!info)
    return info.takeError();
  WeightsHeader header{};
  llvm::copy(StringRef(kWeightsMagic), header.magic);
  header.bytes = info->weightBytes;
  llvm::copy(info->weightsDigest, header.digest);
  os.write(reinterpret_cast<const char *>(&header), sizeof(header));
  os << weightBytes(module);
  return Error::success();
}

} // namespace vitya
