/* Prints whether the file of weights is mapped before, while and after there are sessions. */
#include "libvit.h"
#include <stdio.h>
#include <string.h>

static void report(const char *when) {
  char line[8192];
  int mapped = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof(line), maps))
    mapped += strstr(line, ".so.weights") != NULL;
  fclose(maps);
  printf("%s: %s\n", when, mapped ? "mapped" : "not mapped");
}

int main(void) {
  report("at the start");
  for (int round = 0; round < 2; ++round) {
    vitya_session first, second;
    if (vitya_create(1, &first) != VITYA_OK || vitya_create(1, &second) != VITYA_OK)
      return 1;
    report("two sessions");
    vitya_destroy(first);
    report("one session");
    vitya_destroy(second);
    report("no session");
  }
  return 0;
}
