(module
  (func (export "f") (param i32) (result i32)
    block (result i32 i32)
      block (result i32 i32)
        i32.const 100
        i32.const 7
        i32.const 2
        local.get 0
        br_table 0 1
      end
    end
    i32.sub))
