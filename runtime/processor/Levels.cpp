// Levels are named by the processors that they were compiled for.
#include "runtime/processor/Levels.h"
#include "runtime/processor/Features.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace vitya {

const vitya_model *chooseLevel(const vitya_model *const *levels, char *error, size_t size) {
  const char *wanted = getenv("VITYA_LEVEL");
  const vitya_model *chosen = wanted ? nullptr : levels[0];
  char names[256] = "";
  for (; *levels; ++levels) {
    const vitya_model *level = *levels;
    char missing[512];
    if (wanted ? strcmp(level->cpu, wanted) == 0 : !missingFeatures(level->required_features, missing, sizeof(missing)))
      chosen = level;
    size_t used = strlen(names);
    snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", level->cpu);
  }
  if (!chosen)
    snprintf(error, size, "expected VITYA_LEVEL to be one of %s, found '%s'", names, wanted);
  return chosen;
}

} // namespace vitya
