// Package picture has pictures as networks see them: 8-bit samples in rows.
//
// Load or Decode reads a file, turned as its orientation says; From takes a
// picture of the standard library. Resize computes what Pillow's resize does, to
// the last bit. A Transform maps points between a picture and what a model sees
// of it, and a Mask or a Segmentation back. Save writes a file; DrawBoxes and
// SideBySide draw what was found.
package picture
