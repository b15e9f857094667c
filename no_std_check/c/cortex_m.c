// The program on a Cortex-M4F: its vector table, its start, and semihosting for text and the end.
#include "greet.h"

#include <stdint.h>

extern uint32_t stack_top[], data_start[], data_end[], data_in_flash[], bss_start[], bss_end[];

static uintptr_t semihosting(uintptr_t operation, const void *argument) {
  register uintptr_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void print_bytes(const char *text, size_t length) {
  char piece[2] = "";
  for (size_t i = 0; i < length; i++) {
    piece[0] = text[i];
    semihosting(0x04, piece);  // SYS_WRITE0
  }
}

void stop(int code) {
  const uintptr_t exit[] = {0x20026, (uintptr_t)code};  // ADP_Stopped_ApplicationExit
  semihosting(0x20, exit);                              // SYS_EXIT_EXTENDED
  for (;;) {
  }
}

void reset(void) {
  *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;  // CPACR: the FPU may be used.
  __asm__ volatile("dsb\nisb");
  for (uint32_t *to = data_start, *from = data_in_flash; to < data_end;) *to++ = *from++;
  for (uint32_t *to = bss_start; to < bss_end;) *to++ = 0;
  stop(run());
}

static void fault(void) {
  print("fault\n");
  stop(4);
}

typedef union {
  uint32_t *stack;
  void (*handler)(void);
} Vector;

__attribute__((section(".vectors"), used)) static const Vector vectors[] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault},
};
