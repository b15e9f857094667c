#include "check.h"

unsigned checks, failures;
const char *fixtures, *scratch;

const uint8_t SPIN[] = {
    0x00, 'a',  's', 'm',  0x01, 0x00, 0x00, 0x00,                        // header
    0x01, 0x04, 0x01, 0x60, 0x00, 0x00,                                   // type: () -> ()
    0x03, 0x03, 0x02, 0x00, 0x00,                                         // two functions
    0x07, 0x0f, 0x02, 4,    's',  'p',  'i',  'n', 0x00, 0x00,            // exports
    4,    't',  'r',  'a',  'p',  0x00, 0x01,                             //
    0x0a, 0x0d, 0x02, 0x07, 0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b,     // code
    0x03, 0x00, 0x00, 0x0b};

void check(bool holds, const char *what, int line, const char *file) {
  checks++;
  if (!holds) {
    failures++;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
  }
}

void same_text(const char *actual, const char *expected, int line, const char *file) {
  check(strcmp(actual, expected) == 0, expected, line, file);
  if (strcmp(actual, expected) != 0) fprintf(stderr, "  it is: %s\n", actual);
}

void same_bytes(const uint8_t *bytes, size_t length, const char *expected, int line, const char *file) {
  bool same = length == strlen(expected) && memcmp(bytes, expected, length) == 0;
  check(same, expected, line, file);
  if (!same) fprintf(stderr, "  they are: %.*s\n", (int)length, (const char *)bytes);
}

void fails(pw_error *error, pw_kind kind, const char *message, int line, const char *file) {
  check(pw_error_kind(error) == kind, "the kind", line, file);
  same_text(pw_error_message(error), message, line, file);
  pw_error_free(error);
}

uint8_t *read_guest(const char *name, size_t *length) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.wasm", fixtures, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(2);
  }
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = (uint8_t *)malloc(*length);
  if (bytes == NULL || fread(bytes, 1, *length, file) != *length) exit(2);
  fclose(file);
  return bytes;
}

void load(const pw_runner *runner, const char *guest) {
  size_t length;
  uint8_t *bytes = read_guest(guest, &length);
  pw_error *error;
  CHECK(pw_runner_load(runner, guest, bytes, length, &error));
  TEXT(pw_error_message(error), "");
  free(bytes);  // The runner has what it needs.
}

pw_runner *runner_of(pw_config *config) {
  pw_error *error;
  pw_runner *runner = pw_runner_new(config, &error);
  CHECK(runner != NULL);
  TEXT(pw_error_message(error), "");
  pw_config_free(config);
  return runner;
}

pw_runner *new_runner(uint32_t setting, uint64_t value) {
  pw_config *config = pw_config_new();
  if (setting != 0) pw_config_set(config, setting, value);
  pw_runner *runner = runner_of(config);
  CHECK(pw_runner_load(runner, "spin", SPIN, sizeof SPIN, NULL));
  return runner;
}
