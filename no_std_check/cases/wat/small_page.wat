;; The packed-pointer greeting in a memory of 1,024 pages of one byte (custom page sizes).
(module
  (memory (export "memory") 1024 (pagesize 1))
  (global $next (mut i32) (i32.const 512))
  (data (i32.const 0) "Hello, ")
  (func (export "allocate") (param $size i32) (result i32)
    (global.get $next)
    (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "greet") (param $at i32) (param $length i32) (result i64)
    (memory.copy (i32.const 7) (local.get $at) (local.get $length))
    (i64.extend_i32_u (i32.add (local.get $length) (i32.const 7)))))
