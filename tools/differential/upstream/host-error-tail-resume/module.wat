(module
  (import "host" "fail" (func $fail (result i32)))
  (func $call (result i32) (call $fail))
  (func $tail (result i32) (return_call $fail))
  (func (export "call") (result i32) (local i32)
    (i32.add (call $call) (i32.const 1000)))
  (func (export "tail") (result i32) (local i32)
    (i32.add (call $tail) (i32.const 1000))))
