// Index maps against tables of elements: each rearrangement must move elements as the same operation on a table does.
#include "frontend/graph/IndexMap.h"
#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>
#include <numeric>
#include <random>

using vitya::IndexMap;

namespace {

using Sizes = llvm::SmallVector<int64_t>;

/// A tensor as the list of its elements in row-major order.
struct Table {
  Sizes shape;
  std::vector<int64_t> elements;
};

std::vector<int64_t> elementsOf(const IndexMap &map) {
  std::vector<int64_t> elements;
  map.forEach([&](int64_t element) { elements.push_back(element); });
  return elements;
}

/// Calls `visit` with each index of a tensor of `shape` in row-major order.
void forEachIndex(llvm::ArrayRef<int64_t> shape, llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  int64_t count = std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<>());
  Sizes index(shape.size(), 0);
  for (int64_t number = 0; number < count; ++number) {
    visit(index);
    for (size_t dim = shape.size(); dim-- > 0;) {
      if (++index[dim] < shape[dim])
        break;
      index[dim] = 0;
    }
  }
}

int64_t at(const Table &table, llvm::ArrayRef<int64_t> index) {
  int64_t position = 0;
  for (auto [size, i] : llvm::zip_equal(table.shape, index))
    position = position * size + i;
  return table.elements[position];
}

Table permute(const Table &table, llvm::ArrayRef<int64_t> order) {
  Table result;
  for (int64_t dim : order)
    result.shape.push_back(table.shape[dim]);
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> index) {
    Sizes source(index.size());
    for (auto [dim, i] : llvm::zip_equal(order, index))
      source[dim] = i;
    result.elements.push_back(at(table, source));
  });
  return result;
}

Table slice(const Table &table, size_t dim, int64_t first, int64_t count, int64_t step) {
  Table result{table.shape, {}};
  result.shape[dim] = count;
  forEachIndex(result.shape, [&](llvm::ArrayRef<int64_t> index) {
    Sizes source(index);
    source[dim] = first + source[dim] * step;
    result.elements.push_back(at(table, source));
  });
  return result;
}

TEST(IndexMap, CutsPatches) {
  // 2 channels, 4 x 6 pixels, patches of 2 x 3 with the pixels in the order (row, column, channel)
  std::optional<IndexMap> split = IndexMap::rowMajor({2, 2, 2, 2, 3});
  std::optional<IndexMap> patches = split->permute({1, 3, 2, 4, 0})->reshape({4, 12});
  ASSERT_TRUE(patches);
  EXPECT_EQ(elementsOf(*patches->slice(0, 1, 1)), (std::vector<int64_t>{3, 27, 4, 28, 5, 29, 9, 33, 10, 34, 11, 35}));
  std::optional<IndexMap> identity = patches->inverse()->compose(*patches);
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identity->isRowMajor());
}

TEST(IndexMap, RefusesWhatNoDigitsDescribe) {
  IndexMap map = *IndexMap::rowMajor({4, 6});
  EXPECT_FALSE(map.permute({1, 0})->reshape({8, 3})); // 3 does not divide 4, nor 4 it
  EXPECT_FALSE(map.reshape({5, 5}));
  EXPECT_FALSE(map.slice(1, 4, 3));
  EXPECT_FALSE(map.permute({0, 0}));
  EXPECT_FALSE(map.expand({4, 12}));
  EXPECT_FALSE(map.slice(0, 1, 2)->inverse());
  EXPECT_FALSE(IndexMap::rowMajor({0}));
  EXPECT_FALSE(IndexMap::rowMajor({int64_t(1) << 40, int64_t(1) << 40}));
}

TEST(IndexMap, RandomSequences) {
  std::mt19937 random(1);
  auto below = [&](int64_t bound) { return static_cast<int64_t>(random() % bound); };
  int reshapes = 0;
  for (int round = 0; round < 2000; ++round) {
    Sizes shape{2, 3, 4, 2};
    IndexMap map = *IndexMap::rowMajor(shape);
    Table table{shape, std::vector<int64_t>(48)};
    std::iota(table.elements.begin(), table.elements.end(), 0);
    for (int step = 0; step < 6; ++step) {
      auto rank = static_cast<int64_t>(table.shape.size());
      std::optional<IndexMap> next;
      Table expected = table;
      if (int64_t kind = below(3); kind == 0) {
        Sizes order(rank);
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), random);
        next = map.permute(order);
        ASSERT_TRUE(next);
        expected = permute(table, order);
      } else if (kind == 1) {
        int64_t dim = below(rank), first = below(table.shape[dim]), by = 1 + below(2);
        int64_t count = 1 + below((table.shape[dim] - 1 - first) / by + 1);
        next = map.slice(dim, first, count, by);
        expected = slice(table, dim, first, count, by);
      } else {
        // Merges two dimensions, or splits one.
        int64_t dim = below(rank);
        if (dim + 1 < rank && below(2) == 0) {
          expected.shape[dim] *= expected.shape[dim + 1];
          expected.shape.erase(expected.shape.begin() + dim + 1);
        } else if (expected.shape[dim] % 2 == 0) {
          expected.shape[dim] /= 2;
          expected.shape.insert(expected.shape.begin() + dim + 1, 2);
        }
        next = map.reshape(expected.shape);
        reshapes += next.has_value();
      }
      if (!next)
        continue; // not every slice of merged dimensions has digits
      map = *next;
      table = expected;
      ASSERT_EQ(map.shape(), table.shape);
      ASSERT_EQ(elementsOf(map), table.elements);
    }
  }
  EXPECT_GT(reshapes, 2000);
}

} // namespace
