// {"name": "world"} → {"greeting": "Hello, world!"}
package main

import (
	"action"
	"encoding/json"
)

func greet(value json.RawMessage) (any, error) {
	params := struct{ Name string }{"stranger"}
	if err := json.Unmarshal(value, &params); err != nil {
		return nil, err // becomes {"error": …}
	}
	return map[string]string{"greeting": "Hello, " + params.Name + "!"}, nil
}

func init() { action.Register(greet) }

func main() {} // needed for a shared library, never called
