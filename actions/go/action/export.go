package action

// #include <stdlib.h>
// #include "action.h"
import "C"

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"unsafe"
)

//export action_abi_version
func action_abi_version() C.uint32_t { return C.ACTION_ABI_VERSION }

//export invoke
func invoke(params C.action_str, raw *C.action_context) C.action_result {
	return run(DefaultEntryPoint, params, raw)
}

// action_go_call is what ACTION_GO_ENTRY calls.
//
//export action_go_call
func action_go_call(entryPoint *C.char, params C.action_str, raw *C.action_context) C.action_result {
	return run(C.GoString(entryPoint), params, raw)
}

//export action_init
func action_init(raw *C.action_context) C.action_result {
	return guard(func() (any, error) {
		if len(registry.handlers) == 0 {
			return nil, errors.New("no handler is registered: call action.Register in func init, since main does not run in a shared library")
		}
		if registry.setup == nil {
			return nil, nil
		}
		ctx := &runContext{activation: activationOf(raw)}
		defer ctx.finish()
		return nil, registry.setup(ctx)
	})
}

//export action_ready
func action_ready() C.action_result {
	return guard(func() (any, error) {
		if registry.check == nil {
			return nil, nil
		}
		return nil, registry.check()
	})
}

//export action_describe
func action_describe(entryPoint C.action_str) C.action_result {
	return guard(func() (any, error) {
		name := C.GoStringN(entryPoint.ptr, C.int(entryPoint.len))
		if description, found := registry.descriptions[name]; found {
			return description, nil
		}
		return nil, fmt.Errorf("%s has no description", name)
	})
}

func run(entryPoint string, params C.action_str, raw *C.action_context) C.action_result {
	return guard(func() (any, error) {
		// A copy: a handler may keep its parameters, the runner does not.
		value := C.GoBytes(unsafe.Pointer(params.ptr), C.int(params.len))
		switch handler := handlerOf(entryPoint).(type) {
		case Handler:
			return handler(value)
		case ContextHandler:
			ctx := &runContext{activation: activationOf(raw)}
			defer ctx.finish()
			return handler(ctx, value)
		}
		return nil, fmt.Errorf("no handler is registered as %s: call action.Register in func init, since main does not run in a shared library", entryPoint)
	})
}

// guard turns what body returns, or panics with, into a result.
func guard(body func() (any, error)) (result C.action_result) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintf(os.Stderr, "panic: %v\n\n%s", reason, debug.Stack())
			result = resultOf(C.ACTION_PANIC, fmt.Sprint(reason))
		}
	}()
	value, err := body()
	if err != nil {
		return failure(err)
	}
	return resultOf(C.ACTION_OK, value)
}

func failure(err error) C.action_result {
	var carried Error
	if errors.As(err, &carried) {
		return resultOf(C.ACTION_ERROR, carried.Value)
	}
	return resultOf(C.ACTION_ERROR, err.Error())
}

// resultOf hands JSON over in C's memory: Go's must not be kept by the runner after the call.
func resultOf(status C.int32_t, value any) C.action_result {
	text, err := encode(value)
	if err != nil {
		status = C.ACTION_ERROR
		text, _ = encode(fmt.Sprintf("the result cannot be written as JSON: %v", err))
	}
	bytes := C.CBytes(text)
	return C.action_result{
		status:  status,
		ptr:     (*C.char)(bytes),
		len:     C.size_t(len(text)),
		release: (*[0]byte)(C.free),
		owner:   bytes,
	}
}

// encode is json.Marshal without its escapes for HTML, which would change the author's text.
func encode(value any) ([]byte, error) {
	if raw, is := value.(json.RawMessage); is && len(raw) > 0 {
		return raw, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}
