// Folds: identities that hold for every model.
#include "dialect/VityaOps.h"
