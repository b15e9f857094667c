//! Flame graphs of profiles.

use inferno::flamegraph::{self, Options};
use pocketwasm::explain::Profile;
use std::io;

/// A flame graph as SVG. The same profile always gives the same bytes.
pub(crate) fn svg(profile: &Profile, title: &str) -> io::Result<Vec<u8>> {
    let mut options = Options::default();
    options.title = title.to_owned();
    options.name_type = "Function:".to_owned();
    options.count_name = "units of fuel".to_owned();
    options.deterministic = true;
    let folded = profile.folded();
    if folded.is_empty() {
        return Err(io::Error::other("the call used no fuel"));
    }
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg)?;
    Ok(svg)
}
