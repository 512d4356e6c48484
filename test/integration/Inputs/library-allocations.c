/* Counts allocations from the heap and calls of mmap while the library creates, runs and destroys sessions. The allocation
 * functions defined here take precedence over those of libc. */
#define _GNU_SOURCE
#include "libvit.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MAX_IMAGES = 5, PIXELS = 3 * 32 * 32, CLASSES = 10 };

static atomic_long calls;

/* glibc's internal names of the counted functions. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return ++calls, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return ++calls, __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return ++calls, __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { return ++calls, __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return ++calls, __libc_memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  ++calls;
  *result = __libc_memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}
void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) {
  ++calls;
  return (void *)syscall(SYS_mmap, at, size, protection, flags, file, offset);
}
void *mmap64(void *, size_t, int, int, int, off_t) __attribute__((alias("mmap")));

static float images[MAX_IMAGES * PIXELS], logits[MAX_IMAGES * CLASSES];
static unsigned char small[MAX_IMAGES * 3 * 16 * 20];

static void check(vitya_status status) {
  if (status == VITYA_OK)
    return;
  printf("%s\n", vitya_status_message(status));
  exit(1);
}

/* Runs `count` f32 images and `count` u8 images of another size; returns the number of allocations. */
static long allocationsOfRuns(vitya_session session, int count) {
  long before = calls;
  check(vitya_run_f32(session, images, (size_t)count * PIXELS, count, logits, (size_t)count * CLASSES));
  check(vitya_run_u8(session, small, (size_t)count * 3 * 16 * 20, count, 16, 20, VITYA_HWC, logits,
                     (size_t)count * CLASSES));
  return calls - before;
}

int main(void) {
  for (int threads = 1; threads <= 3; ++threads) {
    vitya_session session;
    long before = calls;
    check(vitya_create(threads, &session));
    long creating = calls - before;
    printf("%d threads: creating %s", threads, creating > 0 ? "allocates" : "is not seen to allocate");
    for (int count = 1; count <= MAX_IMAGES; count += 2)
      printf(", %d images %ld", count, allocationsOfRuns(session, count));
    printf("\n");
    check(vitya_destroy(session));
  }
  return 0;
}
