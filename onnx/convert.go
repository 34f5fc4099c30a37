package onnx

import "maps"

// converters returns the converters of all operators, by domain and name.
func converters() map[string]converter {
	all := map[string]converter{}
	for _, family := range []map[string]converter{
		constants(), movement(), indexing(), arithmetic(), activations(), reductions(), convolutions(), pools(), norms(),
		products(), control(), attentions(), padding(), quantised(), quantisedFused(), selection(), microsoft(), legacy(),
		detection(), resizes(), sampling(), scattering(), einsums(), recurrences(),
	} {
		maps.Copy(all, family)
	}
	return all
}
