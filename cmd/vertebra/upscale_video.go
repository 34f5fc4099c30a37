package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vertebra/vertebra/internal/files"
)

// decoding are the arguments with which ffmpeg writes the frames of a video to standard
// output, as PPMs at an even rate. Old videos of high definition do not say that their
// colours are BT.709.
func decoding(in string, v videoInfo) []string {
	args := []string{"-nostdin", "-v", "error", "-i", in, "-map", "0:v:0"}
	if v.Space == "" && v.Height >= 720 {
		args = append(args, "-vf", "scale=in_color_matrix=bt709")
	}
	return append(args, "-r", v.Rate, "-f", "image2pipe", "-c:v", "ppm", "-")
}

// encoding are the arguments with which ffmpeg writes a video of the PPMs on standard input,
// with the sound and the metadata of in, and with the colours and the shape of pixels of v.
// Most players want an even number of pixels and their colours at half the resolution.
func encoding(in, out string, v videoInfo) []string {
	matrix, tags := v.colours()
	filters := "crop=trunc(iw/2)*2:trunc(ih/2)*2,scale=out_color_matrix=" + matrix + ":out_range=tv"
	if v.Aspect != "" {
		filters += ",setsar=" + v.Aspect
	}
	args := []string{
		"-v", "error", "-y", "-f", "image2pipe", "-framerate", v.Rate, "-c:v", "ppm", "-i", "-", "-i", in,
		"-map", "0:v:0", "-map", "1:a?", "-map_metadata", "1", "-c:a", "copy", "-vf", filters, "-pix_fmt", "yuv420p",
	}
	return append(append(args, tags...), out)
}

// ffmpegError is the error of a program with the last line that it wrote.
func ffmpegError(name string, err error, stderr *bytes.Buffer) error {
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return fmt.Errorf("%s: %s", name, last)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ffmpegArgument makes ffmpeg take a path for a file, even if it looks like an option or a
// protocol.
func ffmpegArgument(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return "." + string(filepath.Separator) + path
}

// videoed enlarges a video with the user's ffmpeg: one decodes, one encodes.
func (u *upscale) videoed(c *cobra.Command, in string) error {
	in = files.Unquote(in)
	if in == standard || u.path == standard {
		return errors.New("--video wants files; for pipes see --frames")
	}
	for _, name := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("there is no %s, which --video runs; install ffmpeg", name)
		}
	}
	f, err := files.Open(in)
	if err != nil {
		return err
	}
	f.Close()
	v, err := probe(c.Context(), ffmpegArgument(in))
	if err != nil {
		return err
	}
	if err := v.displayed(); err != nil {
		return files.Named(in, err)
	}
	m, err := u.load(c)
	if err != nil {
		return err
	}
	defer m.Close()
	decode := decoding(ffmpegArgument(in), v)
	if !u.quiet {
		shown := encoding(ffmpegArgument(in), ffmpegArgument(u.path), v)
		fmt.Fprintf(u.err, "ffmpeg %s |\nvertebra %s |\nffmpeg %s\n", shellLine(decode), shellLine(betweenPipes(c)), shellLine(shown))
	}
	result := enlargedFrames{File: in, Output: u.path}
	err = files.Replace(u.path, func(made string) error {
		encode := encoding(ffmpegArgument(in), ffmpegArgument(made), v)
		err := pipeline(c.Context(), decode, encode, func(ctx context.Context, r io.Reader, w io.Writer) error {
			source, err := framesFrom(r, ppmFrames)
			if err != nil {
				return err
			}
			return u.stream(ctx, m, source, framesTo(w, ppmFrames), &result)
		})
		if err != nil {
			return err
		}
		if info, err := os.Stat(made); err != nil || info.Size() == 0 {
			return fmt.Errorf("ffmpeg wrote no video, and named no error")
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.tellFrames(m, result)
}

// betweenPipes are the arguments with which the program does between pipes what c does with a video.
func betweenPipes(c *cobra.Command) []string {
	args := []string{"upscale", "-", "--frames", "ppm"}
	c.Flags().Visit(func(f *pflag.Flag) {
		if f.Name == "video" || f.Name == "output" || f.Name == "json" {
			return
		}
		for _, text := range f.Value.(*given).texts {
			args = append(args, "--"+f.Name+"="+text)
		}
	})
	return append(args, "-o", "-")
}

// pipeline runs two ffmpegs, with work between the output of one and the input of the other.
// None of them runs when it returns.
func pipeline(ctx context.Context, decode, encode []string, work func(context.Context, io.Reader, io.Writer) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from, to := exec.CommandContext(ctx, "ffmpeg", decode...), exec.CommandContext(ctx, "ffmpeg", encode...)
	var fromSaid, toSaid bytes.Buffer
	from.Stderr, to.Stderr = &fromSaid, &toSaid
	r, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	w, err := to.StdinPipe()
	if err != nil {
		return err
	}
	if err := from.Start(); err != nil {
		return err
	}
	if err := to.Start(); err != nil {
		cancel()
		from.Wait()
		return err
	}
	failed := work(ctx, r, w)
	if failed != nil {
		cancel()
	}
	closed := w.Close()
	fromErr, toErr := from.Wait(), to.Wait()
	switch {
	case toErr != nil && toSaid.Len() > 0: // what else failed follows from it
		return ffmpegError("ffmpeg", toErr, &toSaid)
	case fromErr != nil && fromSaid.Len() > 0:
		return ffmpegError("ffmpeg", fromErr, &fromSaid)
	case failed != nil:
		return failed
	case fromErr != nil:
		return ffmpegError("ffmpeg", fromErr, &fromSaid)
	case toErr != nil:
		return ffmpegError("ffmpeg", toErr, &toSaid)
	}
	return closed
}

// shellLine writes arguments as a shell takes them.
func shellLine(args []string) string {
	var all []string
	for _, a := range args {
		if strings.ContainsAny(a, " \t\n'\"\\$`*?[](){}<>|&;!#~") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		all = append(all, a)
	}
	return strings.Join(all, " ")
}
