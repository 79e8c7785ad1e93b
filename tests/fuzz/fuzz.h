/*
 * fuzz.h - a fuzz target: one function that must survive any bytes.
 *
 * The same source is linked with libFuzzer (configure --enable-fuzzing) and
 * with replay.c, which runs it over the corpus in every make check.
 */
#ifndef MOOTHALL_TESTS_FUZZ_FUZZ_H
#define MOOTHALL_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
