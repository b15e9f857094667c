//! The host functions that programs import, as closures.

use crate::answer::note;
use pocketwasm::{Error, HostContext, RunnerConfig};
use programs::{HOST, hosts};

/// A number as its bits, the 32-bit ones in the low half.
trait Bits {
    fn bits(self) -> u64;
    fn from(bits: u64) -> Self;
}

macro_rules! bits {
    ($($ty:ty: $to:expr, $from:expr;)*) => {$(
        impl Bits for $ty {
            fn bits(self) -> u64 {
                $to(self)
            }
            fn from(bits: u64) -> Self {
                $from(bits)
            }
        }
    )*};
}

bits! {
    i32: |it: i32| u64::from(it as u32), |it: u64| it as i32;
    i64: |it: i64| it as u64, |it: u64| it as i64;
    f32: |it: f32| u64::from(it.to_bits()), |it: u64| f32::from_bits(it as u32);
    f64: |it: f64| it.to_bits(), |it: u64| f64::from_bits(it);
}

macro_rules! ty {
    (i) => {
        i32
    };
    (l) => {
        i64
    };
    (f) => {
        f32
    };
    (d) => {
        f64
    };
}

macro_rules! one {
    ($config:ident, [$($param:ident $letter:ident)*], [$($result:ident)*]) => {{
        let name: &'static str = concat!($(stringify!($letter),)* "_", $(stringify!($result)),*);
        #[allow(unused_assignments, unused_mut, unused_variables, unused_parens)]
        let function = move |_: &mut HostContext<'_>, $($param: ty!($letter)),*| {
            let params: &[u64] = &[$(Bits::bits($param)),*];
            note(name, params);
            let results = hosts::signature(name).results;
            let answers = hosts::answer(params, &results);
            let mut at = 0;
            ($({ at += 1; <ty!($result) as Bits>::from(answers[at - 1]) }),*)
        };
        $config = $config.function(HOST, name, function);
    }};
}

macro_rules! each {
    ($config:ident; $([$($param:ident $letter:ident)*])*) => {$(
        one!($config, [$($param $letter)*], []);
        one!($config, [$($param $letter)*], [i]);
        one!($config, [$($param $letter)*], [l]);
        one!($config, [$($param $letter)*], [f]);
        one!($config, [$($param $letter)*], [d]);
        one!($config, [$($param $letter)*], [i l]);
        one!($config, [$($param $letter)*], [d d]);
    )*};
}

/// Every host function that programs import.
pub fn with_functions(mut config: RunnerConfig) -> RunnerConfig {
    each! { config;
        [] [a i] [a l] [a f] [a d]
        [a i b i] [a i b l] [a i b f] [a i b d]
        [a l b i] [a l b l] [a l b f] [a l b d]
        [a f b i] [a f b l] [a f b f] [a f b d]
        [a d b i] [a d b l] [a d b f] [a d b d]
        [a i b i c i] [a l b l c l]
    }
    let back = |context: &mut HostContext<'_>, number: i32| -> Result<i32, Error> {
        note(hosts::BACK, &[number.bits()]);
        let answer = context.call(hosts::CALLED_BACK, &[number.bits()])?;
        Ok(answer[0] as i32)
    };
    let seen = |context: &mut HostContext<'_>, number: i32| -> Result<(), Error> {
        let size = context.memory_size();
        let sum = hosts::sum(context.read(0, u32::try_from(size).expect("few pages"))?);
        note(hosts::SEEN, &[number.bits(), sum]);
        Ok(())
    };
    config
        .function(HOST, hosts::BACK, back)
        .function(HOST, hosts::SEEN, seen)
}
