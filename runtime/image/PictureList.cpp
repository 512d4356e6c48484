// Lists pictures without opening them.
#include "runtime/image/PictureList.h"
#include "runtime/files/MappedFile.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

namespace vitya {
namespace {

/// Returns the path of NAME in FOLDER, allocated; null if there is no memory.
char *joinPath(const char *folder, size_t folderLength, const char *name, size_t nameLength) {
  size_t size = folderLength + nameLength + 2;
  auto *path = static_cast<char *>(malloc(size));
  const char *slash = folderLength > 0 && folder[folderLength - 1] == '/' ? "" : "/";
  if (path)
    snprintf(path, size, "%.*s%s%.*s", static_cast<int>(folderLength), folder, slash, static_cast<int>(nameLength),
             name);
  return path;
}

/// Appends a picture, whose strings the list then owns. Without memory for it, returns false.
bool append(PictureList &list, ListedPicture picture, bool isComplete) {
  if (isComplete && list.count == list.capacity) {
    int64_t capacity = list.capacity ? 2 * list.capacity : 256;
    auto *grown = static_cast<ListedPicture *>(realloc(list.pictures, capacity * sizeof(ListedPicture)));
    isComplete = grown != nullptr;
    list.pictures = isComplete ? grown : list.pictures;
    list.capacity = isComplete ? capacity : list.capacity;
  }
  if (isComplete) {
    list.pictures[list.count++] = picture;
    return true;
  }
  free(picture.path);
  free(picture.label);
  return false;
}

bool refuseMemory(const char *path, char *error, size_t errorSize) {
  snprintf(error, errorSize, "expected memory for the pictures of '%s', found too little", path);
  return false;
}

/// The entries of a folder that are not hidden, in the order of their names, and which of them are folders.
struct Folder {
  dirent **entries = nullptr;
  bool *isFolder = nullptr;
  int count = 0;
  bool hasFolders = false;

