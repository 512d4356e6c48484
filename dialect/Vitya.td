// The umbrella: everything TableGen generates for the dialect comes from this file.

#ifndef VITYA
#define VITYA

include "dialect/VityaDialect.td"
include "dialect/VityaTypes.td"
include "dialect/VityaStoredTensor.td"
include "dialect/VityaOps.td"
include "dialect/VityaQuantOps.td"

#endif // VITYA
