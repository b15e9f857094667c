(module
  (func (export "earlier") (param i64 i64 i64 i64))
  (func (export "first") (param i64 i32) (result i64)
    local.get 0
    i32.const 7
    block (param i32)
      drop
      (br_if 0 (local.get 1))
      (local.set 0 (i64.const 77))
    end))
