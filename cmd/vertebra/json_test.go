package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPrintJSON prints names that would turn or hide text on a terminal, and reads them
// again.
func TestPrintJSON(t *testing.T) {
	names := []string{"a\u202egnp.png", "\u009b31m", "\x1b[31m", "\u200b\u2028\U000e0041", "日本 é.png", `"\u202e"`}
	var out strings.Builder
	if err := printJSON(&out, names); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(out.String(), "\x1b\u202e\u009b\u200b\u2028\U000e0041"); i >= 0 || !strings.Contains(out.String(), "日本 é.png") {
		t.Errorf("printed as %+q", out.String())
	}
	var got []string
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil || strings.Join(got, "|") != strings.Join(names, "|") {
		t.Errorf("read again as %+q, want %+q (%v)", got, names, err)
	}
}
