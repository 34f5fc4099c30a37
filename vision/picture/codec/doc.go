// Package codec reads files of pictures into 8-bit samples: PNG, JPEG, WebP, BMP, GIF
// and TIFF.
//
// What Decode returns is what Pillow gives for the same file, within the rounding of a
// cosine transform. Samples are as stored: the EXIF orientation is not applied, colours
// are not converted. Of animations it reads the first frame. Decode needs memory for the
// pixels about once; Config says how much before anything is decoded.
package codec
