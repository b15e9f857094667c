// What the program is made of. Each target defines `print_bytes` and `stop`.
#ifndef GREET_H
#define GREET_H
#include <stddef.h>

// Runs the plugins, twice: what the first run left of the heap must be all that stays. Returns 0 if all
// went well.
int run(void);

void print_bytes(const char *text, size_t length);
void print(const char *text);
// Ends the program.
void stop(int code);
// The bytes of the heap that are given out.
size_t heap_used(void);
#endif
