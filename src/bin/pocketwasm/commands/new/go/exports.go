//go:build wasip1

package main

import "unsafe"

// The exports: the host calls each by its name with the length of its input.

//go:wasmexport greet
func exportGreet(length uint32) uint32 { return answer(length, greet) }

//go:wasmexport order
func exportOrder(length uint32) uint32 { return answer(length, placeOrder) }

// What a plugin needs to be called with bytes: Typst's minimal protocol. An export asks the host for
// the bytes of its input, sends one result, and returns 0, or 1 where what it sent is an error's message.

//go:wasmimport typst_env wasm_minimal_protocol_write_args_to_buffer
func writeInputs(to unsafe.Pointer)

//go:wasmimport typst_env wasm_minimal_protocol_send_result_to_host
func sendResult(bytes unsafe.Pointer, length uint32)

// answer sends what function makes of the input, or its error.
func answer(length uint32, function func([]byte) ([]byte, error)) uint32 {
	// One more than is needed, since an empty slice may have no address.
	input := make([]byte, length, length+1)
	writeInputs(unsafe.Pointer(unsafe.SliceData(input)))
	result, err := function(input)
	status := uint32(0)
	if err != nil {
		result, status = []byte(err.Error()), 1
	}
	sendResult(unsafe.Pointer(unsafe.SliceData(result)), uint32(len(result)))
	return status
}
