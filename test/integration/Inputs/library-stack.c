/* Calls every function of the C interface in a thread of 64 KB of stack, the thread's own data included. */
#include "libmodel.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { STACK_BYTES = 64 << 10, SIDE = 100, IMAGES = 4 };

static unsigned char pixels[IMAGES * 3 * SIDE * SIDE];
static float *images, *logits;
static vitya_model_info model;

static void *call(void *data) {
  int threads = *(int *)data, found = 0;
  size_t floats = (size_t)(IMAGES * model.channels * model.height * model.width), results = IMAGES * (size_t)model.classes;
  vitya_session session = 0;
  vitya_status status = vitya_create(threads, &session);
  if (status == VITYA_OK)
    status = vitya_threads(session, &found);
  if (status == VITYA_OK)
    status = vitya_run_f32(session, images, floats, IMAGES, logits, results);
  if (status == VITYA_OK)
    status = vitya_run_u8(session, pixels, sizeof(pixels), IMAGES, SIDE, SIDE, VITYA_HWC, logits, results);
  if (status == VITYA_OK)
    status = vitya_destroy(session);
  printf("%d bytes of stack, %d thread%s: %s\n", STACK_BYTES, threads, threads == 1 ? "" : "s",
         vitya_status_message(status));
  return NULL;
}

int main(void) {
  vitya_describe(&model);
  images = calloc((size_t)(IMAGES * model.channels * model.height * model.width), sizeof(float));
  logits = calloc(IMAGES * (size_t)model.classes, sizeof(float));
  for (int threads = 1; threads <= 3; threads += 2) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, STACK_BYTES) || pthread_create(&thread, &attributes, call, &threads))
      return 1;
    pthread_join(thread, NULL);
  }
  return 0;
}
