package zoo

import (
	"strings"
	"testing"
)

func TestLookupNearest(t *testing.T) {
	for name, want := range map[string]string{
		"resnet5":        "; the nearest are resnet50, ",
		"ResNet-50":      "; the nearest are resnet50, ",
		"resent50":       "; the nearest are resnet50",
		"ViT-B/16":       "; the nearest are vit_b_16",
		"swin_tiny":      "; the nearest are swin_tiny_patch4_window7_224",
		"sam":            "; the nearest are sam_vit_",
		"lenets":         "; the nearest are lenet, ",
		"":               `no model ""`,
		"a cat on a mat": `no model "a cat on a mat"`,
	} {
		_, err := Lookup(name)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Count(err.Error(), ",") > 4 {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"abc", "abc", 0}, {"ab", "ba", 2}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q and %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