  ~Folder() {
    for (int i = 0; i < count; ++i)
      free(entries[i]);
    free(entries);
    free(isFolder);
  }
};

bool readFolder(const char *path, Folder &folder, char *error, size_t errorSize) {
  auto isVisible = [](const dirent *entry) { return static_cast<int>(entry->d_name[0] != '.'); };
  auto compare = [](const dirent **a, const dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); };
  int count = scandir(path, &folder.entries, isVisible, compare);
  if (count < 0) {
    snprintf(error, errorSize, "expected a folder that can be read at '%s', found: %s", path, strerror(errno));
    return false;
  }
  folder.count = count;
  folder.isFolder = static_cast<bool *>(calloc(count + 1, sizeof(bool)));
  for (int i = 0; i < count; ++i) {
    const char *name = folder.entries[i]->d_name;
    char *entry = joinPath(path, strlen(path), name, strlen(name));
    if (!folder.isFolder || !entry) {
      free(entry);
      return refuseMemory(path, error, errorSize);
    }
    struct stat status;
    folder.isFolder[i] = stat(entry, &status) == 0 && S_ISDIR(status.st_mode);
    folder.hasFolders |= folder.isFolder[i];
    free(entry);
  }
  return true;
}

/// Appends the pictures of a folder with the label `label`; if it is null and there are subfolders, theirs, with the
/// names of the subfolders as labels.
bool appendFolder(const char *path, const char *label, PictureList &list, char *error, size_t errorSize) {
  Folder folder;
  if (!readFolder(path, folder, error, errorSize))
    return false;
  int64_t before = list.count;
  for (int i = 0; i < folder.count; ++i) {
    const char *name = folder.entries[i]->d_name;
    if (!label && folder.hasFolders && !folder.isFolder[i])
      continue;
    char *entry = joinPath(path, strlen(path), name, strlen(name));
    if (!entry)
      return refuseMemory(path, error, errorSize);
    if (!folder.isFolder[i]) {
      char *copy = label ? strdup(label) : nullptr;
      if (!append(list, {entry, copy}, !label || copy))
        return refuseMemory(path, error, errorSize);
      continue;
    }
    if (label)
      snprintf(error, errorSize, "expected only pictures in '%s', found the folder '%s'", path, entry);
    bool isRead = !label && appendFolder(entry, name, list, error, errorSize);
    free(entry);
    if (!isRead)
      return false;
  }
  if (list.count == before)
    snprintf(error, errorSize, "expected pictures in '%s', found none", path);
  return list.count > before;
}

bool hasSuffix(const char *text, const char *suffix) {
  size_t length = strlen(text), expected = strlen(suffix);
  return length >= expected && !strcmp(text + length - expected, suffix);
}

/// Returns where the label of a line begins, or null if it has none. `separator` is the one that any label may follow.
const char *findLabel(const char *line, size_t length, char separator, bool allowSpace) {
  if (const void *found = memrchr(line, separator, length))
    return static_cast<const char *>(found) + 1;
  const void *space = allowSpace ? memrchr(line, ' ', length) : nullptr;
  if (!space)
    return nullptr;
  const char *number = static_cast<const char *>(space) + 1;
  for (const char *digit = number; digit != line + length; ++digit)
    if (*digit < '0' || *digit > '9')
      return nullptr;
  return number == line + length ? nullptr : number;
}

/// Appends the pictures of the lines of `text`, the contents of the list `path`.
bool appendLines(const char *path, const char *text, const char *end, PictureList &list, char *error,
                 size_t errorSize) {
  const char *slash = strrchr(path, '/');
  char separator = hasSuffix(path, ".csv") ? ',' : '\t';
  constexpr char kHeader[] = "path,label";
  long long number = 0;
  for (const char *line = text; line < end;) {
    const void *newline = memchr(line, '\n', end - line);
    const char *next = newline ? static_cast<const char *>(newline) : end, *stop = next;
    while (stop > line && (stop[-1] == '\r' || stop[-1] == ' '))
      --stop;
    auto length = static_cast<size_t>(stop - line);
    ++number;
    bool isHeader = number == 1 && length == sizeof(kHeader) - 1 && !memcmp(line, kHeader, length);
    if (length > 0 && !isHeader) {
      const char *label = findLabel(line, length, separator, hasSuffix(path, ".txt"));
      if (list.count > 0 && !label != !list.pictures[0].label) {
        snprintf(error, errorSize, "expected all lines of '%s' or none to have a label, found line %lld %s one", path,
                 number, label ? "with" : "without");
        return false;
      }
      size_t pathLength = label ? static_cast<size_t>(label - line) - 1 : length;
      bool isRelative = slash && *line != '/';
      ListedPicture picture = {isRelative ? joinPath(path, slash + 1 - path, line, pathLength)
                                          : strndup(line, pathLength),
                               label ? strndup(label, stop - label) : nullptr};
      if (!append(list, picture, picture.path && (!label || picture.label)))
        return refuseMemory(path, error, errorSize);
    }
    line = next + 1;
  }
  if (list.count > 0)
    return true;
  snprintf(error, errorSize, "expected pictures in the list '%s', found none", path);
  return false;
}

} // namespace

bool listFolder(const char *path, PictureList &list, char *error, size_t errorSize) {
  bool isRead = appendFolder(path, nullptr, list, error, errorSize);
  if (!isRead)
    freeList(list);
  return isRead;
}

bool isListPath(const char *path) {
  return hasSuffix(path, ".txt") || hasSuffix(path, ".csv") || hasSuffix(path, ".tsv");
}

bool readList(const char *path, PictureList &list, char *error, size_t errorSize) {
  MappedFile file;
  if (const char *found = mapFile(path, file)) {
    snprintf(error, errorSize, "expected a file that can be read at '%s', found: %s", path, found);
    return false;
  }
  auto *text = reinterpret_cast<const char *>(file.data);
  bool isRead = appendLines(path, text, text + file.size, list, error, errorSize);
  unmapFile(file);
  if (!isRead)
    freeList(list);
  return isRead;
}

void spreadList(PictureList &list, int64_t count) {
  int64_t kept = 0;
  for (int64_t i = 0; i < list.count; ++i) {
    if (kept < count && i == kept * list.count / count) {
      list.pictures[kept++] = list.pictures[i];
      continue;
    }
    free(list.pictures[i].path);
    free(list.pictures[i].label);
  }
  list.count = kept;
}

void freeList(PictureList &list) {
  spreadList(list, 0);
  free(list.pictures);
  list = PictureList();
}

} // namespace vitya
