// Resolves processor names and lists the extensions that their code needs.
#include "passes/emit/Target.h"
#include "dialect/support/Errors.h"
#include "llvm/Config/Targets.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

using namespace llvm;

namespace vitya {
namespace {

/// The extensions that LLVM uses for our code if the processor has them. LLVM never selects instructions of other
/// extensions, such as system or cryptographic ones. runtime/processor/Features.cpp detects those of this list.
constexpr StringLiteral kX86Features[] = {"cmov",       "sse3",         "ssse3",
                                          "sse4.1",     "sse4.2",       "popcnt",
                                          "cx16",       "avx",          "avx2",
                                          "fma",        "f16c",         "bmi",
                                          "bmi2",       "lzcnt",        "movbe",
                                          "avx512f",    "avx512cd",     "avx512bw",
                                          "avx512dq",   "avx512vl",     "avx512vnni",
                                          "avx512bf16", "avx512vbmi",   "avx512vbmi2",
                                          "avx512ifma", "avx512bitalg", "avx512vpopcntdq",
                                          "avx512fp16", "avxvnni"};
constexpr StringLiteral kAArch64Features[] = {"lse", "rdm", "fullfp16", "dotprod", "complxnum", "bf16", "i8mm"};

/// The processors of `all-x86-64`: the baseline, AVX2 and FMA, AVX-512, AVX-VNNI, AVX512-VNNI. Where a processor runs
/// the code of several, the last of them is the fastest.
constexpr StringLiteral kAllX86 = "all-x86-64";
constexpr StringRef kX86Levels[] = {"x86-64", "x86-64-v3", "x86-64-v4", "alderlake", "cascadelake"};

ArrayRef<StringLiteral> emittedFeatures(const Triple &triple) {
  return triple.isAArch64() ? ArrayRef(kAArch64Features) : ArrayRef(kX86Features);
}

/// Makes the code generators for this machine and for AArch64 known to LLVM.
void initializeCodeGenerators() {
  static bool initialized = [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    InitializeNativeTargetAsmParser();
#if LLVM_HAS_AARCH64_TARGET
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
    LLVMInitializeAArch64AsmParser();
#endif
    return true;
  }();
  (void)initialized;
}

} // namespace

TargetInfo Target::info() const {
  TargetInfo result;
  auto has = [&](const char *features) { return machine->getMCSubtargetInfo()->checkFeatures(features); };
  if (triple().isAArch64()) {
    // 32 registers of 4 f32 elements hold 6 x 16 sums, 16 weights and a broadcast input.
    result.vectorBits = 128;
    result.instructions = has("+i8mm") ? InstructionSet::neonI8mm : InstructionSet::neon;
    result.activationBits = has("+dotprod") ? 8 : 16;
    return result;
  }
  if (!has("+avx2,+fma")) {
    // 16 registers of 4 f32 elements hold 2 x 16 sums, the products that are added to them, and broadcast inputs.
    result.rows = 2;
    result.vectorBits = 128;
    result.instructions = InstructionSet::sse2;
    return result;
  }
  // 32 registers of 16 f32 elements hold 6 x 64 sums, 64 weights and a broadcast input; 16 registers of 8 elements hold
  // 6 x 16 sums, 16 weights and a broadcast input.
  if (has("+avx512f,+avx512bw")) {
    result.columns = 64;
    result.vectorBits = 512;
  }
  if (has(result.vectorBits == 512 ? "+avx512vnni" : "+avxvnni"))
    result.activationBits = 8;
  result.dotBf16 = result.vectorBits == 512 && has("+avx512bf16");
  return result;
}

Expected<Triple> parseTriple(StringRef name) {
  Triple host(sys::getDefaultTargetTriple());
  if (name.empty())
    return host;
  Triple triple(Triple::normalize(name));
  bool isKnown = triple.getArch() == host.getArch() || triple.getArch() == Triple::aarch64;
  if (!isKnown || !triple.isOSLinux() || !triple.isGNUEnvironment())
    return makeError("expected --target to be aarch64-linux-gnu or " + host.getArchName() + "-linux-gnu, found '" +
                     name + "'");
  return triple;
}

Expected<Target> makeTarget(StringRef cpu, const Triple &triple) {
  initializeCodeGenerators();
  std::string message;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return makeError("expected a code generator for " + triple.str() + ", found: " + message);

  std::string name = cpu.str();
  SubtargetFeatures features;
  bool isHost = triple.getArch() == Triple(sys::getDefaultTargetTriple()).getArch();
  if (cpu == "native" && isHost) {
    name = sys::getHostCPUName().str();
    for (const auto &[feature, enabled] : sys::getHostCPUFeatures())
      features.AddFeature(feature, enabled);
  } else if (cpu == "native") {
    name = "generic";
  }
  std::unique_ptr<MCSubtargetInfo> known(target->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(name))
    return makeError("expected --cpu to be 'native' or a processor of " + triple.getArchName() + " such as " +
                     (triple.isAArch64() ? "cortex-a72" : "x86-64-v3") + ", found '" + cpu + "'");
  // Use 512-bit registers if there are any: the kernels are tiled for them. On AArch64 they are tiled for NEON.
  if (triple.isAArch64())
    features.AddFeature("sve", false);
  else
    features.AddFeature("prefer-256-bit", false);

  vitya::Target result;
  result.machine.reset(target->createTargetMachine(triple, name, features.getString(), TargetOptions(), Reloc::PIC_,
                                                   std::nullopt, CodeGenOptLevel::Aggressive));
  const MCSubtargetInfo *subtarget = result.machine->getMCSubtargetInfo();
  for (StringRef feature : emittedFeatures(triple))
    if (subtarget->checkFeatures(("+" + feature).str()))
      result.requiredFeatures += (result.requiredFeatures.empty() ? "" : " ") + feature.str();
  return result;
}

Expected<std::vector<Target>> makeTargets(StringRef cpu, const Triple &triple) {
  std::vector<Target> targets;
  bool hasLevels = cpu == kAllX86 && triple.getArch() == Triple::x86_64;
  for (StringRef name : hasLevels ? ArrayRef<StringRef>(kX86Levels) : ArrayRef(cpu)) {
    Expected<Target> target = makeTarget(name, triple);
    if (!target)
      return target.takeError();
    targets.push_back(std::move(*target));
  }
  return targets;
}

} // namespace vitya
