//go:build unix

package files

import "syscall"

// openFlags make no difference for a regular file. A pipe or a terminal that takes its
// place neither waits nor takes over the process.
const openFlags = syscall.O_NONBLOCK | syscall.O_NOCTTY
