// What group A of the conformance cases asks for, one entry point each, on the Go module.
package main

import (
	"action"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// Found in the environment before the first run.
var seen = map[string]string{}

func remember(context.Context) error {
	for _, name := range []string{"SOME_VAR", "ANOTHER_VAR"} {
		if value, set := os.LookupEnv(name); set {
			seen[name] = value
		}
	}
	return nil
}

func echo(value json.RawMessage) (any, error) {
	fmt.Println("hello stdout")
	fmt.Fprintln(os.Stderr, "hello stderr")
	return value, nil
}

func niam(_ context.Context, value json.RawMessage) (any, error) { return value, nil }

func unicode(_ context.Context, value json.RawMessage) (any, error) {
	var params struct{ Delimiter string }
	if err := json.Unmarshal(value, &params); err != nil {
		return nil, err
	}
	winter := params.Delimiter + " ☃ " + params.Delimiter
	fmt.Println(winter)
	return map[string]string{"winter": winter}, nil
}

func variables(_ context.Context, _ json.RawMessage) (any, error) {
	found := map[string]string{}
	for _, key := range []string{"API_KEY", "NAMESPACE", "ACTION_NAME", "ACTION_VERSION", "ACTIVATION_ID", "DEADLINE", "API_HOST"} {
		found["__OW_"+key] = action.Getenv("__OW_" + key)
	}
	return found, nil
}

func initialised(_ context.Context, _ json.RawMessage) (any, error) { return seen, nil }

func scalar(_ context.Context, _ json.RawMessage) (any, error) { return "text", nil }

func refuses(ctx context.Context, _ json.RawMessage) (any, error) {
	return nil, errors.New("refused " + action.Current(ctx).ID)
}

func breaks(_ context.Context, _ json.RawMessage) (any, error) { panic("broken as asked") }

func init() {
	action.OnInit(remember)
	action.OnReady(func() error { return nil })
	action.Describe("niam", map[string]any{"description": "Gives back what it gets."})
	action.Register(echo)
	action.RegisterNamed("niam", niam)
	action.RegisterNamed("unicode", unicode)
	action.RegisterNamed("variables", variables)
	action.RegisterNamed("initialised", initialised)
	action.RegisterNamed("scalar", scalar)
	action.RegisterNamed("refuses", refuses)
	action.RegisterNamed("breaks", breaks)
	action.RegisterNamed("checks", checks)
}

func main() {}
