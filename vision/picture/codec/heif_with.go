//go:build !noheif

package codec

import _ "embed"

//go:embed wasm/heif/heif.wasm.gz
var heifWasm []byte
