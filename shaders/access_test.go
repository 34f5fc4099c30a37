package shaders

import "testing"

// TestRedirected rewrites accesses to y, and refuses those that a call cannot make.
func TestRedirected(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"v = y[i];", "v = get_y(u32(i));"},
		{"v = xy[i] + s.y[i] + y_[i];", "v = xy[i] + s.y[i] + y_[i];"},
		{"if (y[y[i] + 1u].x >= 0.0) {", "if (get_y(u32(get_y(u32(i)) + 1u)).x >= 0.0) {"},
		{"y[a[i]] = b == y[i];", "put_y(u32(a[i]), b == get_y(u32(i)));"},
		{"v -= y[i] - 1.0;", "v -= get_y(u32(i)) - 1.0;"},
		{"y[i].x = 1.0;", ""},
		{"y[i][2] = 1.0;", ""},
		{"y[i] += 1.0;", ""},
	} {
		got, err := redirected(c.text, "y", "get_", "put_")
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s becomes %q, %v", c.text, got, err)
		}
	}
	if got := uncommented("a; // y[i] = 1\n\nb;\n"); got != "a; \n\nb;\n" {
		t.Errorf("without comments: %q", got)
	}
}
