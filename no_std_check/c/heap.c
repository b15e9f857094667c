// The memory and the end of panics that the library asks its program for: a list of free blocks in an
// array of HEAP_BYTES, the first that fits is taken. With HEAP_OFFSET every block lies that many bytes
// too far, to see that one that is not aligned counts as none. Firmware with a heap of its own passes on to that:
// pw_host_alloc to malloc, and so forth.
#include "greet.h"

#include <pocketwasm.h>

#ifndef HEAP_OFFSET
#define HEAP_OFFSET 0
#endif

// Every block begins with this, and is a multiple of it.
typedef struct Block {
  size_t size;
  struct Block *next;  // The next free one, by address.
} __attribute__((aligned(8))) Block;

static Block heap[HEAP_BYTES / sizeof(Block)];
static Block *first_free;
static bool is_ready;
static size_t used;

size_t heap_used(void) { return used; }

static Block *block_of(void *pointer) {
  return (Block *)((unsigned char *)pointer - HEAP_OFFSET) - 1;
}

static size_t rounded(size_t size) {
  return (size + HEAP_OFFSET + 2 * sizeof(Block) - 1) / sizeof(Block) * sizeof(Block);
}

static Block *end_of(Block *block) { return block + block->size / sizeof(Block); }

// Takes `size` bytes from the start of a free block, to which `*at` leads.
static Block *take(Block **at, size_t size) {
  Block *block = *at;
  if (block->size > size) {
    Block *rest = block + size / sizeof(Block);
    rest->size = block->size - size;
    rest->next = block->next;
    block->size = size;
    *at = rest;
  } else {
    *at = block->next;
  }
  used += block->size;
  return block;
}

void *pw_host_alloc(size_t size) {
  if (!is_ready) {
    is_ready = true;
    heap[0].size = sizeof heap;
    first_free = heap;
  }
  if (size > sizeof heap) return NULL;
  for (Block **at = &first_free; *at != NULL; at = &(*at)->next)
    if ((*at)->size >= rounded(size))
      return (unsigned char *)(take(at, rounded(size)) + 1) + HEAP_OFFSET;
  return NULL;
}

void pw_host_free(void *pointer) {
  Block *block = block_of(pointer), *before = NULL, *after = first_free;
  used -= block->size;
  for (; after != NULL && after < block; after = after->next) before = after;
  block->next = after;
  if (end_of(block) == after) {
    block->size += after->size;
    block->next = after->next;
  }
  if (before == NULL) {
    first_free = block;
  } else if (end_of(before) == block) {
    before->size += block->size;
    before->next = block->next;
  } else {
    before->next = block;
  }
}

void *pw_host_realloc(void *pointer, size_t size) {
  Block *block = block_of(pointer);
  if (size > sizeof heap) return NULL;
  if (rounded(size) <= block->size) return pointer;
  // Where the block behind it is free, it grows in place.
  size_t more = rounded(size) - block->size;
  for (Block **at = &first_free; *at != NULL; at = &(*at)->next) {
    if (*at != end_of(block) || (*at)->size < more) continue;
    block->size += take(at, more)->size;
    return pointer;
  }
  unsigned char *moved = pw_host_alloc(size);
  if (moved == NULL) return NULL;
  size_t before = block->size - sizeof(Block) - HEAP_OFFSET;
  for (size_t i = 0; i < before; i++) moved[i] = ((unsigned char *)pointer)[i];
  pw_host_free(pointer);
  return moved;
}

void pw_host_panic(const char *message) {
  print("panic: ");
  print(message);
  print("\n");
  stop(3);
}

void print(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  print_bytes(text, length);
}
