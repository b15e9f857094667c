// The program as a WebAssembly module: the host that runs it prints, and is told when it ends.
#include "greet.h"

__attribute__((import_module("env"), import_name("print"))) void host_print(const char *text,
                                                                            size_t length);
__attribute__((import_module("env"), import_name("stop"))) void host_stop(int code);

void print_bytes(const char *text, size_t length) { host_print(text, length); }

void stop(int code) {
  host_stop(code);
  __builtin_trap();
}

__attribute__((export_name("start"))) int start(void) { return run(); }
