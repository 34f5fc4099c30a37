package decode

import "slices"

// cocoNames are the classes of COCO (arXiv:1405.0312) as networks count them.
func cocoNames() []string {
	return []string{
		"person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light", "fire hydrant",
		"stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe",
		"backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat",
		"baseball glove", "skateboard", "surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl",
		"banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch",
		"potted plant", "bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave",
		"oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
	}
}

// COCO returns the names of COCO's classes by their numbers, if there are as many as networks
// for COCO have: 80, a background and 80, or 91 numbers of which some have no name. Otherwise
// it returns nil.
func (f Found) COCO() []string {
	names := cocoNames()
	switch {
	case f.Classes == 80 && !f.Background:
		return names
	case f.Classes == 81 && f.Background:
		return slices.Insert(names, 0, "background")
	case f.Classes == 91:
		for _, unused := range []int{0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83} {
			names = slices.Insert(names, unused, "")
		}
		return names
	}
	return nil
}
