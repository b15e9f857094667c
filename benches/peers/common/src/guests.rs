//! The guests and what they are to do.

/// A guest by the name that the driver calls it.
pub struct Guest {
    pub work: Work,
    /// What it has to answer, `?` for any byte: a figure of a wrong answer is worth nothing.
    pub answer: &'static [u8],
    /// What every instance needs called before all else, besides its initialiser. A runtime with
    /// snapshots may call it once at load.
    pub set_up: Option<&'static str>,
}

/// What is asked of a guest.
pub enum Work {
    Numbers {
        export: &'static str,
        params: &'static [i32],
    },
    /// By the packed-pointer convention.
    Bytes {
        export: &'static str,
        input: Vec<u8>,
        allocate: &'static str,
        release: &'static str,
        /// Whether `release` takes the size too.
        sized: bool,
    },
    Extism {
        export: &'static str,
        input: &'static [u8],
    },
}

impl Guest {
    pub fn named(name: &str) -> Option<Self> {
        let numbers = |export, params| Work::Numbers { export, params };
        let bytes = |export, input: &[u8], allocate, release, sized| Work::Bytes {
            export,
            input: input.to_vec(),
            allocate,
            release,
            sized,
        };
        let greeting = b"Hello, World";
        let (work, answer): (_, &[u8]) = match name {
            "add" => (numbers("add", &[2, 40]), b"42"),
            "rust" => (
                bytes("greet", b"World", "allocate", "deallocate", true),
                greeting,
            ),
            "echo" => (
                bytes("echo", ECHOED, "allocate", "deallocate", true),
                ECHOED,
            ),
            "zig" => (bytes("greet", b"World", "allocate", "free", true), greeting),
            "c" => (bytes("greet", b"World", "malloc", "free", false), greeting),
            "go" => (bytes("greet", b"World", "malloc", "free", false), greeting),
            // The published 6 MB plugin: a log line with a secret in it, which it hashes with random
            // salt.
            "go6" => (
                bytes("redact", LINE.as_bytes(), "allocate", "free", true),
                REDACTED.as_bytes(),
            ),
            // QuickJS evaluates `Infinity`, a string that the module holds at that address; the
            // other is "<eval>". The answer is an address, the same wherever all before it was.
            "js" => (
                Work::Numbers {
                    export: "qjs_eval",
                    params: &[1_049_138, 8, 1_086_572, 0],
                },
                b"1247488",
            ),
            "extism" => (
                Work::Extism {
                    export: "greet",
                    input: b"World",
                },
                greeting,
            ),
            "fib" => (numbers("fib", &[27]), b"196418"),
            "sum" => (numbers("sum", &[100]), b"0"),
            _ => return None,
        };
        Some(Self {
            work,
            answer,
            set_up: (name == "js").then_some("qjs_init"),
        })
    }
}

const ECHOED: &[u8] = &[b'x'; 65_536];
const LINE: &str = r#"{"level":"info","user":"ada","api_key":"sk_live_9aF3kQ7LmZ2xV8bT1cYw"}"#;
const REDACTED: &str = r#"{"level":"info","user":"ada","api_key":"[HIDDEN:??????]"}"#;
