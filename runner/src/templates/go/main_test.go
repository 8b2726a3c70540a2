package main

import (
	"reflect"
	"testing"
)

func TestGreetsByName(t *testing.T) {
	answer, err := greet([]byte(`{"name":"world"}`))
	want := map[string]string{"greeting": "Hello, world!"}
	if err != nil || !reflect.DeepEqual(answer, want) {
		t.Errorf("got %v, %v", answer, err)
	}
}
