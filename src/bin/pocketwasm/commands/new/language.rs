//! The languages that `new` knows, and the files of a plugin in each.

use clap::ValueEnum;

/// A language that `new` can write a plugin in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Rust,
    C,
    Zig,
    Go,
    #[value(name = "tinygo")]
    TinyGo,
    #[value(name = "assemblyscript")]
    AssemblyScript,
}

/// The files and commands of a new plugin.
#[derive(Debug)]
pub(super) struct Template {
    /// Paths relative to the plugin's folder, and contents.
    pub(super) files: Vec<(&'static str, String)>,
    /// The commands that build it and run it in that folder.
    pub(super) commands: Vec<String>,
    /// The tools that must be installed.
    pub(super) need: &'static str,
}

impl Language {
    /// The template of a plugin called `name`. In Rust it depends on `pocketwasm-plugin` at the
    /// path `plugin_crate`, or on the one in the registry.
    pub(super) fn template(self, name: &str, plugin_crate: Option<&str>) -> Template {
        let module = self.module(name);
        let dependency = match plugin_crate {
            // TOML strings in single quotes have no escapes. A path that does not fit into one
            // becomes a string with escapes.
            Some(path) if !path.contains(['\'', '\n']) => format!("path = '{path}'"),
            Some(path) => format!("path = {path:?}"),
            None => "version = \"0.1\"".to_owned(),
        };
        let fill = |text: &str| {
            text.replace("{{name}}", name)
                .replace("{{module}}", &module)
                .replace("{{dependency}}", &dependency)
                .replace("{{language}}", self.display_name())
                .replace("{{need}}", self.need())
        };
        let commands: Vec<String> = self.build().iter().chain(RUN).map(|it| fill(it)).collect();
        let files = self.files().iter();
        let files = files.map(|(path, text)| {
            let text = text.replace("{{commands}}", &commands.join("\n"));
            (*path, fill(&text))
        });
        Template {
            files: files.collect(),
            commands,
            need: self.need(),
        }
    }

    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => &[
                (".gitignore", include_str!("rust/gitignore")),
                ("Cargo.toml", include_str!("rust/Cargo.toml.in")),
                ("README.md", include_str!("rust/README.md")),
                ("src/lib.rs", include_str!("rust/lib.rs")),
            ],
            Self::C => &[
                (".gitignore", include_str!("c/gitignore")),
                ("README.md", include_str!("c/README.md")),
                ("plugin.c", include_str!("c/plugin.c")),
                ("plugin.h", include_str!("c/plugin.h")),
            ],
            Self::Zig => &[
                (".gitignore", include_str!("zig/gitignore")),
                ("README.md", include_str!("zig/README.md")),
                ("host.zig", include_str!("zig/host.zig")),
                ("plugin.zig", include_str!("zig/plugin.zig")),
            ],
            Self::Go | Self::TinyGo => &[
                (".gitignore", include_str!("go/gitignore")),
                ("README.md", include_str!("go/README.md")),
                ("exports.go", include_str!("go/exports.go")),
                ("go.mod", include_str!("go/go.mod.in")),
                ("plugin.go", include_str!("go/plugin.go")),
                ("plugin_test.go", include_str!("go/plugin_test.go")),
            ],
            Self::AssemblyScript => &[
                (".gitignore", include_str!("assemblyscript/gitignore")),
                ("README.md", include_str!("assemblyscript/README.md")),
                ("assembly/index.ts", include_str!("assemblyscript/index.ts")),
                (
                    "package.json",
                    include_str!("assemblyscript/package.json.in"),
                ),
                (
                    "tsconfig.json",
                    include_str!("assemblyscript/tsconfig.json"),
                ),
            ],
        }
    }

    fn display_name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Zig => "Zig",
            Self::Go => "Go",
            Self::TinyGo => "TinyGo",
            Self::AssemblyScript => "AssemblyScript",
        }
    }

    /// The tools that must be installed, worded to follow "You need".
    fn need(self) -> &'static str {
        match self {
            Self::Rust => {
                "Rust, with its target for WebAssembly: `rustup target add wasm32-unknown-unknown`"
            }
            Self::C => {
                "`zig cc`, a C compiler that brings all that WebAssembly needs: https://ziglang.org"
            }
            Self::Zig => "Zig 0.15 or later: https://ziglang.org",
            Self::Go => "Go 1.24 or later: https://go.dev",
            Self::TinyGo => "TinyGo 0.36 or later, and the Go that it asks for: https://tinygo.org",
            Self::AssemblyScript => "Node.js 20 or later, with npm: https://nodejs.org",
        }
    }

    /// The path of the built module in the plugin's folder.
    fn module(self, name: &str) -> String {
        match self {
            Self::Rust => format!(
                "target/wasm32-unknown-unknown/release/{}.wasm",
                name.replace('-', "_")
            ),
            Self::AssemblyScript => format!("build/{name}.wasm"),
            Self::C | Self::Zig | Self::Go | Self::TinyGo => format!("{name}.wasm"),
        }
    }

    fn build(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["cargo build --release --target wasm32-unknown-unknown"],
            Self::C => &[
                "zig cc -target wasm32-wasi -mexec-model=reactor -Os -s -Wl,-z,stack-size=65536 \
                 plugin.c -o {{module}}",
            ],
            Self::Zig => &[
                "zig build-exe plugin.zig -target wasm32-freestanding -fno-entry -rdynamic \
                 -O ReleaseSmall -fstrip -femit-bin={{module}}",
            ],
            Self::Go => &[
                "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w' \
                 -o {{module}} .",
            ],
            Self::TinyGo => {
                &["tinygo build -target=wasip1 -buildmode=c-shared -no-debug -o {{module}} ."]
            }
            Self::AssemblyScript => &["npm install", "npm run build"],
        }
    }
}

/// The commands that run it.
const RUN: &[&str] = &[
    "pocketwasm text {{module}} greet World",
    r#"pocketwasm text {{module}} order '{"price": 250, "count": 3}'"#,
];
