package models

// samEntry is one of the official files of SAM. As a Model it is the image
// encoder; SAMPredictor does the rest.
func samEntry(size, file, sha256 string) Entry {
	c, err := SAMNamed(size)
	if err != nil {
		panic(err)
	}
	return Entry{
		Name:       "sam_" + size,
		Paper:      "Kirillov et al., Segment Anything, arXiv:2304.02643",
		Size:       1024,
		Channels:   3,
		Input:      "RGB in 0…255, normalised with ImageNet's mean and standard deviation of those",
		Preprocess: samPreprocess(1024),
		Checkpoint: "https://dl.fbaipublicfiles.com/segment_anything/" + file,
		Hash:       "sha256:" + sha256,
		Licence:    "Apache-2.0",
		New:        func() Model { return NewSAM(c) },
	}
}
