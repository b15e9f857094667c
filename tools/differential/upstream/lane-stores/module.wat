(module
  (memory 2)
  (func (export "five") (result i32)
    (local v128)
    (v128.store8_lane offset=65536 0 (i32.const 0) (local.get 0))
    (i32.const 5)))
