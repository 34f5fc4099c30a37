package gpu

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// cached is a file that says which texts the driver's cache on disk holds: the sums of
// the texts, one after the other. It lies in the user's folder for caches. An empty name
// is a file that does not exist.
type cached string

// sum stands for a text.
type sum [8]byte

func sumOf(text string) sum {
	long := sha256.Sum256([]byte(text))
	return sum(long[:8])
}

// mostCached is the size in bytes at which the file begins anew.
const mostCached = 1 << 20

// cachedBy returns the file for a driver and the cache that it uses now. A cache that was
// deleted and made again has another file. It returns "" if there is no cache, or if it
// cannot be told from another one.
func cachedBy(i Info) cached {
	user, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	folder := user
	for _, name := range []string{"MESA_GLSL_CACHE_DIR", "MESA_SHADER_CACHE_DIR"} {
		if f := os.Getenv(name); f != "" {
			folder = f
		}
	}
	for _, name := range []string{"mesa_shader_cache_db", "mesa_shader_cache"} {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && number(info) != 0 {
			key := []string{i.Name, i.Driver, Binding, path, fmt.Sprint(number(info))}
			for _, option := range []string{"GALLIVM_PERF", "LP_NATIVE_VECTOR_WIDTH"} { // the machine code's
				key = append(key, os.Getenv(option))
			}
			return cached(filepath.Join(user, "vertebra", "cached", short(strings.Join(key, "\n"))))
		}
	}
	return ""
}

// read returns the sums in the file. What cannot be read is not there.
func (c cached) read() map[sum]bool {
	sums := map[sum]bool{}
	if c == "" {
		return sums
	}
	data, err := os.ReadFile(string(c))
	if err != nil || len(data) > mostCached {
		return sums
	}
	for ; len(data) >= len(sum{}); data = data[len(sum{}):] {
		sums[sum(data)] = true
	}
	return sums
}

// add adds sums to the file, in one write: other processes may do so at the same time. An
// error only means that the texts are compiled again.
func (c cached) add(sums []sum) {
	if c == "" || len(sums) == 0 {
		return
	}
	if info, err := os.Stat(string(c)); err == nil && info.Size() > mostCached {
		os.Remove(string(c))
	}
	if os.MkdirAll(filepath.Dir(string(c)), 0o777) != nil {
		return
	}
	f, err := os.OpenFile(string(c), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return
	}
	defer f.Close()
	var data []byte
	for _, s := range sums {
		data = append(data, s[:]...)
	}
	f.Write(data)
}
