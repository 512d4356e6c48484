// The options of compression as text and as structs, and the steps of a search.
#include "passes/pipelines/CompressOptions.h"
#include "tools/lib/SearchSteps.h"
#include "gtest/gtest.h"

using namespace vitya;

namespace {

CompressOptions parsed(const CompressText &text) {
  llvm::Expected<CompressOptions> options = parseCompressOptions(text, "--");
  if (options)
    return std::move(*options);
  ADD_FAILURE() << llvm::toString(options.takeError());
  return {};
}

std::string errorOf(const CompressText &text) {
  llvm::Expected<CompressOptions> options = parseCompressOptions(text, "--");
  return options ? "" : llvm::toString(options.takeError());
}

TEST(PassOptions, SeparatesByCommasBeforeNames) {
  EXPECT_EQ(toMlirOptions(""), "");
  EXPECT_EQ(toMlirOptions("keep=0.5"), "keep=0.5");
  EXPECT_EQ(toMlirOptions("keep=0.5,method=joint"), "keep=0.5 method=joint");
  EXPECT_EQ(toMlirOptions("keep=0.5 method=joint"), "keep=0.5 method=joint");
  EXPECT_EQ(toMlirOptions("keep=0.5 refit,method=asvd"), "keep=0.5 refit method=asvd");
  EXPECT_EQ(toMlirOptions("keep-f32=a,b,layers=c"), "keep-f32=a,b layers=c");
}

TEST(PassOptions, KeepsValuesWhole) {
  EXPECT_EQ(toMlirOptions("layers=[0-9]{1,2},keep-f32=A"), "layers=\"[0-9]{1,2}\" keep-f32=A");
  EXPECT_EQ(toMlirOptions("rank=1,statistics=Ann's data/1, B.s"), "rank=1 statistics=\"Ann's data/1, B.s\"");
  EXPECT_EQ(toMlirOptions("statistics=a{B,rank=1"), "statistics=\"a{B\" rank=1");
  EXPECT_EQ(toMlirOptions("statistics=a}{\" rank=1"), "statistics='a}{\"' rank=1");
  EXPECT_EQ(toMlirOptions("statistics={my file, rank=2},rank=1"), "statistics={my file, rank=2} rank=1");
  for (llvm::StringRef path : {"Ann's data/c.s", "a{B", "a}B", "{a}{B}", "a\"B C", "a, B", "\xff\xfe"})
    EXPECT_EQ(parsed({("rank=1,statistics=" + path + ",method=asvd").str(), "", "none", "", 0}).lowRank->statistics,
              path);
}

TEST(CompressOptions, DefaultsAreThoseOfThePasses) {
  CompressOptions none = parsed({});
  EXPECT_FALSE(none.lowRank || none.smooth || none.quantizes());

  LowRankPassOptions lowRank = *parsed({"rank=3", "", "none", "", 0}).lowRank;
  EXPECT_EQ(lowRank.layers, LowRankPassOptions().layers);
  EXPECT_EQ(lowRank.probes, LowRankPassOptions().probes);
  EXPECT_EQ(lowRank.rank, 3);
  EXPECT_FALSE(lowRank.keep);
}

TEST(CompressOptions, EveryLowRankOptionHasItsField) {
  LowRankPassOptions options = *parsed({"keep=0.25,budget=macs,allocation=uniform,method=asvd,layers=fc,images=i,"
                                        "count=5,statistics=s,refit=true,probes=7,report=r",
                                        "", "none", "", 0})
                                    .lowRank;
  EXPECT_FALSE(options.rank);
  EXPECT_EQ(options.keep, 0.25);
  EXPECT_EQ(options.budget, LowRankBudget::macs);
  EXPECT_EQ(options.allocation, RankAllocation::uniform);
  EXPECT_EQ(options.method, LowRankMethod::asvd);
  EXPECT_EQ(options.layers, "fc");
  EXPECT_EQ(options.images, "i");
  EXPECT_EQ(options.count, 5);
  EXPECT_EQ(options.statistics, "s");
  EXPECT_TRUE(options.refit);
  EXPECT_EQ(options.probes, 7);
  EXPECT_EQ(options.report, "r");
}

TEST(CompressOptions, RanksAreAList) {
  LowRankPassOptions options = *parsed({"ranks=a.b:3,c:4/5,method=joint", "", "none", "", 0}).lowRank;
  EXPECT_EQ(options.ranks, (llvm::SmallVector<std::string>{"a.b:3", "c:4/5"}));
  EXPECT_EQ(options.method, LowRankMethod::joint);
}

TEST(CompressOptions, EverySmoothOptionHasItsField) {
  SmoothPassOptions options = *parsed({"", "alpha=0.75,layers=mlp,images=i,count=5", "none", "", 0}).smooth;
  EXPECT_EQ(options.alpha, 0.75);
  EXPECT_EQ(options.layers, "mlp");
  EXPECT_EQ(options.images, "i");
  EXPECT_EQ(options.count, 5);
}

TEST(CompressOptions, EveryQuantizationOptionHasItsField) {
  CompressOptions options =
      parsed({"", "", "static,observer=entropy,attention=false,weights=tensor,layers=a,except=b,keep-f32=c,d", "i", 0});
  ASSERT_TRUE(options.quantizesStatically());
  auto quantizeStatic = std::get<QuantizeStaticPassOptions>(options.quantize);
  EXPECT_EQ(quantizeStatic.observer, numerics::ObserverKind::entropy);
  EXPECT_FALSE(quantizeStatic.attention);
  EXPECT_EQ(quantizeStatic.weights, WeightGranularity::tensor);
  EXPECT_EQ(quantizeStatic.layers, "a");
  EXPECT_EQ(quantizeStatic.except, "b");
  EXPECT_EQ(quantizeStatic.keepF32, (llvm::SmallVector<std::string>{"c", "d"}));

  options = parsed({"", "", "dynamic granularity=tensor weights=tensor layers=a except=b keep-f32=c", "", 0});
  ASSERT_TRUE(options.quantizes() && !options.quantizesStatically());
  auto quantizeDynamic = std::get<QuantizeDynamicPassOptions>(options.quantize);
  EXPECT_EQ(quantizeDynamic.granularity, Granularity::tensor);
  EXPECT_EQ(quantizeDynamic.weights, WeightGranularity::tensor);
  EXPECT_EQ(quantizeDynamic.layers, "a");
  EXPECT_EQ(quantizeDynamic.except, "b");
  EXPECT_EQ(quantizeDynamic.keepF32, (llvm::SmallVector<std::string>{"c"}));
}

TEST(CompressOptions, ImagesAreThoseOfEveryPass) {
  CompressOptions options = parsed({"keep=0.5,count=4", "alpha=0.5", "static", "images.bin", 9});
  EXPECT_EQ(options.calibration.images, "images.bin");
  EXPECT_EQ(options.calibration.count, 9);
  EXPECT_EQ(options.lowRank->images, "images.bin");
  EXPECT_EQ(options.lowRank->count, 4);
  EXPECT_EQ(options.smooth->images, "images.bin");
  EXPECT_EQ(options.smooth->count, 9);
}

TEST(CompressOptions, KeepF32AddsToTheUsersNames) {
  CompressOptions options = parsed({"", "", "dynamic,keep-f32=a", "", 0});
  options.keepF32({"b", "c"});
  EXPECT_EQ(std::get<QuantizeDynamicPassOptions>(options.quantize).keepF32,
            (llvm::SmallVector<std::string>{"a", "b", "c"}));
}

TEST(CompressOptions, PrecisionHasTheOptionsOfItsPass) {
  EXPECT_FALSE(parsed({"", "", "none", "", 0}).bf16);
  EXPECT_EQ(parsed({"", "", "none", "", 0, "bf16"}).bf16->layers, ".");
  EXPECT_EQ(parsed({"", "", "none", "", 0, "bf16,except=head"}).bf16->except, "head");
}

TEST(CompressOptions, ErrorsNameTheFlag) {
  EXPECT_NE(errorOf({"rank=two", "", "none", "", 0})
                .find("expected --low-rank to be options of vitya-opt's --vitya-low-rank, found 'rank=two'"),
            std::string::npos);
  EXPECT_EQ(errorOf({"", "", "half", "", 0}), "expected --quantize to be none, static or dynamic, found 'half'");
  EXPECT_EQ(errorOf({"", "", "none", "", 0, "f16"}), "expected --precision to be f32 or bf16, found 'f16'");
  EXPECT_EQ(errorOf({"", "", "none", "", 0, "f32,layers=fc"}),
            "expected --precision=f32 without options, found 'f32,layers=fc'");
  EXPECT_NE(errorOf({"", "", "none", "", 0, "bf16,bits=8"}).find("expected --precision=bf16 to be options of"),
            std::string::npos);
  EXPECT_NE(errorOf({"", "", "static,granularity=token", "", 0}).find("expected --quantize=static to be options of"),
            std::string::npos);
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

/// The index that bisect() settles on if `first` is the smallest that holds, and the number of trials.
std::pair<int64_t, int> bisected(int64_t last, int64_t first) {
  int64_t found = 0;
  int trials = 0;
  llvm::Error error = bisect(last, [&](int64_t index) -> llvm::Expected<bool> {
    ++trials;
    if (index >= first)
      found = index;
    return index >= first;
  });
  EXPECT_FALSE(bool(error));
  return {found, trials};
}

TEST(Search, BisectionFindsTheSmallestIndex) {
  for (int64_t last : {1, 2, 3, 8, 13})
    for (int64_t first = 1; first <= last; ++first) {
      auto [found, trials] = bisected(last, first);
      EXPECT_EQ(found, first) << "of " << last;
      EXPECT_LE(trials, 5);
    }
  EXPECT_EQ(bisected(8, 9).first, 0) << "nothing holds";
}

TEST(Search, BisectionStopsAtAnError) {
  int trials = 0;
  llvm::Error error = bisect(8, [&](int64_t) -> llvm::Expected<bool> {
    ++trials;
    return llvm::createStringError("broken");
  });
  EXPECT_EQ(llvm::toString(std::move(error)), "broken");
  EXPECT_EQ(trials, 1);
}

TEST(Search, BudgetsGrowInEqualRatios) {
  LowRankPassOptions keep;
  keep.keep = 0.25;
  EXPECT_EQ(*enlargeBudget(keep, 0, 100).keep, 0.25);
  EXPECT_EQ(*enlargeBudget(keep, 4, 100).keep, 0.5);
  EXPECT_EQ(*enlargeBudget(keep, 1, 100).keep, 0.2973); // 0.25^(7/8) = 0.29730
  EXPECT_EQ(*enlargeBudget(keep, kBudgetSteps, 100).keep, 1.0);
  LowRankPassOptions rank;
  rank.rank = 4;
  EXPECT_EQ(*enlargeBudget(rank, 0, 64).rank, 4);
  EXPECT_EQ(*enlargeBudget(rank, 4, 64).rank, 16);
  EXPECT_EQ(*enlargeBudget(rank, kBudgetSteps, 64).rank, 64);
}

TEST(Search, BudgetsArePrintedAsOptions) {
  LowRankPassOptions options;
  EXPECT_EQ(budgetText(options), "");
  options.rank = 12;
  EXPECT_EQ(budgetText(options), "rank=12");
  options = {};
  options.keep = 0.2973;
  EXPECT_EQ(budgetText(options), "keep=0.2973");
}

} // namespace
