//! The gateway's web page.

/// A file that the gateway serves itself.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: &'static str,
}

static FILES: [File; 3] = [
    File {
        path: "/",
        content_type: "text/html; charset=utf-8",
        body: include_str!("page.html"),
    },
    File {
        path: "/page.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("page.css"),
    },
    File {
        path: "/page.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("page.js"),
    },
];

/// The page's content security policy: it loads its own two files and talks to its own gateway
/// only.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn file(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}
