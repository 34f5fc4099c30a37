// Package codec reads files of pictures into 8-bit samples: PNG, JPEG, WebP, BMP, GIF,
// TIFF, HEIC and AVIF.
//
// What Decode returns is what Pillow gives for the same file, within the rounding of a
// cosine transform. Samples are as stored: the EXIF orientation is not applied, colours
// are not converted. HEIC and AVIF say in their own way how a picture is turned, and
// are upright. Of animations it reads the first frame. Decode needs memory for the
// pixels about once; Config says how much before anything is decoded.
//
// Usual JPEGs are decoded by the standard library, the others and TIFF by libjpeg-turbo
// and libtiff, HEIC and AVIF by libheif, libde265 and dav1d. These are WebAssembly,
// built by wasm/build and wasm/heif/build; NOTICE.txt beside them has their licences,
// of which those of libheif and libde265 are the LGPL. The build tag noheif leaves HEIC
// and AVIF out.
//
// Samples of 16 bits lose their lower half. Wider, signed and real numbers of TIFFs are
// limited to 0 to 255, as Pillow does. Not supported are lossless and hierarchical JPEGs
// and those of 12 bits; TIFFs compressed by JBIG, LERC, LZMA or WebP, and those in
// CIE L*a*b* or with colours of more than 16 bits; HEIF files without a main picture.
package codec
