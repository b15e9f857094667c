;; Integer and memory work of a given length, and a call through a table.
(module
  (memory (export "memory") 1 4)
  (table 2 funcref)
  (elem (i32.const 0) $mix $turn)
  (type $step (func (param i64 i64) (result i64)))
  (func $mix (type $step)
    (i64.xor (i64.mul (local.get 0) (i64.const 6364136223846793005)) (local.get 1)))
  (func $turn (type $step)
    (i64.rotl (i64.add (local.get 0) (local.get 1)) (i64.const 13)))
  (func (export "work") (param $rounds i32) (result i64)
    (local $sum i64) (local $round i32)
    (loop $next
      (local.set $sum
        (call_indirect (type $step)
          (local.get $sum)
          (i64.extend_i32_u (local.get $round))
          (i32.and (local.get $round) (i32.const 1))))
      (i64.store
        (i32.shl (i32.and (local.get $round) (i32.const 1023)) (i32.const 3))
        (local.get $sum))
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $round) (local.get $rounds))))
    (memory.copy (i32.const 16384) (i32.const 0) (i32.const 8192))
    (i64.add (local.get $sum) (i64.load (i32.const 16392)))))
