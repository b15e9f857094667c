(module
  (func (export "f") (param i32) (result i32)
    (select (i32.const 1) (i32.const 127) (i32.eqz (local.get 0)))))
