/* Runs SQL statements on a database in a file. */
#include <stdio.h>
#include "sqlite3.h"
static int row(void *unused, int count, char **values, char **names) {
    (void)unused; (void)names;
    for (int i = 0; i < count; i++) printf("%s%s", i ? "|" : "", values[i] ? values[i] : "NULL");
    putchar('\n');
    return 0;
}
int main(int argc, char **argv) {
    sqlite3 *db;
    if (argc < 3) { fprintf(stderr, "usage: sql FILE STATEMENT...\n"); return 2; }
    if (sqlite3_open(argv[1], &db)) { fprintf(stderr, "%s: %s\n", argv[1], sqlite3_errmsg(db)); return 1; }
    for (int i = 2; i < argc; i++) {
        char *message = 0;
        if (sqlite3_exec(db, argv[i], row, 0, &message)) { fprintf(stderr, "%s\n", message); return 1; }
    }
    return sqlite3_close(db) != SQLITE_OK;
}
