package plan

// MemoryError is the error for a plan that needs more memory than the device gives.
type MemoryError struct {
	Bytes int64 // what was asked for
	Limit int64 // what is there; 0 if only the driver knows
	Err   error // says both
}

func (e *MemoryError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *MemoryError) Unwrap() error { return e.Err }
