#!/usr/bin/env python3
"""Random sequences of operations on files, in memory and on the host's disk through Wasmtime.

    pip install wasmtime
    tests/files/compare.py [SCRIPTS [SEED]]

Each script runs twice: by `cargo run --example file_scripts`, and by Wasmtime on an empty directory of
the host. The guest is the same (`fixtures/guests/rust/files`). Every errno and every result must be the
same, apart from the differences that are listed by name in `DIFFERENCES`. The script closes with how
often each of them was met, and fails if there is any other."""
import random, re, struct, subprocess, sys, tempfile, os
from collections import Counter
import wasmtime

STEPS = 40
GUEST = "fixtures/rust-files.wasm"
NAMES = ["a", "b", "c", "l"]
CODES = ("open close read pread write pwrite seek tell fstat set_size set_fd_times allocate advise sync "
         "datasync fdstat set_flags readdir renumber mkdir rmdir unlink stat set_times link rename "
         "symlink readlink prestat set_rights").split()
READ, WRITE = 1 << 1, 1 << 6


def step(code, fd=3, to=4, lookup=0, how=0, flags=0, rights=0, n=0, m=0, a=b"", b=b""):
    head = struct.pack("<BBBBBBBBQQQIIQ", CODES.index(code), fd, to, lookup, how, flags, 0, 0, rights,
                       n, m, len(a), len(b), 0)
    return head + a + b


def path(random):
    kind = random.random()
    parts = [random.choice(NAMES) for _ in range(random.choice([1, 1, 1, 1, 2, 2, 3]))]
    if kind < 0.08:
        parts.insert(random.randrange(len(parts) + 1), random.choice(["..", ".", ""]))
    text = "/".join(parts)
    if kind > 0.95:
        text = random.choice([text + "/", "/" + text, "", ".", "..", "./" + text, text + "/.", "n" * 256,
                              text + "/..", text + "//", "a/" * 2100, "a\0b"])
    return text.encode()


def one(random):
    """One operation, with its name and its bytes."""
    code = random.choices(CODES, [30, 4, 8, 4, 12, 5, 6, 3, 6, 6, 4, 4, 3, 1, 1, 5, 3, 10, 2, 14, 8, 12, 14, 4,
                                  9, 16, 10, 7, 1, 0])[0]
    fd = random.choice([3, 3, 3, 3, 4, 5, 6, 7])
    if code in ("read pread write pwrite seek tell fstat set_size set_fd_times allocate advise sync datasync "
                "fdstat set_flags close renumber").split():
        fd = random.choice([4, 5, 6, 7, 4, 5, 6, 7, 3, 9])
    to = random.choice([4, 5, 6, 7])
    given = dict(fd=fd, to=to, lookup=random.randrange(2), a=path(random), b=path(random))
    data = bytes(random.randrange(97, 123) for _ in range(random.randrange(12)))
    small = lambda: random.choice([0, 1, 2, 5, 9, 30, 100, 4000])
    if code == "open":
        given.update(how=random.choice([0, 0, 1, 1, 1, 2, 2, 4, 5, 5, 8, 9, 3, 10, 13]),
                     flags=random.choice([0, 0, 0, 0, 1]),
                     rights=random.choice([READ, READ | WRITE, READ | WRITE, WRITE, 0]))
    elif code in ("read", "pread"):
        given.update(n=random.choice([0, 3, 100, 5000]), m=small())
    elif code in ("write", "pwrite"):
        given.update(a=data, m=small())
    elif code == "seek":
        given.update(n=random.choice([0, 1, 5, 100, 2**64 - 3, 2**63, 2**64 - 1]), lookup=random.choice([0, 1, 2, 2]))
    elif code == "set_size":
        given.update(n=random.choice([0, 1, 4, 100, 5000]))
    elif code in ("set_fd_times", "set_times"):
        given.update(n=random.choice([0, 10**9, 1_600_000_000 * 10**9]), m=10**15, flags=random.choice([1, 4, 5, 0, 3, 12, 2, 8]))
    elif code == "allocate":
        given.update(n=small(), m=small())
    elif code == "advise":
        given.update(n=small(), m=small(), flags=random.randrange(6))
    elif code == "set_flags":
        given.update(flags=random.choice([0, 1, 4]))
    elif code == "readdir":
        given.update(n=8192)
    elif code in ("link", "rename"):
        given.update(to=random.choice([3, 3, 3, 4, 5]), lookup=random.choice([0, 0, 0, 1]))
    elif code == "symlink":
        given.update(a=random.choice([path(random), path(random), b"../a", b"a/../b", b"/a", b"l"]))
    elif code == "readlink":
        given.update(n=random.choice([0, 1, 100]))
    elif code == "fdstat":
        given.update(lookup=0)
    elif code == "prestat":
        given.update(fd=random.choice([3, 4]))
    shown = " ".join(f"{key}={value!r}" for key, value in given.items())
    return code, f"{code} {shown}", step(code, **given), given


def by_wasmtime(engine, module, script):
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root")
        os.mkdir(root)
        stdin, stdout = os.path.join(folder, "in"), os.path.join(folder, "out")
        with open(stdin, "wb") as file:
            file.write(script)
        store = wasmtime.Store(engine)
        config = wasmtime.WasiConfig()
        config.stdin_file, config.stdout_file = stdin, stdout
        config.preopen_dir(root, "/")
        store.set_wasi(config)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        instance = linker.instantiate(store, module)
        instance.exports(store)["_start"](store)
        del instance, linker, store, config
        with open(stdout, "rb") as file:
            return file.read().decode().splitlines()


