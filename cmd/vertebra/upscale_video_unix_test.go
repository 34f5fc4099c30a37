//go:build unix

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ffmpeg puts stand-ins for ffmpeg and ffprobe before the real ones. The prober says what
// stream is, beside height and rate. The decoder writes the film, and the encoder keeps what
// it gets behind its arguments.
func ffmpeg(t *testing.T, decoder, stream string) {
	t.Helper()
	bin := t.TempDir()
	for name, text := range map[string]string{
		"ffprobe": `echo '{"streams": [{"height": 40, "r_frame_rate": "30000/1001"` + stream + `}]}'`,
		"ffmpeg": `for last; do :; done
case $last in
-) ` + decoder + ` ;;
*) { echo "$@"; cat; } >"$last" ;;
esac`,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// TestVideo enlarges a video. The encoder gets the frames that each would become by itself.
func TestVideo(t *testing.T) {
	_, ppm, _, large := film(t, 4, 50, 40, "--scale", "2")
	ffmpeg(t, "cat "+file(t, "film.ppm", ppm), `, "color_space": "bt709"`)
	in, dir := file(t, "in.mp4", []byte("a video")), t.TempDir()
	out := filepath.Join(t.TempDir(), "out.mp4") // a link to a name that is free
	if err := os.Symlink(filepath.Join(dir, "film"), out); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := vertebra("upscale", "--video", in, "-o", out, "--scale", "2")
	for _, want := range []string{"ffmpeg -nostdin -v error -i " + in, "-r 30000/1001 -f image2pipe -c:v ppm - |\nvertebra upscale - --frames ppm --scale=2 -o - |\nffmpeg -v error -y", "-map '1:a?'", out + "\n"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%s, want %s", stderr, want)
		}
	}
	if status != 0 || !strings.Contains(stdout, "4 frames of 100×80") || !strings.Contains(stdout, "device: ") {
		t.Fatalf("status %d, %s, %s", status, stdout, stderr)
	}
	made, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	args, frames, _ := bytes.Cut(made, []byte("\n"))
	if !strings.Contains(string(args), "-framerate 30000/1001 -c:v ppm -i - -i "+in) {
		t.Errorf("%s", args)
	}
	source, err := framesFrom(bytes.NewReader(frames), ppmFrames)
	if err != nil {
		t.Fatal(err)
	}
	one := make([]byte, len(large)/4)
	for i := range 4 {
		if err := source.next(one); err != nil || !bytes.Equal(one, large[i*len(one):(i+1)*len(one)]) {
			t.Errorf("frame %d is another than by itself, %v", i, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || left[0].Name() != "film" {
		t.Errorf("%v, %v", left, err)
	}
	if to, err := os.Readlink(out); err != nil || to != filepath.Join(dir, "film") {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// TestVideoTags keeps the shape of pixels and the colours of a video.
func TestVideoTags(t *testing.T) {
	in := file(t, "in.mp4", []byte("a video"))
	const plain = "out_color_matrix=bt709:out_range=tv -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc bt709"
	for stream, want := range map[string]string{
		"": plain,
		`, "sample_aspect_ratio": "1:1", "color_space": "unknown", "color_transfer": "unknown"`:                                                         plain,
		`, "sample_aspect_ratio": "16:15", "color_space": "bt470bg", "color_primaries": "bt470bg", "color_transfer": "bt470bg"`:                         "out_color_matrix=bt470:out_range=tv,setsar=16/15 -pix_fmt yuv420p -colorspace bt470bg -color_primaries bt470bg -color_trc gamma28",
		`, "sample_aspect_ratio": "4:3", "color_space": "bt2020nc", "color_primaries": "bt2020", "side_data_list": [{"rotation": -90}]`:                 "out_color_matrix=bt2020:out_range=tv,setsar=3/4 -pix_fmt yuv420p -colorspace bt2020nc -color_primaries bt2020 -color_trc bt709",
		`, "sample_aspect_ratio": "0:1", "color_space": "gbr", "color_transfer": "iec61966-2-1", "side_data_list": [{}, {"rotation": 180}]`:             "out_color_matrix=bt709:out_range=tv -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc iec61966-2-1",
		`, "sample_aspect_ratio": "N/A", "color_space": "smpte170m", "color_primaries": "smpte170m", "color_transfer": "smpte170m", "tags": {"a": "b"}`: "out_color_matrix=smpte170m:out_range=tv -pix_fmt yuv420p -colorspace smpte170m -color_primaries smpte170m -color_trc smpte170m",
	} {
		ffmpeg(t, "false", stream)
		v, err := probe(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(encoding(in, "out.mp4", v), " "); !strings.HasSuffix(got, want+" out.mp4") {
			t.Errorf("%s\n got %s\nwant %s", stream, got, want)
		}
	}
	for transfer, want := range map[string]string{"smpte2084": "PQ", "arib-std-b67": "HLG"} {
		ffmpeg(t, "false", `, "color_space": "bt2020nc", "color_transfer": "`+transfer+`"`)
		out := filepath.Join(t.TempDir(), "out.mp4")
		if status, _, stderr := vertebra("upscale", "--video", in, "-o", out); status != 1 || !strings.HasPrefix(stderr, "vertebra: "+in+": an HDR video ("+want+", "+transfer+"), ") {
			t.Errorf("status %d, %s", status, stderr)
		}
	}
}

// TestVideoFaults expects an error and no file.
func TestVideoFaults(t *testing.T) {
	in := file(t, "in.mp4", []byte("a video"))
	_, ppm, _, _ := film(t, 1, 8, 6, "--device", "cpu")
	whole, half := file(t, "film.ppm", ppm), file(t, "half.ppm", ppm[:len(ppm)-5])
	for decoder, want := range map[string]string{
		"cat " + half: "the last frame has 139 bytes of 144",
		"true":        "there is no frame",
		"cat " + whole + "; echo moov atom not found >&2; exit 1": "ffmpeg: moov atom not found",
	} {
		ffmpeg(t, decoder, "")
		dir := t.TempDir()
		status, _, stderr := vertebra("upscale", "--quiet", "--video", in, "-o", filepath.Join(dir, "out.mp4"), "--device", "cpu")
		left, err := os.ReadDir(dir)
		if status != 1 || !strings.Contains(stderr, want) || err != nil || len(left) > 0 {
			t.Errorf("%s: status %d, %s, %v, %v", decoder, status, stderr, left, err)
		}
	}
	ffmpeg(t, "cat "+whole, "")
	if err := os.Remove(filepath.Join(strings.Split(os.Getenv("PATH"), ":")[0], "ffprobe")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", strings.Split(os.Getenv("PATH"), ":")[0])
	if status, _, stderr := vertebra("upscale", "--video", in, "-o", filepath.Join(t.TempDir(), "out.mp4")); status != 1 || !strings.Contains(stderr, "there is no ffprobe, which --video runs; install ffmpeg") {
		t.Errorf("status %d, %s", status, stderr)
	}
}

// TestVideoInterrupt interrupts a video whose decoder waits after a frame.
func TestVideoInterrupt(t *testing.T) {
	_, ppm, _, _ := film(t, 1, 8, 6, "--device", "cpu")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ffmpeg(t, "cat "+file(t, "film.ppm", ppm)+"; exec cat "+pipe, "")
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int)
	var errs bytes.Buffer
	go func() {
		args := []string{"upscale", "--quiet", "--video", file(t, "in.mp4", nil), "-o", filepath.Join(dir, "out.mp4"), "--device", "cpu"}
		ended <- run(ctx, args, &bytes.Buffer{}, &errs)
	}()
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits for the decoder
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	cancel()
	status := <-ended
	left, err := os.ReadDir(dir)
	if status != interrupted || errs.String() != "vertebra: interrupted\n" || err != nil || len(left) > 0 {
		t.Errorf("status %d, %s, %v, %v", status, errs.String(), left, err)
	}
}
