package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMemory reads pictures with less memory than they take, and sizes that are none.
func TestMemory(t *testing.T) {
	in, out := photograph(t, 300, 200), filepath.Join(t.TempDir(), "out.png")
	for _, args := range [][]string{
		{"upscale", in, "-o", out},
		{"classify", "lenet", in},
	} {
		args = append(args, "--device", "cpu", "-q", "--memory")
		status, _, stderr := vertebra(append(args, "100kB")...)
		if status != 1 || !strings.Contains(stderr, in+": reading it takes ") || !strings.Contains(stderr, "100 kB are allowed; give more with --memory") {
			t.Errorf("%v: status %d, %s", args, status, stderr)
		}
		ok(t, append(args, "50 MB")...)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "-1", "0", "much", "5XB", "1e40", "NaN", "MB"} {
		if status, _, stderr := vertebra("classify", "lenet", in, "--memory", bad); status != 1 || !strings.Contains(stderr, "want a size such as 500MB") {
			t.Errorf("--memory %q: status %d, %s", bad, status, stderr)
		}
	}
}

// TestByteSize reads sizes.
func TestByteSize(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1000000": "1000000", "500MB": "500000000", "2GiB": "2147483648", "1.5 gb": "1500000000", "3k": "3000", "7 B": "7",
	} {
		var b byteSize
		if err := b.Set(text); err != nil || fmt.Sprint(&b) != want {
			t.Errorf("%q is %v, want %s: %v", text, &b, want, err)
		}
	}
}
