// Locates, maps and checks weights files. A weights file is next to the executable or shared library of its model,
// whose path is that of the mapping in /proc/self/maps that contains the model descriptor.
#include "runtime/model/Weights.h"
#include "runtime/files/MappedFile.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace vitya {
namespace {

constexpr size_t kPathSize = 4096;

/// Writes the path of the file that is mapped at `address` to `path`, a buffer of kPathSize bytes. Returns false if
/// there is none.
bool fileMappedAt(const void *address, char *path) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps)
    return false;
  char line[kPathSize + 128];
  bool found = false;
  while (!found && fgets(line, sizeof(line), maps)) {
    unsigned long begin, end;
    int offset = 0;
    if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &begin, &end, &offset) != 2 || !offset)
      continue;
    auto at = reinterpret_cast<unsigned long>(address);
    if (at < begin || at >= end || line[offset] != '/')
      continue;
    line[strcspn(line, "\n")] = 0;
    found = snprintf(path, kPathSize, "%s", line + offset) < static_cast<int>(kPathSize);
  }
  fclose(maps);
  return found;
}

/// Writes the path of the file `name` next to the binary that contains `model` to `path`. Returns false if it is
/// unknown.
bool pathBeside(const vitya_model &model, const char *name, char *path) {
  if (!fileMappedAt(&model, path))
    return false;
  char *slash = strrchr(path, '/');
  size_t used = slash + 1 - path;
  return snprintf(slash + 1, kPathSize - used, "%s", name) < static_cast<int>(kPathSize - used);
}

/// Whether the digest of the `bytes` bytes of weights after `header` is the one in `header`.
bool matchesDigest(const WeightsHeader &header, int64_t bytes) {
  XXH128_hash_t hash = XXH3_128bits(&header + 1, bytes);
  char digest[sizeof(header.digest) + 1];
  snprintf(digest, sizeof(digest), "%016" PRIx64 "%016" PRIx64, hash.high64, hash.low64);
  return memcmp(digest, header.digest, sizeof(header.digest)) == 0;
}

/// Returns the weights of `model` alone, or null and an error.
const void *loadOwnWeights(const vitya_model &model, char *error, size_t errorSize) {
  if (!model.weights_file)
    return model.weights;
  char path[kPathSize];
  if (!pathBeside(model, model.weights_file, path)) {
    snprintf(error, errorSize, "expected /proc/self/maps to give the folder of '%s', found no mapping",
             model.weights_file);
    return nullptr;
  }
  MappedFile file;
  if (const char *found = mapFile(path, file)) {
    snprintf(error, errorSize, "expected the weights at '%s', found: %s", path, found);
    return nullptr;
  }
  int64_t wanted = model.weights_file_bytes;
  auto *header =
      file.size == wanted ? reinterpret_cast<const WeightsHeader *>(file.data + model.weights_offset) : nullptr;
  if (!header)
    snprintf(error, errorSize, "expected '%s' to have %lld bytes, found %lld", path, static_cast<long long>(wanted),
             static_cast<long long>(file.size));
  else if (memcmp(header->magic, kWeightsMagic, sizeof(header->magic)) != 0 || header->bytes != model.weight_bytes ||
           memcmp(header->digest, model.weights_digest, sizeof(header->digest)) != 0)
    snprintf(error, errorSize, "expected '%s' to hold weights of digest %s, found others", path, model.weights_digest);
  else if (!matchesDigest(*header, model.weight_bytes))
    snprintf(error, errorSize, "expected '%s' to hold weights of digest %s, found a damaged file", path,
             model.weights_digest);
  else
    return header + 1;
  unmapFile(file);
  return nullptr;
}

/// Unmaps the weights of `model` alone, which may be null.
void unloadOwnWeights(const vitya_model &model, const void *weights) {
  if (!weights || !model.weights_file)
    return;
  auto *header = static_cast<const WeightsHeader *>(weights) - 1;
  MappedFile file{reinterpret_cast<const uint8_t *>(header) - model.weights_offset, model.weights_file_bytes};
  unmapFile(file);
}

} // namespace

bool loadWeights(const vitya_model &model, ModelWeights &weights, char *error, size_t errorSize) {
  weights.own = loadOwnWeights(model, error, errorSize);
  if (weights.own && model.cascade)
    weights.dense = loadOwnWeights(*model.cascade->dense, error, errorSize);
  if (weights.own && (weights.dense || !model.cascade))
    return true;
  unloadWeights(model, weights);
  return false;
}

void unloadWeights(const vitya_model &model, ModelWeights &weights) {
  unloadOwnWeights(model, weights.own);
  if (model.cascade)
    unloadOwnWeights(*model.cascade->dense, weights.dense);
  weights = {};
}

} // namespace vitya
