(module
  (func (export "double") (param i32 i32) (result i32)
    (local.set 0 (i32.add (local.get 0) (local.get 0)))
    local.get 0
    local.get 1
    loop (param i32)
      drop
    end))
