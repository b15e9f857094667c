// What a plugin in C needs to be called with bytes: Typst's minimal protocol.
//
// An exported function gets the length of each input, asks the host for the bytes, sends one result, and
// returns 0, or 1 where what it sent is an error's message.

#ifndef PLUGIN_H
#define PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("typst_env"), import_name(name)))

IMPORT("wasm_minimal_protocol_write_args_to_buffer") void host_write_inputs(char *to);
IMPORT("wasm_minimal_protocol_send_result_to_host") void host_send(const char *bytes, size_t length);

// The input, with a zero byte behind it; NULL where there is no memory. To be freed. A function of
// several inputs passes the sum of their lengths and gets them one behind the other.
static inline char *read_input(size_t length) {
    char *input = length < SIZE_MAX ? malloc(length + 1) : NULL;
    if (input != NULL) {
        host_write_inputs(input);
        input[length] = '\0';
    }
    return input;
}

// Sends the result.
static inline int succeed(const char *bytes, size_t length) {
    host_send(bytes, length);
    return 0;
}

// Sends an error's message.
static inline int fail(const char *message) {
    host_send(message, strlen(message));
    return 1;
}

#endif
