package shaders

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// described matches a binding's line in a header: number, name, shape and access.
var described = regexp.MustCompile(`(?m)^//     binding (\d+)  (\w+)  +(.+?)  +(write, read|write|read|pane)\b.*$`)

// TestHeaders compares the header of each kernel file with the file's text: the name
// at its beginning and the description of each binding.
func TestHeaders(t *testing.T) {
	for _, file := range kernelFiles() {
		text, err := splice(nil, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkHeader(file, text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func checkHeader(file, text string) error {
	if !strings.HasPrefix(text, "// "+file+":") {
		return fmt.Errorf("the header begins with %.40q", text)
	}
	body := comment.ReplaceAllString(text, "")
	lines := described.FindAllStringSubmatch(text, -1)
	declared := declaration.FindAllStringSubmatch(text, -1)
	last := len(declared) - 1
	if len(lines) != last || !strings.Contains(text, fmt.Sprintf("\n//     binding %d  sizes", last)) {
		return fmt.Errorf("%d bindings and their sizes are declared, the header has %d", last, len(lines))
	}
	for i, line := range lines {
		d := declared[i]
		if line[1] != d[1] || line[2] != d[3] {
			return fmt.Errorf("the header has %s %s where %s %s is declared", line[1], line[2], d[1], d[3])
		}
		element := regexp.MustCompile(`\b` + d[3] + `: array<(\w+)`).FindStringSubmatch(text)[1]
		_, of, _ := strings.Cut(line[3]+" ", " of ")
		of, _, _ = strings.Cut(of, " ")
		of = cmp.Or(strings.TrimRight(of, ","), "f32")
		if of != element {
			return fmt.Errorf("%s is of %s in the header, of %s as declared", line[2], of, element)
		}
		want := map[string]string{"uniform": "pane", "storage, read": "read", "storage, read_write": "write"}[d[2]]
		if want == "write" && readsOf(body, d[3]) {
			want += ", read"
		}
		if line[4] != want {
			return fmt.Errorf("the header has %s for %s, which is %s", line[4], line[2], want)
		}
	}
	return nil
}

// readsOf reports whether a text reads elements of an array and does not only write
// them.
func readsOf(text, name string) bool {
	element := regexp.MustCompile(`\b` + name + `\[`)
	for _, at := range element.FindAllStringIndex(text, -1) {
		end, depth := at[1], 1
		for ; depth > 0; end++ {
			switch text[end] {
			case '[':
				depth++
			case ']':
				depth--
			}
		}
		if rest := strings.TrimLeft(text[end:], " "); !strings.HasPrefix(rest, "= ") {
			return true
		}
	}
	return false
}
