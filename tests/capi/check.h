// What the tests of pocketwasm.h share: checks that say where they failed, and guests.
#ifndef CHECK_H
#define CHECK_H
#include "pocketwasm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern unsigned checks, failures;
extern const char *fixtures, *scratch;

void check(bool holds, const char *what, int line, const char *file);
#define CHECK(condition) check((condition), #condition, __LINE__, __FILE__)

void same_text(const char *actual, const char *expected, int line, const char *file);
#define TEXT(actual, expected) same_text((actual), (expected), __LINE__, __FILE__)

void same_bytes(const uint8_t *bytes, size_t length, const char *expected, int line,
                const char *file);
#define BYTES(bytes, length, expected) same_bytes((bytes), (length), (expected), __LINE__, __FILE__)

// What a call must leave behind when it fails: this error and no other. Frees it.
void fails(pw_error *error, pw_kind kind, const char *message, int line, const char *file);
#define FAILS(error, kind, message) fails((error), (kind), (message), __LINE__, __FILE__)

// (module (func (export "spin") (loop (br 0))) (func (export "trap") unreachable))
extern const uint8_t SPIN[51];

uint8_t *read_guest(const char *name, size_t *length);
void load(const pw_runner *runner, const char *guest);
// A runner from settings, which are freed.
pw_runner *runner_of(pw_config *config);
// A runner with one setting, or none if `setting` is 0, and the plugin "spin".
pw_runner *new_runner(uint32_t setting, uint64_t value);

// The other files' tests.
void host_functions(void);
void instances(void);
void misuse(void);
void descriptions(void);
void surroundings(void);
void inputs(void);
void files(void);
void suspended(void);
#endif
