package main

import "testing"

func TestGreet(t *testing.T) {
	if greeting, _ := greet([]byte("World")); string(greeting) != "Hello, World" {
		t.Errorf("the greeting is %q", greeting)
	}
}

func TestOrder(t *testing.T) {
	if receipt, _ := placeOrder([]byte(`{"price": 250, "count": 3}`)); string(receipt) != `{"total":750}` {
		t.Errorf("the receipt is %s", receipt)
	}
	if _, err := placeOrder([]byte(`{"price": 250, "count": 0}`)); err == nil {
		t.Error("nothing was ordered, and that is no error")
	}
}
