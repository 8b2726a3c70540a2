// Package action turns a Go function into an action of the runner. A whole action is:
//
//	package main
//
//	import ("action"; "encoding/json")
//
//	func init() {
//		action.Register(func(value json.RawMessage) (any, error) { return map[string]any{"got": value}, nil })
//	}
//
//	func main() {} // needed by -buildmode=c-shared, never called
//
// built with: go build -buildmode=c-shared -o libaction.so
//
// This file is what an author sees; export.go is what the runner sees.
package action

import (
	"context"
	"encoding/json"
	"sync"
)

// A Handler takes the parameters as they were sent and returns anything that encoding/json can write.
type Handler = func(value json.RawMessage) (any, error)

// A ContextHandler is also told the deadline (the context's own) and the Activation.
type ContextHandler = func(ctx context.Context, value json.RawMessage) (any, error)

// DefaultEntryPoint is the exported function that runs when no other one is asked for.
const DefaultEntryPoint = "invoke"

// An Error carries a JSON value: Error{map[string]any{"statusCode": 404}} is what a web action answers.
// Any other error becomes a string.
type Error struct{ Value any }

func (e Error) Error() string {
	text, err := encode(e.Value)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

var registry = struct {
	sync.RWMutex
	handlers     map[string]any
	descriptions map[string]any
	setup        func(context.Context) error
	check        func() error
}{handlers: map[string]any{}, descriptions: map[string]any{}}

// Register makes handler the default entry point. Call it in func init: main does not run in a shared library.
func Register(handler Handler) { register(DefaultEntryPoint, handler) }

// RegisterContext is Register for a handler that wants the context.
func RegisterContext(handler ContextHandler) { register(DefaultEntryPoint, handler) }

// RegisterNamed adds another entry point, which "main" selects. Its symbol needs one line of C beside the Go files:
//
//	#include "entry.h"
//	ACTION_GO_ENTRY(name)
func RegisterNamed(name string, handler ContextHandler) { register(name, handler) }

func register(name string, handler any) {
	registry.Lock()
	defer registry.Unlock()
	registry.handlers[name] = handler
}

// Describe adds what `inspect` shows for an entry point: a description and the JSON Schemas of parameters and result.
func Describe(entryPoint string, description any) {
	registry.Lock()
	defer registry.Unlock()
	registry.descriptions[entryPoint] = description
}

// OnInit runs once, before the first run; its error fails /init.
func OnInit(setup func(context.Context) error) { registry.setup = setup }

// OnReady is asked whether the action is ready for traffic; an error means that it is not.
func OnReady(check func() error) { registry.check = check }

func handlerOf(entryPoint string) any {
	registry.RLock()
	defer registry.RUnlock()
	return registry.handlers[entryPoint]
}
