//go:build !linux

package mapped

// Release does nothing on this system.
func (m *File) Release([]byte) {}
