(module
  (memory 1 65536)
  (func (export "f") (result i32) (memory.grow (i32.const 1))))
