//! The attribute of `pocketwasm-plugin`, which documents it.

mod expand;
mod name;

use proc_macro::TokenStream;

/// Exports a function to the host; see `pocketwasm_plugin::plugin`.
#[proc_macro_attribute]
pub fn plugin(options: TokenStream, function: TokenStream) -> TokenStream {
    expand::expand(options.into(), function.into()).into()
}
