/* Predicts the classes of images in CIFAR-10's binary layout with a model compiled to a shared library:
 *
 *   vitya-compile vit.pth --emit=lib -o libvit.so
 *   cc -I. -o predict predict.c libvit.so -Wl,-rpath,'$ORIGIN'      # libvit.h is written beside libvit.so
 *   ./predict test_batch.bin 8
 */
#include "libvit.h"
#include <stdio.h>
#include <stdlib.h>

enum { RECORD = 1 + 3 * 32 * 32 };

static void check(vitya_status status) {
  if (status == VITYA_OK)
    return;
  fprintf(stderr, "predict: %s\n", vitya_status_message(status));
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: predict CIFAR_FILE COUNT\n");
    return 1;
  }
  long count = strtol(argv[2], NULL, 10);
  vitya_model_info model;
  check(vitya_describe(&model));
  printf("%s: %lld classes\n", model.name, (long long)model.classes);

  /* A record is a label followed by planes of pixels; the library takes the pixels only. */
  unsigned char record[RECORD];
  unsigned char *pixels = malloc(count * (RECORD - 1));
  float *logits = malloc(count * model.classes * sizeof(float));
  int *labels = malloc(count * sizeof(int));
  FILE *file = fopen(argv[1], "rb");
  if (!pixels || !logits || !labels || !file) {
    fprintf(stderr, "predict: expected memory and a file that can be read at '%s'\n", argv[1]);
    return 1;
  }
  for (long i = 0; i < count; ++i) {
    if (fread(record, 1, RECORD, file) != RECORD) {
      fprintf(stderr, "predict: expected %ld records in '%s', found %ld\n", count, argv[1], i);
      return 1;
    }
    labels[i] = record[0];
    for (int j = 1; j < RECORD; ++j)
      pixels[i * (RECORD - 1) + j - 1] = record[j];
  }
  fclose(file);

  vitya_session session;
  check(vitya_create(2, &session));
  check(vitya_run_u8(session, pixels, count * (RECORD - 1), count, 32, 32, VITYA_CHW, logits, count * model.classes));
  check(vitya_destroy(session));

  for (long i = 0; i < count; ++i) {
    long best = 0;
    for (long c = 1; c < model.classes; ++c)
      if (logits[i * model.classes + c] > logits[i * model.classes + best])
        best = c;
    printf("image %ld: %s (label %s)\n", i, model.class_names[best], model.class_names[labels[i]]);
  }
  free(labels);
  free(logits);
  free(pixels);
  return 0;
}
