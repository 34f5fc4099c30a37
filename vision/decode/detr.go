package decode

// detr reads logits [B, N, C+1] and boxes [B, N, 4]: the centre, width and height as
// shares of the input's size. The last class is no object. A box is of its best class
// by softmax (arXiv:2005.12872), and no box suppresses another.
func detr(c *call) error {
	boxes, logits, classes, err := c.boxesAndScores("boxes", "logits")
	if err != nil {
		return err
	}
	c.classes = classes - 1
	p := make([]float32, classes)
	for i := range len(boxes) / 4 {
		copy(p, logits[i*classes:][:classes])
		softmax(p)
		if classes > 1 {
			class, s := largest(p[:classes-1])
			c.add(c.query(boxes[i*4:]), class, s, nil)
		}
	}
	return nil
}

// rtdetr reads logits [B, N, C] and boxes as detr does. The score of a class is the
// sigmoid of its logit. Of all boxes with all classes the best stay, so a box may have
// several classes (arXiv:2010.04159; RT-DETR, arXiv:2304.08069). One output
// [B, N, 4+C] has the boxes and the scores themselves.
func rtdetr(c *call) error {
	var boxes, scores []float32
	var classes int
	var err error
	if len(c.outputs) == 1 {
		data, n, k, err := c.matrix("boxes", "[B, N, 4+C]", func(_, k int) bool { return k > 4 })
		if err != nil {
			return err
		}
		classes = k - 4
		for i := range n {
			boxes = append(boxes, data[i*k:][:4]...)
			scores = append(scores, data[i*k+4:][:classes]...)
		}
	} else {
		var logits []float32
		if boxes, logits, classes, err = c.boxesAndScores("boxes", "logits"); err != nil {
			return err
		}
		scores = make([]float32, len(logits))
		for i, v := range logits {
			scores[i] = sigmoid(v)
		}
	}
	c.classes = classes
	for i := range len(boxes) / 4 {
		for k, s := range scores[i*classes:][:classes] {
			c.add(c.query(boxes[i*4:]), k, s, nil)
		}
	}
	return nil
}

// query returns the box of a query: its centre, width and height are shares of the
// input's size.
func (c *call) query(b []float32) [4]float32 { return c.scaled(corners(b[0], b[1], b[2], b[3])) }
