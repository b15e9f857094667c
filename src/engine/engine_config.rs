//! How the engine is configured.

use crate::common::{limits::Limits, native_stack::LEAKING_COST};
use wasmi::{CompilationMode, Config, CustomFuelCosts, OperatorCost};

/// The engine's configuration for modules within `limits`.
pub(crate) fn config(limits: &Limits, mode: CompilationMode) -> Config {
    let stack = usize::try_from(limits.max_stack_bytes).unwrap_or(usize::MAX);
    let depth = usize::try_from(limits.max_recursion_depth).unwrap_or(usize::MAX);
    let mut config = Config::default();
    config
        .consume_fuel(true)
        // Only the tail-call dispatcher needs this price. The loop has it too, because the same
        // call must use the same fuel with both.
        .operator_cost(OperatorCost {
            memory_grow: LEAKING_COST,
            table_grow: LEAKING_COST,
            ..OperatorCost::default()
        })
        .compilation_mode(mode)
        // Translation costs no fuel. Otherwise the lazy modes would charge it to whoever calls
        // first, and a call could not resume when its fuel ran out during translation.
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: 64,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .ignore_custom_sections(true)
        .set_max_stack_height(stack)
        .set_max_recursion_depth(depth)
        .wasm_multi_memory(limits.max_memories > 1)
        .wasm_custom_page_sizes(true);
    // On a big-endian host the engine reverses the bytes of a vector whenever it moves one. Vectors
    // are refused there.
    #[cfg(feature = "simd")]
    config
        .wasm_simd(cfg!(target_endian = "little"))
        .wasm_relaxed_simd(cfg!(target_endian = "little"));
    config
}
