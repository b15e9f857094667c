(module
  (memory 2)
  (func $store (local i32)
    (local.set 0 (i32.add (local.get 0) (i32.const 1)))
    (i32.store offset=65536 (local.get 0) (local.get 0)))
  (func (export "run") (call $store)))
