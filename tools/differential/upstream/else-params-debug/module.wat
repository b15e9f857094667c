(module
  (func (export "f") (param i32 i32) (result i32)
    (i32.add (local.get 1) (i32.const 1))
    local.get 0
    if (param i32) (result i32)
      (local.tee 1 (i32.add (i32.const 3)))
    else
    end))
