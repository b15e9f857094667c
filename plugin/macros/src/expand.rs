//! What the attribute makes of a function.

use crate::name;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Error, FnArg, Ident, ItemFn, LitStr, ReturnType, Safety, Signature, Token, Type,
    parse::{Parse, ParseStream},
    parse2,
    spanned::Spanned,
};

/// What is in the attribute's parentheses.
struct Options {
    name: Option<LitStr>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Ok(Self { name: None });
        }
        let option: Ident = input.parse()?;
        if option != "name" {
            let problem = "the attribute's only option is `name = \"other\"`";
            return Err(Error::new(option.span(), problem));
        }
        input.parse::<Token![=]>()?;
        let name = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self { name: Some(name) })
    }
}

/// The function, and then its export or an error.
pub(crate) fn expand(options: TokenStream, function: TokenStream) -> TokenStream {
    let export = match parse2::<ItemFn>(function.clone()) {
        Ok(item) => parse2::<Options>(options).and_then(|options| export(&options, &item)),
        Err(error) => Err(Error::new(
            error.span(),
            format!("`#[plugin]` stands before a function: {error}"),
        )),
    };
    let export = export.unwrap_or_else(Error::into_compile_error);
    quote!(#function #export)
}

fn export(options: &Options, item: &ItemFn) -> syn::Result<TokenStream> {
    let signature = &item.sig;
    check(signature)?;
    let name = match &options.name {
        Some(name) => (name.value(), name.span()),
        None => (unraw(&signature.ident), signature.ident.span()),
    };
    if let Some(problem) = name::refuse(&name.0) {
        return Err(Error::new(name.1, problem));
    }
    let name = LitStr::new(&name.0, name.1);
    let function = &signature.ident;
    let cfgs = item.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
    let crate_ = quote!(::pocketwasm_plugin::__private);

    let count = signature.inputs.len();
    let lengths: Vec<Ident> = (0..count).map(|at| format_ident!("length_{at}")).collect();
    let inputs: Vec<Ident> = (0..count).map(|at| format_ident!("input_{at}")).collect();
    let values = signature.inputs.iter().zip(&inputs).enumerate();
    let values = values.map(|(at, (parameter, input))| {
        // An error about the type points at the type.
        let span = match parameter {
            FnArg::Typed(typed) => typed.ty.span(),
            FnArg::Receiver(receiver) => receiver.span(),
        };
        quote_spanned! {mixed(span)=>
            ::pocketwasm_plugin::__private::input(#input, #at, #count)?
        }
    });
    let result = match &signature.output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let into_bytes = quote_spanned!(mixed(result)=> ::pocketwasm_plugin::Output::into_bytes);

    Ok(quote! {
        #(#cfgs)*
        const _: () = {
            // Elsewhere too, for its errors, and since it is what uses the function.
            #[allow(dead_code)]
            #[cfg_attr(target_family = "wasm", unsafe(export_name = #name))]
            extern "C" fn export(#(#lengths: #crate_::Length),*) -> #crate_::Status {
                let inputs = match #crate_::Inputs::receive([#(#lengths),*]) {
                    #crate_::Result::Ok(inputs) => inputs,
                    #crate_::Result::Err(message) => {
                        return #crate_::answer::<[u8; 0]>(#crate_::Result::Err(message));
                    }
                };
                let [#(#inputs),*] = inputs.slices();
                let call = || -> #crate_::Result<_, #crate_::String> {
                    #into_bytes(#function(#(#values),*))
                };
                #crate_::answer(call())
            }
        };
    })
}

/// Names resolve as in the macro; the place is the user's.
fn mixed(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

/// The name of a function without the `r#` that a keyword has.
fn unraw(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// Says what no host can call.
fn check(signature: &Signature) -> syn::Result<()> {
    let refuse = |what: &dyn ToTokens, problem: &str| Err(Error::new_spanned(what, problem));
    if let Some(token) = &signature.asyncness {
        return refuse(
            token,
            "a host's call cannot wait: the function must not be `async`",
        );
    }
    if let Safety::Unsafe(_) = &signature.safety {
        return refuse(
            signature,
            "a host can call it with anything: the function must not be `unsafe`",
        );
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi, "the attribute makes the export: leave out `extern`");
    }
    if signature.generics.type_params().next().is_some()
        || signature.generics.const_params().next().is_some()
    {
        return refuse(
            &signature.generics,
            "a host passes bytes and no types: the function must not be generic",
        );
    }
    if let Some(variadic) = &signature.variadic {
        return refuse(variadic, "the number of inputs must be fixed");
    }
    for parameter in &signature.inputs {
        match parameter {
            FnArg::Receiver(receiver) => {
                return refuse(
                    receiver,
                    "the function must not be a method: a host has no `self`",
                );
            }
            FnArg::Typed(typed) => {
                if let Type::ImplTrait(ty) = &*typed.ty {
                    return refuse(ty, "name the type: a host passes bytes and no types");
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::expand;
    use proc_macro2::TokenStream;

    fn expanded(options: &str, function: &str) -> String {
        let tokens = |text: &str| text.parse::<TokenStream>().unwrap();
        expand(tokens(options), tokens(function)).to_string()
    }

    #[test]
    fn the_function_stays_and_an_export_joins_it() {
        for (options, function, name) in [
            ("", "fn greet(name: String) -> String { name }", "greet"),
            ("", "pub fn r#match() {}", "match"),
            ("name = \"to-upper\"", "fn up(a: &str) {}", "to-upper"),
            ("name = \"log\u{e9}\",", "fn log() {}", "log\u{e9}"),
            ("", "fn same<'a>(a: &'a str) -> &'a str { a }", "same"),
        ] {
            let text = expanded(options, function);
            let own: TokenStream = function.parse().unwrap();
            assert!(text.starts_with(&own.to_string()), "{text}");
            let export = format!("unsafe (export_name = \"{name}\")");
            assert!(text.contains(&export), "{text}");
        }
    }

    #[test]
    fn what_leaves_out_the_function_leaves_out_the_export() {
        let text = expanded("", "#[doc = \"x\"] #[cfg(test)] fn f() {}");
        assert!(text.contains("} # [cfg (test)] const _"), "{text}");
    }

    #[test]
    fn what_no_host_can_call_is_refused() {
        for (options, function, message) in [
            ("", "struct S;", "`#[plugin]` stands before a function"),
            ("", "async fn f() {}", "must not be `async`"),
            ("", "unsafe fn f() {}", "must not be `unsafe`"),
            ("", "extern \"C\" fn f() {}", "leave out `extern`"),
            ("", "fn f<T>(a: T) {}", "must not be generic"),
            (
                "",
                "fn f<const N: usize>(a: [u8; N]) {}",
                "must not be generic",
            ),
            ("", "fn f(a: impl Sized) {}", "name the type"),
            ("", "fn f(&self) {}", "must not be a method"),
            ("", "fn memcpy(a: &str) {}", "compiled code uses for itself"),
            ("name = \"_start\"", "fn f() {}", "looks like a name"),
            ("name = 5", "fn f() {}", "expected string literal"),
            ("title = \"f\"", "fn f() {}", "only option is `name"),
            ("name = \"f\" 5", "fn f() {}", "unexpected token"),
        ] {
            let text = expanded(options, function);
            assert!(text.contains("compile_error"), "{function}: {text}");
            assert!(text.contains(message), "{function}: {text}");
            assert!(!text.contains("export_name"), "{function}: {text}");
        }
    }
}
