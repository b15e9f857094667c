//! The languages, and the files that are written for each.

pub(super) const RUN: [&str; 2] = [
    "pocketwasm text {module} greet World",
    r#"pocketwasm text {module} order '{"price": 250, "count": 3}'"#,
];

/// A language, and what is written for it.
pub(super) struct Language {
    pub(super) name: &'static str,
    pub(super) files: &'static [&'static str],
    pub(super) module: &'static str,
    pub(super) build: &'static [&'static str],
    pub(super) need: &'static str,
    /// What must be on the machine to build it: a command that succeeds.
    pub(super) tool: &'static str,
}

pub(super) const RUST: Language = Language {
    name: "rust",
    files: &[".gitignore", "Cargo.toml", "README.md", "src/lib.rs"],
    module: "target/wasm32-unknown-unknown/release/my_plugin.wasm",
    build: &["cargo build --release --target wasm32-unknown-unknown"],
    need: "Rust, with its target for WebAssembly: `rustup target add wasm32-unknown-unknown`",
    tool: "test -d \"$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown\"",
};

pub(super) const C: Language = Language {
    name: "c",
    files: &[".gitignore", "README.md", "plugin.c", "plugin.h"],
    module: "my-plugin.wasm",
    build: &[
        "zig cc -target wasm32-wasi -mexec-model=reactor -Os -s -Wl,-z,stack-size=65536 \
         plugin.c -o my-plugin.wasm",
    ],
    need: "`zig cc`, a C compiler that brings all that WebAssembly needs: https://ziglang.org",
    tool: "zig version",
};

pub(super) const ZIG: Language = Language {
    name: "zig",
    files: &[".gitignore", "README.md", "host.zig", "plugin.zig"],
    module: "my-plugin.wasm",
    build: &[
        "zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic \
         -O ReleaseSmall -fstrip -femit-bin=my-plugin.wasm",
    ],
    need: "Zig 0.15 or later: https://ziglang.org",
    tool: "zig version",
};

pub(super) const GO: Language = Language {
    name: "go",
    files: &[
        ".gitignore",
        "README.md",
        "exports.go",
        "go.mod",
        "plugin.go",
        "plugin_test.go",
    ],
    module: "my-plugin.wasm",
    build: &[
        "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w' \
         -o my-plugin.wasm .",
    ],
    need: "Go 1.24 or later: https://go.dev",
    tool: "go version",
};

pub(super) const TINYGO: Language = Language {
    name: "tinygo",
    build: &["tinygo build -target=wasip1 -buildmode=c-shared -no-debug -o my-plugin.wasm ."],
    need: "TinyGo 0.36 or later, and the Go that it asks for: https://tinygo.org",
    tool: "tinygo version",
    ..GO
};

pub(super) const ASSEMBLYSCRIPT: Language = Language {
    name: "assemblyscript",
    files: &[
        ".gitignore",
        "README.md",
        "assembly/index.ts",
        "package.json",
        "tsconfig.json",
    ],
    module: "build/my-plugin.wasm",
    build: &["npm install", "npm run build"],
    need: "Node.js 20 or later, with npm: https://nodejs.org",
    // Whether npm reaches a registry shows when it installs.
    tool: "test -n \"$POCKETWASM_NEW\" && npm --version",
};

impl Language {
    pub(super) fn commands(&self) -> Vec<String> {
        let run = RUN.map(|line| line.replace("{module}", self.module));
        self.build
            .iter()
            .map(|line| (*line).to_owned())
            .chain(run)
            .collect()
    }

    /// What the program prints, for a folder `my-plugin`.
    pub(super) fn told(&self) -> String {
        let files = self
            .files
            .iter()
            .map(|file| format!("  my-plugin/{file}\n"));
        let commands = self.commands();
        let commands = commands.iter().map(|line| format!("  {line}\n"));
        format!(
            "{}\nYou need {}\n\nBuild it and run it:\n\n  cd my-plugin\n{}",
            files.collect::<String>(),
            self.need,
            commands.collect::<String>()
        )
    }
}
