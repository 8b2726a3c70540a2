// {"payload":"text"} → {"reversed":"txet"}, by Unicode scalar.
package main

import (
	"action"
	"encoding/json"
	"errors"
	"fmt"
)

type params struct {
	Payload *string `json:"payload"`
}

type result struct {
	Reversed string `json:"reversed"`
}

func reverse(value json.RawMessage) (any, error) {
	var given params
	if err := json.Unmarshal(value, &given); err != nil {
		return nil, fmt.Errorf("invalid parameters: %w", err)
	}
	if given.Payload == nil {
		return nil, errors.New("invalid parameters: missing field `payload`")
	}
	runes := []rune(*given.Payload)
	for left, right := 0, len(runes)-1; left < right; left, right = left+1, right-1 {
		runes[left], runes[right] = runes[right], runes[left]
	}
	return result{string(runes)}, nil
}

func init() { action.Register(reverse) }

func main() {}
