package main

import (
	"encoding/hex"
	"fmt"
	"image/color"
	"strings"

	"golang.org/x/image/colornames"
)

// parseColor reads a colour: a name of CSS, #rgb or #rrggbb.
func parseColor(flag, text string) (color.Color, error) {
	if c, ok := colornames.Map[strings.ToLower(text)]; ok {
		return c, nil
	}
	if digits, ok := strings.CutPrefix(text, "#"); ok {
		if len(digits) == 3 {
			digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
		}
		if b, err := hex.DecodeString(digits); err == nil && len(b) == 3 {
			return color.NRGBA{b[0], b[1], b[2], 255}, nil
		}
	}
	return nil, fmt.Errorf("%s %q, want a colour's name, such as white, or #rrggbb", flag, text)
}
