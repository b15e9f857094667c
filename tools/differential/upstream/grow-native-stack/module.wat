(module
  (memory 1 1)
  (func (export "f") (param i32)
    loop
      (drop (memory.grow (i32.const 1)))
      (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
    end))
