// Greets through a plugin: main PLUGIN.wasm NAME.
//
//   cargo rustc --lib --release --features capi --crate-type staticlib
//   cc -Iinclude examples/c/main.c target/release/libpocketwasm.a -lpthread -ldl -lm -o greet
//   ./greet fixtures/rust-greet.wasm World
#include <pocketwasm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Says what went wrong and what it cost. There is one error at most, and it is ours to free.
static int fail(pw_error *error) {
  fprintf(stderr, "%s\n", pw_error_message(error));
  const pw_outcome *until_then = pw_error_outcome(error);
  if (until_then != NULL)
    fprintf(stderr, "fuel used: %llu\n", (unsigned long long)pw_outcome_fuel_used(until_then));
  pw_error_free(error);
  return EXIT_FAILURE;
}

static unsigned char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  unsigned char *bytes = NULL;
  long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  if (size > 0 && (bytes = malloc((size_t)size)) != NULL) {
    rewind(file);
    *length = fread(bytes, 1, (size_t)size, file);
  }
  fclose(file);
  return bytes;
}

int main(int count, char **arguments) {
  if (count != 3) {
    fprintf(stderr, "usage: %s PLUGIN.wasm NAME\n", arguments[0]);
    return EXIT_FAILURE;
  }
  size_t length = 0;
  unsigned char *module = read_file(arguments[1], &length);
  if (module == NULL) {
    perror(arguments[1]);
    return EXIT_FAILURE;
  }

  pw_error *error;
  pw_config *config = pw_config_new();
  pw_config_set(config, PW_SETTING_MAX_MEMORY_PAGES, 256);  // 16 MiB
  pw_config_set(config, PW_SETTING_TIMEOUT_MS, 1000);
  pw_config_set(config, PW_SETTING_FUEL, 50000000);
  pw_runner *runner = pw_runner_new(config, &error);
  pw_config_free(config);
  if (runner == NULL) {
    free(module);
    return fail(error);
  }

  int code = EXIT_SUCCESS;
  bool loaded = pw_runner_load(runner, "greet", module, length, &error);
  free(module);
  if (loaded) {
    const char *name = arguments[2];
    pw_outcome *outcome = pw_runner_run_bytes(runner, "greet", "greet", (const uint8_t *)name,
                                              strlen(name), NULL, &error);
    if (outcome != NULL) {
      const uint8_t *bytes = pw_outcome_bytes(outcome, &length);
      fwrite(bytes, 1, length, stdout);
      putchar('\n');
      pw_outcome_free(outcome);
    }
  }
  if (error != NULL) code = fail(error);
  pw_runner_free(runner);
  return code;
}
