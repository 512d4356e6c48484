// Finds the pictures of a folder or of a list.
#ifndef VITYA_RUNTIME_IMAGE_PICTURELIST_H
#define VITYA_RUNTIME_IMAGE_PICTURELIST_H

#include <stddef.h>
#include <stdint.h>

namespace vitya {

/// A picture file and its label, the name or the number of a class; null without one. Both strings are allocated.
struct ListedPicture {
  char *path, *label;
};

/// Pictures, none of which has been opened. All have labels, or none has.
struct PictureList {
  ListedPicture *pictures = nullptr;
  int64_t count = 0, capacity = 0;
};

/// Lists the pictures of the folder `path`, in the order of their names. If it has subfolders, these are classes: their
/// pictures follow each other in the order of the classes' names, which are the labels. Files beside subfolders and
/// hidden ones are ignored. If a folder cannot be read or has no pictures, or if a subfolder has a folder, returns
/// false and writes one line to `error`.
bool listFolder(const char *path, PictureList &list, char *error, size_t errorSize);

/// Returns whether `path` has the suffix of a list: .txt, .csv or .tsv.
bool isListPath(const char *path);

/// Reads the list `path`, which has a picture in each line, relative to the folder of the list, and a label after a tab
/// or, in .csv files, a comma; in .txt files a number may follow a space. Empty lines are ignored, and so is a first
/// line "path,label". If the list cannot be read, is empty, or has lines with and without labels, returns false and
/// writes one line to `error`.
bool readList(const char *path, PictureList &list, char *error, size_t errorSize);

/// Keeps `count` pictures, evenly spread over the list.
void spreadList(PictureList &list, int64_t count);

void freeList(PictureList &list);

} // namespace vitya

#endif // VITYA_RUNTIME_IMAGE_PICTURELIST_H
