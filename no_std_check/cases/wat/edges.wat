;; Every trap, growing to the limits, and output without end.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (table $table 1 funcref)
  (type $none (func))
  (type $one (func (param i32)))
  (elem declare func $takes)
  (func $takes (type $one))
  (data (i32.const 8) "\10\00\00\00\20\00\00\00")
  (data (i32.const 16) "thirty-two bytes of one output.\n")
  (func (export "unreachable") unreachable)
  (func (export "load") (result i32) (i32.load (i32.const 65535)))
  (func (export "table") (call_indirect (type $none) (i32.const 9)))
  (func (export "null") (call_indirect (type $none) (i32.const 0)))
  (func (export "type")
    (table.set (i32.const 0) (ref.func $takes))
    (call_indirect (type $none) (i32.const 0)))
  (func (export "divide") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
  (func (export "overflow") (result i32)
    (i32.div_s (i32.const 0x80000000) (i32.const -1)))
  (func (export "convert") (result i32) (i32.trunc_f64_s (f64.const nan)))
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (call $recurse (local.get 0)) (i32.const 1)))
  (func (export "grow") (result i32) (local $count i32)
    (block $full
      (loop $next
        (br_if $full (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $next)))
    (local.get $count))
  (func (export "grow_table") (result i32) (local $count i32)
    (block $full
      (loop $next
        (br_if $full
          (i32.eq (table.grow $table (ref.null func) (i32.const 100)) (i32.const -1)))
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (br $next)))
    (local.get $count))
  (func (export "flood") (result i32)
    (loop $next
      (br_if $next
        (i32.eqz (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))
    (call $fd_write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0))))
