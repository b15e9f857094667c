(module
  (memory 4294967295 (pagesize 1))
  (func (export "f") (result i32 i64)
    (memory.grow (i32.const 1))
    (i64.extend_i32_u (memory.size))))
