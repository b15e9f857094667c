// A plugin. The functions are ordinary Go; exports.go makes them exports.
package main

import (
	"encoding/json"
	"errors"
	"math"
)

// main is not called: the plugin is a library.
func main() {}

// greet has text in, text out.
func greet(name []byte) ([]byte, error) {
	return append([]byte("Hello, "), name...), nil
}

type order struct {
	Price int64 `json:"price"`
	Count int64 `json:"count"`
}

type receipt struct {
	Total int64 `json:"total"`
}

// placeOrder has JSON in, JSON out. The host gets an error with its message.
func placeOrder(input []byte) ([]byte, error) {
	var order order
	if err := json.Unmarshal(input, &order); err != nil {
		return nil, err
	}
	if order.Count <= 0 {
		return nil, errors.New("the count must be positive")
	}
	if order.Price < 0 || order.Price > math.MaxInt64/order.Count {
		return nil, errors.New("the total is too large")
	}
	return json.Marshal(receipt{Total: order.Price * order.Count})
}
