//go:build !sweep && !other

package gpu

import (
	"os"
	"testing"
)

// TestMain has lavapipe compile without its optimiser, where these tests spend most of
// their time: they run each kernel a few times on small values. With the tags sweep and
// other, and in all other packages, it optimises as it does for users.
func TestMain(m *testing.M) {
	os.Setenv("GALLIVM_PERF", "nopt")
	os.Exit(m.Run())
}