def sorted_entries(line):
    """A host lists directories in an order of its own."""
    parts = line.split(" ")
    return " ".join(parts[:1] + sorted(parts[1:]))


def errno(line):
    return int(line.split(" ")[0])


def paths(code, given):
    """The paths that an operation was given."""
    if code == "symlink":
        return [given["b"]]
    return [given["a"], given["b"]] if code in ("link", "rename") else [given["a"]]


# Differences that are a choice of Wasmtime's or of Linux's: a name, and whether it is this one, by the
# operation, what was given, our answer and the other's.
DIFFERENCES = [
    ("fd_allocate: Wasmtime supports it no more",
     lambda code, given, ours, other: code == "allocate" and errno(other) == 58),
    ("a path of more than 4096 bytes is refused before any other mistake",
     lambda code, given, ours, other: errno(ours) != 0 and max(map(len, paths(code, given))) > 4096),
    ("pwrite with the flag APPEND: at the offset, as POSIX says, or at the end, as Linux does",
     lambda code, given, ours, other: code in ("stat", "fstat", "read", "pread", "write", "seek", "tell")
     and errno(ours) == errno(other) == 0 and given["appended"]),
    ("a descriptor without the right to read or to write: Wasmtime asks the host's descriptor, which was "
     "opened for reading, or for writing too where the file was created",
     lambda code, given, ours, other: code in ("read", "pread", "write", "pwrite", "set_size")
     and errno(ours) in (8, 28) and errno(other) == 0),
    ("setting no time: Linux does not look whether the file is there",
     lambda code, given, ours, other: code == "set_times" and given["flags"] == 0
     and errno(ours) in (37, 44) and errno(other) == 0),
    ("a link to itself, opened as a directory and not followed: NOTDIR or LOOP",
     lambda code, given, ours, other: code == "open" and (errno(ours), errno(other)) == (54, 32)),
    ("rmdir with a slash at the end: Wasmtime refuses it at times",
     lambda code, given, ours, other: code == "rmdir" and given["a"].endswith(b"/") and errno(other) == 28),
    ("rmdir of ..: NOTEMPTY, as on Linux, or INVAL",
     lambda code, given, ours, other: code == "rmdir" and (errno(ours), errno(other)) == (55, 28)),
    ("a link with a slash at the end is deleted or renamed: the link is refused, or the slash follows it",
     lambda code, given, ours, other: any(path.endswith(b"/") for path in paths(code, given))
     and errno(ours) in (44, 54) and errno(other) in (32, 44, 63)),
    ("two mistakes at once: either may be told",
     lambda code, given, ours, other: code in ("link", "rename", "symlink", "set_times") and errno(ours) != 0
     and errno(other) != 0),
]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
    generator = random.Random(seed)
    scripts = [[one(generator) for _ in range(STEPS)] for _ in range(count)]
    joined = [b"".join(bytes for _, _, bytes, _ in script) for script in scripts]
    given = b"".join(struct.pack("<I", len(script)) + script for script in joined)
    command = ["cargo", "run", "--quiet", "--example", "file_scripts"]
    ours = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout.decode()
    ours = [part.splitlines() for part in ours.split("--\n")[:-1]]
    assert len(ours) == len(scripts)
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, GUEST)
    met, steps, wrong = Counter(), 0, []
    for script, bytes, mine in zip(scripts, joined, ours):
        other = by_wasmtime(engine, module, bytes)
        appends = appended = False
        for number, (code, shown, _, given) in enumerate(script):
            steps += 1
            appends |= given.get("flags") == 1 and code in ("open", "set_flags")
            appended |= appends and code == "pwrite"
            given["appended"] = appended
            left, right = (lines[number] if number < len(lines) else "nothing" for lines in (mine, other))
            if code == "readdir":
                left, right = sorted_entries(left), sorted_entries(right)
            if left == right:
                continue
            name = next((name for name, test in DIFFERENCES if test(code, given, left, right)), None)
            if name is None:
                wrong.append((script[:number + 1], mine, other, shown, left, right))
            else:
                met[name] += 1
            # What follows may come from this difference.
            break
    for name, times in met.most_common():
        print(f"{times:6}  {name}")
    kinds = Counter((shown.split()[0], left.split()[0], right.split()[0]) for *_, shown, left, right in wrong)
    for kind, times in kinds.most_common():
        print(f"WRONG {times:6}  {kind}")
    shortest = {}
    for script, mine, other, shown, left, right in wrong:
        kind = (shown.split()[0], left.split()[0], right.split()[0])
        if kind not in shortest or len(script) < len(shortest[kind][0]):
            shortest[kind] = script, mine, other
    for kind, (script, mine, other) in shortest.items():
        print(*kind)
        for (_, line, _, _), a, b in zip(script, mine, other):
            if a == b and a.startswith("0"):
                print(f"  {line[:160]}: {a}")
        print(f"  {line[:160]}: ours {a}, the other {b}")
    print(f"{count} scripts from seed {seed}, {steps} operations: {len(wrong)} with another answer")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
