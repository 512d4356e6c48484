// Compiles a function for several processors. The dynamic loader picks the version for the processor at hand.
#ifndef VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H
#define VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H

/// Precedes the definition of a function whose loops profit from wide registers and fused multiply-adds.
#if defined(__x86_64__)
#define VITYA_FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VITYA_FOR_EACH_PROCESSOR
#endif

#endif // VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H
