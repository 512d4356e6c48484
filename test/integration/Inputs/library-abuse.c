/* Misuses the C interface in every way that it detects, then uses it correctly from several threads at once. */
#include "libvit.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 5, FLOATS = 3 * 32 * 32, CLASSES = 10, CALLERS = 4, ROUNDS = 3 };

static float images[IMAGES * FLOATS], expected[IMAGES * CLASSES];

#define EXPECT(CALL, STATUS)                                                                                           \
  do {                                                                                                                 \
    vitya_status status = (CALL);                                                                                      \
    if (status != (STATUS)) {                                                                                          \
      printf("%s: expected %s, found %s\n", #CALL, vitya_status_message(STATUS), vitya_status_message(status));        \
      exit(1);                                                                                                         \
    }                                                                                                                  \
  } while (0)

static void *call(void *threads) {
  float logits[IMAGES * CLASSES];
  for (int round = 0; round < ROUNDS; ++round) {
    vitya_session session;
    EXPECT(vitya_create(*(int *)threads, &session), VITYA_OK);
    EXPECT(vitya_run_f32(session, images, IMAGES * FLOATS, IMAGES, logits, IMAGES * CLASSES), VITYA_OK);
    EXPECT(vitya_destroy(session), VITYA_OK);
    if (memcmp(logits, expected, sizeof(logits)) != 0) {
      printf("logits differ\n");
      exit(1);
    }
  }
  return NULL;
}

int main(void) {
  for (int i = 0; i < IMAGES * FLOATS; ++i)
    images[i] = (float)(i * 7919 % 256) / 255.0f;
  vitya_session session;
  int threads;
  unsigned char pixel[3] = {1, 2, 3};
  EXPECT(vitya_describe(NULL), VITYA_NULL_ARGUMENT);
  EXPECT(vitya_create(2, NULL), VITYA_NULL_ARGUMENT);
  EXPECT(vitya_create(0, &session), VITYA_INVALID_THREADS);
  EXPECT(vitya_create(-1, &session), VITYA_INVALID_THREADS);
  EXPECT(vitya_create(100000, &session), VITYA_INVALID_THREADS);
  EXPECT(vitya_threads(session, &threads), VITYA_INVALID_SESSION);
  EXPECT(vitya_destroy(0), VITYA_INVALID_SESSION);
  EXPECT(vitya_destroy(123456789), VITYA_INVALID_SESSION);
  EXPECT(vitya_create(2, &session), VITYA_OK);
  EXPECT(vitya_threads(session, NULL), VITYA_NULL_ARGUMENT);
  EXPECT(vitya_threads(session, &threads), VITYA_OK);
  EXPECT(threads == 2 ? VITYA_OK : VITYA_INVALID_THREADS, VITYA_OK);
  EXPECT(vitya_run_f32(session, NULL, FLOATS, 1, expected, CLASSES), VITYA_NULL_ARGUMENT);
  EXPECT(vitya_run_f32(session, images, FLOATS, 1, NULL, CLASSES), VITYA_NULL_ARGUMENT);
  EXPECT(vitya_run_f32(session, images, FLOATS - 1, 1, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_f32(session, images, FLOATS, 2, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_f32(session, images, 0, 0, expected, 0), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_f32(session, images, FLOATS, -1, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_f32(session, images, FLOATS, 1, expected, CLASSES + 1), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_f32(session, images, FLOATS, INT64_MAX, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_u8(session, pixel, 3, 1, 1, 1, (vitya_layout)7, expected, CLASSES), VITYA_INVALID_LAYOUT);
  EXPECT(vitya_run_u8(session, pixel, 3, 1, 0, 1, VITYA_HWC, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_u8(session, pixel, 3, 1, INT64_MAX, INT64_MAX, VITYA_HWC, expected, CLASSES), VITYA_INVALID_SIZE);
  EXPECT(vitya_run_u8(session, pixel, 3, 1, 1, 1, VITYA_HWC, expected, CLASSES), VITYA_OK);
  EXPECT(vitya_run_f32(session, images, IMAGES * FLOATS, IMAGES, expected, IMAGES * CLASSES), VITYA_OK);
  EXPECT(vitya_destroy(session), VITYA_OK);
  EXPECT(vitya_destroy(session), VITYA_INVALID_SESSION);
  EXPECT(vitya_run_f32(session, images, FLOATS, 1, expected, CLASSES), VITYA_INVALID_SESSION);
  printf("every misuse returns its status\n");

  pthread_t callers[CALLERS];
  int counts[CALLERS] = {1, 2, 3, 1};
  for (int i = 0; i < CALLERS; ++i)
    pthread_create(&callers[i], NULL, call, &counts[i]);
  for (int i = 0; i < CALLERS; ++i)
    pthread_join(callers[i], NULL);
  printf("%d callers, %d sessions, equal logits\n", CALLERS, CALLERS * ROUNDS);
  return 0;
}
