// Package picture decodes, converts, resizes and draws pictures like Pillow.
//
// Load and Decode read a picture, turned upright and with the colours that Pillow
// gives, in sRGB. A Photo also has transparency, and the colour profile and resolution
// of its file. From takes a picture of the standard library, and Save writes one. Resize,
// Crop and CenterCrop prepare it, and Tensor makes a model's input of it. A
// Transform maps points of the picture to that input, and its inverse maps results
// back. Mask and Segmentation hold results in pixels. DrawBoxes, Overlay, SideBySide
// and WithLegend show results to people.
//
// Package vision does all of this for a model; use this package for steps of your own.
package picture
