(module
  (import "host" "panics" (func $panics))
  (func (export "f") (call $panics)))
