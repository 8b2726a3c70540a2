package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestHeaderIsTheRunnersHeader(t *testing.T) {
	original, err := os.ReadFile("../../../action-abi/include/action.h")
	if err != nil {
		t.Skip("outside the runner's repository")
	}
	copied, err := os.ReadFile("action.h")
	if err != nil || !bytes.Equal(original, copied) {
		t.Fatal("actions/go/action/action.h is not a copy of action-abi/include/action.h: copy it again")
	}
}

func TestEncodeKeepsTheAuthorsText(t *testing.T) {
	for want, value := range map[string]any{
		`{"a":"<&>"}`:         map[string]string{"a": "<&>"},
		`{"big":1e999,"a":1}`: json.RawMessage(`{"big":1e999,"a":1}`),
		`null`:                nil,
	} {
		if text, err := encode(value); err != nil || string(text) != want {
			t.Errorf("encode(%v) = %s, %v", value, text, err)
		}
	}
}

func TestErrorCarriesJSON(t *testing.T) {
	var carried Error
	wrapped := fmt.Errorf("wrapped: %w", Error{map[string]int{"statusCode": 404}})
	if !errors.As(wrapped, &carried) || carried.Error() != `{"statusCode":404}` {
		t.Errorf("got %v", wrapped)
	}
}

func TestContextEndsWithTheRun(t *testing.T) {
	ctx := &runContext{activation: Activation{ID: "abc"}}
	child, cancel := context.WithTimeout(ctx, time.Hour)
	defer cancel()
	if Current(child).ID != "abc" || child.Err() != nil {
		t.Fatalf("got %v, %v", Current(child), child.Err())
	}
	ctx.finish()
	<-child.Done()
}

func TestContextEndsAtTheDeadline(t *testing.T) {
	ctx := &runContext{activation: Activation{Deadline: time.Now()}}
	<-ctx.Done()
	if ctx.Err() != context.DeadlineExceeded {
		t.Errorf("got %v", ctx.Err())
	}
}

func TestEnvironmentIsThatOfC(t *testing.T) {
	os.Setenv("SET_LATER", "=x") // in C's environment too
	if got := environment()["SET_LATER"]; got != "=x" || Getenv("SET_LATER") != got {
		t.Errorf("got %q, %q", got, Getenv("SET_LATER"))
	}
}
