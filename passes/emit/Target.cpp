// Resolves processor names and lists the extensions that their code needs.
#include "passes/emit/Target.h"
#include "dialect/support/Errors.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

using namespace llvm;

namespace vitya {
namespace {

/// The x86 extensions that LLVM uses for our code if the processor has them. LLVM never selects instructions of other
/// extensions, such as system or cryptographic ones.
constexpr StringLiteral kEmittedFeatures[] = {"cmov",       "sse3",         "ssse3",
                                              "sse4.1",     "sse4.2",       "popcnt",
                                              "cx16",       "avx",          "avx2",
                                              "fma",        "f16c",         "bmi",
                                              "bmi2",       "lzcnt",        "movbe",
                                              "avx512f",    "avx512cd",     "avx512bw",
                                              "avx512dq",   "avx512vl",     "avx512vnni",
                                              "avx512bf16", "avx512vbmi",   "avx512vbmi2",
                                              "avx512ifma", "avx512bitalg", "avx512vpopcntdq",
                                              "avx512fp16", "avxvnni"};

} // namespace

TargetInfo Target::info() const {
  TargetInfo result;
  auto has = [&](const char *features) { return machine->getMCSubtargetInfo()->checkFeatures(features); };
  // 32 registers of 16 f32 elements hold 6 x 64 sums, 64 weights and a broadcast input; 16 registers of 8 elements hold
  // 6 x 16 sums, 16 weights and a broadcast input.
  if (has("+avx512f,+avx512bw")) {
    result.columns = 64;
    result.vectorBits = 512;
  }
  if (has(result.vectorBits == 512 ? "+avx512vnni" : "+avxvnni"))
    result.activationBits = 8;
  return result;
}

Expected<Target> makeTarget(StringRef cpu) {
  static bool initialized = [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)initialized;
  Triple triple(sys::getDefaultTargetTriple());
  std::string message;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return makeError("expected a code generator for " + triple.str() + ", found: " + message);

  std::string name = cpu == "native" ? sys::getHostCPUName().str() : cpu.str();
  SubtargetFeatures features;
  if (cpu == "native")
    for (const auto &[feature, enabled] : sys::getHostCPUFeatures())
      features.AddFeature(feature, enabled);
  std::unique_ptr<MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(name))
    return makeError("expected --cpu to be 'native' or a processor of " + triple.getArchName() +
                     " such as x86-64-v3, found '" + cpu + "'");
  // Use 512-bit registers if there are any: the kernels are tiled for them.
  features.AddFeature("prefer-256-bit", false);

  vitya::Target result;
  result.machine.reset(target->createTargetMachine(triple, name, features.getString(), TargetOptions(), Reloc::PIC_,
                                                   std::nullopt, CodeGenOptLevel::Aggressive));
  const MCSubtargetInfo *subtarget = result.machine->getMCSubtargetInfo();
  for (StringRef feature : kEmittedFeatures)
    if (subtarget->checkFeatures(("+" + feature).str()))
      result.requiredFeatures += (result.requiredFeatures.empty() ? "" : " ") + feature.str();
  if (!subtarget->checkFeatures("+fma") || !subtarget->checkFeatures("+avx2"))
    return makeError("expected --cpu to name a processor with AVX2 and FMA (x86-64-v3 or later), found '" + cpu + "'");
  return result;
}

} // namespace vitya
