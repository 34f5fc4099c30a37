package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"github.com/vertebra/vertebra/internal/files"
)

// videoInfo is what ffprobe says of a video. What it does not know is empty.
type videoInfo struct {
	Height    int    `json:"height"`
	Rate      string `json:"r_frame_rate"`        // a fraction, such as 30000/1001
	Aspect    string `json:"sample_aspect_ratio"` // width and height of a pixel, such as 16/15; empty if it is a square
	Space     string `json:"color_space"`         // which mixture of red, green and blue luminance is
	Primaries string `json:"color_primaries"`
	Transfer  string `json:"color_transfer"`
}

// probe asks ffprobe about a video.
func probe(ctx context.Context, in string) (videoInfo, error) {
	var said struct {
		Streams []struct {
			videoInfo
			Sides []struct {
				Rotation float64 `json:"rotation"` // in degrees
			} `json:"side_data_list"`
		}
	}
	c := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
		"stream=height,r_frame_rate,sample_aspect_ratio,color_space,color_primaries,color_transfer:stream_side_data=rotation", "-of", "json", in)
	var stderr bytes.Buffer
	c.Stderr = &stderr
	text, err := c.Output()
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	switch {
	case err != nil:
		return videoInfo{}, ffmpegError("ffprobe", err, &stderr)
	case len(said.Streams) == 0 || said.Streams[0].Rate == "" || strings.HasPrefix(said.Streams[0].Rate, "0/"):
		return videoInfo{}, fmt.Errorf("%s: ffprobe finds no video in it", files.Quote(in))
	}
	v := said.Streams[0].videoInfo
	for _, tag := range []*string{&v.Space, &v.Primaries, &v.Transfer} {
		if *tag == "unknown" || *tag == "reserved" {
			*tag = ""
		}
	}
	v.Aspect = aspect(v.Aspect)
	for _, side := range said.Streams[0].Sides {
		if across, down, ok := strings.Cut(v.Aspect, "/"); ok && int(side.Rotation)%180 != 0 { // ffmpeg turns the frames
			v.Aspect = down + "/" + across
		}
	}
	return v, nil
}

// aspect turns an aspect such as "16:15" into a fraction. That of a square is empty.
func aspect(text string) string {
	var across, down int
	if n, _ := fmt.Sscanf(text, "%d:%d", &across, &down); n < 2 || across < 1 || down < 1 || across == down {
		return ""
	}
	return fmt.Sprintf("%d/%d", across, down)
}

// displayed returns an error if the frames of v have colours that 8 bits cannot hold.
func (v videoInfo) displayed() error {
	if name := map[string]string{"smpte2084": "PQ", "arib-std-b67": "HLG"}[v.Transfer]; name != "" {
		return fmt.Errorf("an HDR video (%s, %s), of which frames with 8 bits keep too little: make it SDR first, such as with ffmpeg's filters zscale and tonemap", name, v.Transfer)
	}
	return nil
}

// colours returns the matrix of luminance for ffmpeg's filter scale, and the options that
// tag a video with the colours of v. A video that says nothing becomes BT.709.
func (v videoInfo) colours() (matrix string, tags []string) {
	matrix = map[string]string{
		"bt709": "bt709", "fcc": "fcc", "smpte170m": "smpte170m", "bt470bg": "bt470", "smpte240m": "smpte240m", "bt2020nc": "bt2020",
	}[v.Space]
	if matrix == "" {
		matrix, v.Space = "bt709", "bt709"
	}
	transfer := v.Transfer
	if option := map[string]string{"bt470m": "gamma22", "bt470bg": "gamma28"}[transfer]; option != "" {
		transfer = option // as ffmpeg calls it where it writes
	}
	const usual = "bt709"
	return matrix, []string{
		"-colorspace", v.Space, "-color_primaries", cmp.Or(v.Primaries, usual), "-color_trc", cmp.Or(transfer, usual),
	}
}
