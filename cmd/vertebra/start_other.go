//go:build !linux

package main

import "time"

// systemStart is not known on this system.
func systemStart(int) (time.Time, bool) { return time.Time{}, false }
