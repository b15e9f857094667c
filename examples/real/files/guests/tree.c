/* Lists a tree of directories, sorted, with the sizes of files. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int walk(const char *path, int depth) {
    DIR *dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    char *names[256];
    int count = 0;
    for (struct dirent *entry; (entry = readdir(dir)) && count < 256;) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            names[count++] = strdup(entry->d_name);
        }
    }
    closedir(dir);
    for (int i = 1; i < count; i++) {
        for (int j = i; j > 0 && strcmp(names[j - 1], names[j]) > 0; j--) {
            char *name = names[j];
            names[j] = names[j - 1];
            names[j - 1] = name;
        }
    }
    for (int i = 0; i < count; i++) {
        char below[1024];
        struct stat entry;
        snprintf(below, sizeof below, "%s/%s", path, names[i]);
        if (stat(below, &entry)) {
            fprintf(stderr, "%s: %s\n", below, strerror(errno));
            return 1;
        }
        if (S_ISDIR(entry.st_mode)) {
            printf("%*s%s/\n", depth * 2, "", names[i]);
            if (walk(below, depth + 1)) {
                return 1;
            }
        } else {
            printf("%*s%s %lld\n", depth * 2, "", names[i], (long long)entry.st_size);
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    return walk(argc > 1 ? argv[1] : ".", 0);
}
