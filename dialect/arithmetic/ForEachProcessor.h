// Code that is compiled for several processors; which is run is chosen when the program starts.
#ifndef VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H
#define VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H

/// Before the definition of a function whose loops are worth wide registers and fused multiply-adds.
#if defined(__x86_64__)
#define VITYA_FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VITYA_FOR_EACH_PROCESSOR
#endif

#endif // VITYA_DIALECT_ARITHMETIC_FOREACHPROCESSOR_H
