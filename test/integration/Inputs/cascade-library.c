/* Writes the logits of the images in a file of CIFAR-10's binary layout, which the library resizes, to standard output. */
#include "vit.h"
#include <stdio.h>
#include <stdlib.h>

enum { PIXELS = 3 * 32 * 32, MAX_IMAGES = 100, MAX_CLASSES = 10 };

static unsigned char pixels[MAX_IMAGES * PIXELS];
static float logits[MAX_IMAGES * MAX_CLASSES];

static void check(vitya_status status) {
  if (status == VITYA_OK)
    return;
  fprintf(stderr, "%s\n", vitya_status_message(status));
  exit(1);
}

int main(int argc, char **argv) {
  (void)argc;
  FILE *file = fopen(argv[1], "rb");
  if (!file)
    return 1;
  size_t count = 0;
  while (count < MAX_IMAGES && fgetc(file) != EOF && fread(pixels + count * PIXELS, PIXELS, 1, file) == 1)
    ++count;
  vitya_model_info model;
  vitya_session session;
  check(vitya_describe(&model));
  check(vitya_create(2, &session));
  check(vitya_run_u8(session, pixels, count * PIXELS, (int64_t)count, 32, 32, VITYA_CHW, logits,
                     count * (size_t)model.classes));
  check(vitya_destroy(session));
  return fwrite(logits, sizeof(float), count * (size_t)model.classes, stdout) == 0;
}
