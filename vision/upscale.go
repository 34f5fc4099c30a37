package vision

import (
	"cmp"
	"context"
	"fmt"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"time"

	"github.com/vertebra/vertebra/tensor"
	"github.com/vertebra/vertebra/vision/picture"
	"github.com/vertebra/vertebra/vision/picture/icc"
	"github.com/vertebra/vertebra/vision/picture/meta"
	"github.com/vertebra/vertebra/vision/zoo"
)

// UpscaleOptions say how to write an enlarged picture.
type UpscaleOptions struct {
	Format string // "png" or "jpeg"; empty means "png"

	// Background is what a transparent picture is written onto. If it is nil, a PNG
	// stays transparent and a JPEG becomes white.
	Background color.Color

	// Tile is the most pixels of a tile's height and width; 0 means what suits the network.
	// Small tiles need less memory and more time.
	Tile int

	// Progress, if it is not nil, is called after each tile.
	Progress func(done, total int)
}

// enlarger is a network that enlarges pictures.
type enlarger interface {
	Factor() int
	Channels() int // of pictures, in and out
	Halo() int     // how far an input pixel reaches
}

// enlarger returns the network of a model that enlarges pictures.
func (m *Model) enlarger() (enlarger, error) {
	if err := m.For(zoo.SuperResolve); err != nil {
		return nil, err
	}
	net, ok := m.Network.(enlarger)
	if !ok {
		return nil, fmt.Errorf("vision: Upscale does not run %s; use an Upscaler", m.Name)
	}
	return net, nil
}

// upscaler returns the Upscaler for pictures of a size, still without Run. tile is as in
// UpscaleOptions.
func (m *Model) upscaler(width, height, tile int) (Upscaler, error) {
	net, err := m.enlarger()
	if err != nil {
		return Upscaler{}, err
	}
	u := Upscaler{Scale: net.Factor(), Channels: net.Channels(), Halo: net.Halo()}
	if least := leastTile(u.Halo); tile != 0 && tile < least {
		return u, fmt.Errorf("upscale: tiles of %d pixels are too small for %s, want %d or more", tile, m.Name, least)
	}
	u.Tile = u.tileSize(width, height, tile)
	return u, nil
}

// upscalerFor returns the Upscaler for pictures of a size, without Run, the shape of the
// network's input, and whether tiles may not meet exactly. tile is as in UpscaleOptions.
func (m *Model) upscalerFor(width, height, tile int) (u Upscaler, x tensor.Shape, seams bool, err error) {
	if n, ok := m.Network.(*zoo.ONNX); ok {
		return m.upscalerONNX(n, width, height, tile)
	}
	if u, err = m.upscaler(width, height, tile); err != nil {
		return u, nil, false, err
	}
	return u, tensor.Shape{1, u.Tile[0], u.Tile[1], u.Channels}, false, nil
}

// Factor returns how many times Upscale and UpscaleFrames enlarge.
func (m *Model) Factor() (int, error) {
	n, file := m.Network.(*zoo.ONNX)
	if !file {
		net, err := m.enlarger()
		if err != nil {
			return 0, err
		}
		return net.Factor(), nil
	}
	if err := m.For(zoo.SuperResolve); err != nil {
		return 0, err
	}
	form, err := n.Main(n.Usual())
	return form.Scale(n.Usual()), err
}

// Enlargement describes the result of Upscale and the time it took.
type Enlargement struct {
	Name          string // of the input
	Width, Height int    // of the input, in pixels
	Scale         int

	Tile    [2]int        // height and width of a tile
	Tiles   int           // runs of the network, one for each tile
	Seams   bool          // the tiles may not meet exactly: a network of an ONNX file looks too far
	Compile time.Duration // of the network; 0 if it was compiled before
	First   time.Duration // of the first run
	Rest    time.Duration // of all other runs
}

// Upscale enlarges a picture and writes it to w. The network enlarges luminance, or
// all colours if it has three channels; the rest is bicubic. A large picture goes
// through the network in tiles, with the same result. Of the result, memory holds one
// row of tiles. The result has the colour profile and the resolution of the input.
//
// Colours of pixels that cannot be seen do not count. Near what can be seen they are
// replaced by its colours, so that edges get no rim.
func (m *Model) Upscale(ctx context.Context, o UpscaleOptions, in Input, w io.Writer) (Enlargement, error) {
	e := Enlargement{Name: in.Name}
	if _, err := m.Factor(); err != nil {
		return e, err
	}
	photo, err := m.photo(ctx, in)
	if err != nil {
		return e, err
	}
	e.Width, e.Height = photo.Image.Width, photo.Image.Height
	_, file := m.Network.(*zoo.ONNX)
	u, x, seams, err := m.upscalerFor(e.Width, e.Height, o.Tile)
	if err != nil {
		return e, err
	}
	e.Seams = seams
	e.Scale, u.Background, u.Progress = u.Scale, o.Background, o.Progress
	format := cmp.Or(o.Format, "png")
	if err := u.check(format, photo.Image, photo.Alpha); err != nil {
		return e, err
	}
	e.Tile = u.Tile
	start := time.Now()
	var compiled time.Duration
	k, err := m.plans.get(ctx, planKey(x, file, nil), func() (Plan, error) {
		defer func() { compiled = time.Since(start) }()
		return m.compile(file, nil, x)()
	})
	if err != nil {
		return e, err
	}
	e.Compile = compiled
	defer m.plans.release(k)
	var check proven
	u.Run = func(ctx context.Context, y *tensor.Tensor) (*tensor.Tensor, error) {
		start := time.Now()
		out, err := k.plan.Run(ctx, y)
		if err == nil {
			err = m.CheckFinite(out[0])
		}
		if err != nil {
			return nil, err
		}
		if e.Tiles++; e.Tiles == 1 {
			e.First = time.Since(start)
			if !file { // whose tiles may have to be of one size
				check = m.prove(ctx, u, y, out[0])
			}
		} else {
			e.Rest += time.Since(start)
		}
		return out[0], nil
	}
	if file {
		u.Run = tileFit{m, x, u.Scale}.run(u.Run)
	}
	if err = u.Write(ctx, w, format, photo); err == nil {
		err = check.wait(ctx)
	}
	return e, err
}

