//go:build !unix

package store

// syncFolder does nothing where folders cannot be opened.
func syncFolder(string) error { return nil }
