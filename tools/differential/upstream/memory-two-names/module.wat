(module
  (import "host" "memory" (memory $a 1))
  (import "host" "memory" (memory $b 1))
  (func (export "f") (param i32) (result i32)
    (drop (memory.grow $b (i32.const 40)))
    (i32.store $a (local.get 0) (i32.const 7))
    (i32.load $b (local.get 0))))
