// A plugin. Every function with EXPORT can be called by the host.

#include "plugin.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

// Text in, text out.
EXPORT("greet") int greet(size_t length) {
    static const char hello[] = "Hello, ";
    const size_t head = sizeof hello - 1;

    char *name = read_input(length);
    char *greeting = name != NULL && length < SIZE_MAX - head ? malloc(head + length) : NULL;
    int status;
    if (greeting == NULL) {
        status = fail("there is no memory");
    } else {
        memcpy(greeting, hello, head);
        memcpy(greeting + head, name, length);
        status = succeed(greeting, head + length);
    }
    free(greeting);
    free(name);
    return status;
}

struct order {
    long long price, count;
};

// Skips white space and then `text`; false where something else is there.
static bool take(const char **at, const char *text) {
    *at += strspn(*at, " \t\r\n");
    size_t length = strlen(text);
    if (strncmp(*at, text, length) != 0) return false;
    *at += length;
    return true;
}

// Reads {"price": 250, "count": 3}. For other JSON take a library: any that is plain C compiles
// with the same command.
static bool read_order(const char *at, struct order *order) {
    bool has_price = false, has_count = false;
    if (!take(&at, "{")) return false;
    do {
        long long *number;
        if (take(&at, "\"price\"")) {
            number = &order->price;
            has_price = true;
        } else if (take(&at, "\"count\"")) {
            number = &order->count;
            has_count = true;
        } else {
            return false;
        }
        if (!take(&at, ":")) return false;
        char *end;
        errno = 0;
        *number = strtoll(at, &end, 10);
        if (end == at || errno != 0) return false;
        at = end;
    } while (take(&at, ","));
    return take(&at, "}") && take(&at, "") && *at == '\0' && has_price && has_count;
}

// JSON in, JSON out. The host gets an error with its message.
EXPORT("order") int place_order(size_t length) {
    char *json = read_input(length);
    if (json == NULL) return fail("there is no memory");
    struct order order;
    bool is_order = read_order(json, &order);
    free(json);
    if (!is_order) return fail("an order is a price and a count, in whole numbers");
    if (order.count <= 0) return fail("the count must be positive");

    long long total;
    if (__builtin_mul_overflow(order.price, order.count, &total)) {
        return fail("the total is too large");
    }
    char receipt[40];
    int written = snprintf(receipt, sizeof receipt, "{\"total\":%lld}", total);
    return succeed(receipt, (size_t)written);
}