// Upscaler enlarges pictures with your own network. The network enlarges luminance or
// all colours; the rest is bicubic.
//
// A large picture goes through the network in tiles. They overlap by the halo, so the
// result is the same as for the whole picture. Upscaler writes a row of tiles before
// it computes the next, which bounds the memory for the result.
type Upscaler struct {
	Scale    int
	Channels int // of the network: 0 or 1 means luminance, 3 means RGB
	Halo     int // how far an input pixel reaches; 0 means 4, as in ESPCN

	// Tile is the height and width of Run's input, unless the picture is smaller;
	// zero means a size that suits the picture.
	Tile [2]int

	// Run is the network. It maps [1, h, w, Channels] in 0…1 to
	// [1, h·Scale, w·Scale, Channels].
	Run func(ctx context.Context, x *tensor.Tensor) (*tensor.Tensor, error)

	// Background is what a transparent picture is written onto. If it is nil, a PNG
	// stays transparent and a JPEG becomes white.
	Background color.Color

	// Progress, if it is not nil, is called after each tile.
	Progress func(done, total int)
}

// defaults returns u with the defaults for a picture in place of zeros.
func (u Upscaler) defaults(m *picture.Image) Upscaler {
	u.Channels, u.Halo = cmp.Or(u.Channels, 1), cmp.Or(u.Halo, 4)
	if u.Tile == ([2]int{}) {
		u.Tile = u.tileSize(m.Width, m.Height, 0)
	}
	return u
}

// check returns an error if the picture cannot be enlarged.
func (u Upscaler) check(format string, m, alpha *picture.Image) error {
	if format != "png" && format != "jpeg" {
		return fmt.Errorf("upscale: format %q, want png or jpeg", format)
	}
	if u.Scale < 1 || u.Channels != 1 && u.Channels != 3 {
		return fmt.Errorf("upscale: the network has scale %d and %d channels, want a scale over 0 and 1 or 3 channels", u.Scale, u.Channels)
	}
	if alpha != nil && (alpha.Width != m.Width || alpha.Height != m.Height || alpha.Channels != 1) {
		return fmt.Errorf("upscale: alpha %v does not fit the picture %v", alpha, m)
	}
	if most := maxSide(format) / u.Scale; m.Width > most || m.Height > most {
		return fmt.Errorf("upscale: %d×%d pixels are too many for a %s", m.Width*u.Scale, m.Height*u.Scale, format)
	}
	for d, n := range [2]int{m.Height, m.Width} {
		if u.Tile[d] < n && u.Tile[d] <= 2*u.Halo {
			return fmt.Errorf("upscale: tiles of %d pixels are too small for a halo of %d", u.Tile[d], u.Halo)
		}
	}
	return nil
}

// Write enlarges a photo and writes it as "png" or "jpeg". A nil Alpha means that the
// photo is opaque. The result has the photo's resolution, and its profile if that is for
// as many channels as the result has. Otherwise the colours become sRGB.
func (u Upscaler) Write(ctx context.Context, w io.Writer, format string, p *picture.Photo) error {
	u = u.defaults(p.Image)
	if err := u.check(format, p.Image, p.Alpha); err != nil {
		return err
	}
	background := u.Background
	if background == nil && format == "jpeg" {
		background = color.White
	}
	m, profile := p.Image, p.Profile
	channels := m.Channels
	if u.Channels == 3 || p.Alpha != nil {
		channels = 3
	}
	if profile != nil && icc.Channels(profile) != channels {
		own := *m
		own.Pix = slices.Clone(m.Pix)
		m, profile = (&picture.Photo{Image: &own, Profile: profile}).SRGB(), nil
	}
	e := newEnlarged(ctx, u, m, p.Alpha)
	if background != nil && p.Alpha != nil {
		e.onto = color.NRGBAModel.Convert(background).(color.NRGBA)
		e.flat = true
	}
	w = meta.Writer(w, format, profile, p.Resolution)
	return e.encode(func() error {
		if format == "jpeg" {
			return jpeg.Encode(w, e, &jpeg.Options{Quality: 95})
		}
		encoder := png.Encoder{}
		if m.Width*m.Height > 4<<20 {
			encoder.CompressionLevel = png.BestSpeed
		}
		return encoder.Encode(w, e)
	})
}

// maxSide returns the largest width and height of a format.
func maxSide(format string) int {
	if format == "jpeg" {
		return 1<<16 - 1
	}
	return 1<<31 - 1
}
