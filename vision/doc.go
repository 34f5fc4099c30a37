// Package vision does with models what people do with pictures: it says what is
// in them, finds pixels and objects, enlarges, reconstructs, embeds, compares
// with words, cuts out.
//
// Begin with Open. It takes a model's name ("vertebra models" lists them) or the
// path of a checkpoint as it was downloaded, and gives a Model: a network with
// its weights, on a device. A model is for one task, so call the method of that
// task:
//
//	Classify                      what is in pictures
//	Segment                       the class of each pixel
//	Detect                        objects with boxes
//	Upscale                       a picture enlarged
//	Reconstruct                   what a masked autoencoder makes of a part
//	EmbedPictures, EmbedTexts     vectors of CLIP
//	Match                         which text belongs to a picture
//	Predictor                     SAM: masks of points, boxes, or everything
//	Attention                     where a transformer looks
//	Features, Run                 values inside any network
//
// Pictures are Inputs: File, Files, Reader or Image makes them. Methods that take
// several yield results in order as they come, while the next pictures are read.
// A picture that cannot be read is an *InputError of its own.
//
// Package vision/zoo has the registry, vision/picture has pictures and masks, and
// vision/index searches folders by words. The low road, for networks of one's
// own, is packages layers, models, graph and gpu.
package vision
