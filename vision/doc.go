// Package vision runs computer-vision models on pictures: it classifies, segments,
// detects, cuts out, reads, enlarges, reconstructs, embeds and compares with texts.
//
// Begin with Open. It takes a model's name ("vertebra models" lists them) or the
// path of a checkpoint as downloaded. It returns a Model, which is a network with
// its weights on a device. A model is for one task, so call the method of that task:
//
//	Classify                      what is in pictures
//	Segment                       the class of each pixel
//	Detect                        objects with boxes
//	Matte                         what a picture shows, without its background
//	Upscale                       a picture enlarged
//	Reconstruct                   a picture whose hidden patches are painted again
//	EmbedPictures, EmbedTexts     vectors of CLIP
//	Match                         how well texts fit a picture
//	Predictor                     SAM: masks for points or boxes, or of everything
//	Attention                     how much a token attends to the others
//	Features, Run                 values inside any network
//
// A TextReader reads text with three networks.
//
// Pictures are Inputs; File, Files, Reader and Image make them. Methods for several
// pictures yield results in order, and read the next pictures at the same time. A
// picture that cannot be read gets an *InputError, and the others follow.
//
// Package vision/zoo has the registry, vision/picture has pictures and masks, and
// vision/index searches folders by words. To run your own network, use packages
// layers, models, graph and gpu.
package vision
