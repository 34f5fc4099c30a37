//go:build noheif

package codec

// heifWasm is nil in builds without the libraries under the LGPL.
var heifWasm []byte
