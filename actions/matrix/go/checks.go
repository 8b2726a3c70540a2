// What Go's runtime might do to the process that loads it, each as one run: {"do":"panic"} and so on.
package main

import (
	"action"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

var ticks int64

func checks(ctx context.Context, value json.RawMessage) (any, error) {
	var given struct{ Do string }
	if err := json.Unmarshal(value, &given); err != nil {
		return nil, err
	}
	switch given.Do {
	case "panic":
		panic("as asked")
	case "nil": // SIGSEGV, which Go turns into a panic
		var missing *struct{ field int }
		return missing.field, nil
	case "error":
		return nil, errors.New("as asked")
	case "json error":
		return nil, action.Error{Value: map[string]any{"statusCode": 404}}
	case "unwritable":
		return make(chan int), nil
	case "outlive": // a goroutine that goes on after the answer
		go func() {
			for {
				atomic.AddInt64(&ticks, 1)
				time.Sleep(100 * time.Microsecond)
			}
		}()
		return map[string]any{"started": true}, nil
	case "ticks": // waits for that goroutine's next sign of life
		for before := atomic.LoadInt64(&ticks); atomic.LoadInt64(&ticks) == before; {
			time.Sleep(100 * time.Microsecond)
		}
		return map[string]any{"ticked": true}, nil
	case "collect": // garbage while other runs go on
		for i := 0; i < 100; i++ {
			_ = make([]byte, 1<<20)
		}
		runtime.GC()
		return map[string]any{"collected": true}, nil
	case "context":
		activation := action.Current(ctx)
		deadline, given := ctx.Deadline()
		return map[string]any{"id": activation.ID, "deadline": deadline.UnixMilli(), "given": given}, nil
	case "exit":
		os.Exit(3)
	case "crash": // a panic that nothing can catch
		go panic("in a goroutine")
		time.Sleep(time.Hour)
	}
	return nil, fmt.Errorf("unknown check %q", given.Do)
}
