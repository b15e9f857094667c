(module
  (import "host" "table" (table 1 funcref))
  (global $three (mut i32) (i32.const 3))
  (memory 1)
  (func $f (result i32) (global.get $three))
  (elem (i32.const 0) $f)
  (data (i32.const 65536) "x"))
