package action

// #include "action.h"
import "C"

import (
	"context"
	"sync"
	"time"
	"unsafe"
)

// An Activation is what the runner tells about one run. A field that was not given is empty.
type Activation struct {
	ID            string
	TransactionID string
	Namespace     string
	ActionName    string
	ActionVersion string
	APIKey        string
	APIHost       string
	TraceParent   string
	TraceState    string
	Deadline      time.Time
}

type activationKey struct{}

// Current is the activation that ctx, a handler's context, belongs to.
func Current(ctx context.Context) Activation {
	activation, _ := ctx.Value(activationKey{}).(Activation)
	return activation
}

// A runContext ends at the activation's deadline or when the run does. Its timer is started by whoever first waits
// for it: most handlers never do, and a timer costs more than the rest of the call.
type runContext struct {
	activation Activation
	start      sync.Once
	timed      context.Context
	cancel     context.CancelFunc
}

func (c *runContext) Deadline() (time.Time, bool) {
	return c.activation.Deadline, !c.activation.Deadline.IsZero()
}

func (c *runContext) Done() <-chan struct{} { return c.started().Done() }

func (c *runContext) Err() error { return c.started().Err() }

func (c *runContext) Value(key any) any {
	if _, asked := key.(activationKey); asked {
		return c.activation
	}
	return nil
}

func (c *runContext) started() context.Context {
	c.start.Do(func() {
		if deadline, given := c.Deadline(); given {
			c.timed, c.cancel = context.WithDeadline(context.Background(), deadline)
		} else {
			c.timed, c.cancel = context.WithCancel(context.Background())
		}
	})
	return c.timed
}

func (c *runContext) finish() {
	c.start.Do(func() { c.timed, c.cancel = context.WithCancel(context.Background()) })
	c.cancel()
}

// activationOf copies the fields that the runner filled in: an older one knows fewer of them.
func activationOf(raw *C.action_context) (activation Activation) {
	if raw == nil {
		return
	}
	for _, field := range []struct {
		from *C.action_str
		to   *string
	}{
		{&raw.activation_id, &activation.ID},
		{&raw.transaction_id, &activation.TransactionID},
		{&raw.ns, &activation.Namespace},
		{&raw.action_name, &activation.ActionName},
		{&raw.action_version, &activation.ActionVersion},
		{&raw.api_key, &activation.APIKey},
		{&raw.api_host, &activation.APIHost},
		{&raw.traceparent, &activation.TraceParent},
		{&raw.tracestate, &activation.TraceState},
	} {
		end := uintptr(unsafe.Pointer(field.from)) - uintptr(unsafe.Pointer(raw)) + unsafe.Sizeof(*field.from)
		if uintptr(raw.size) >= end {
			*field.to = C.GoStringN(field.from.ptr, C.int(field.from.len))
		}
	}
	if end := unsafe.Offsetof(raw.deadline_ms) + unsafe.Sizeof(raw.deadline_ms); uintptr(raw.size) >= end && raw.deadline_ms != 0 {
		activation.Deadline = time.UnixMilli(int64(raw.deadline_ms))
	}
	return
}
