package codec

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// Decoders that are written in C run as WebAssembly, each call in an instance of its
// own: it can neither reach beyond its memory nor take more of it than it is given.
// Folder wasm says how they are built. They are compiled when they are first needed.

//go:embed wasm/codec.wasm.gz
var codecWasm []byte

// program is compiled code and what runs it.
type program struct {
	runtime wazero.Runtime
	code    wazero.CompiledModule
}

var codecProgram = sync.OnceValues(func() (*program, error) { return compile(codecWasm) })

func compile(packed []byte) (*program, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	binary, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	p := &program{runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig())}
	if _, err = wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return nil, err
	}
	host := p.runtime.NewHostModuleBuilder("host")
	host.NewFunctionBuilder().WithFunc(hostRead).Export("read")
	host.NewFunctionBuilder().WithFunc(hostHead).Export("head")
	host.NewFunctionBuilder().WithFunc(hostRows).Export("rows")
	host.NewFunctionBuilder().WithFunc(hostFail).Export("fail")
	if _, err = host.Instantiate(ctx); err != nil {
		return nil, err
	}
	p.code, err = p.runtime.CompileModule(ctx, binary)
	return p, err
}

// call is one run of a program: the file that it reads, and who takes what it finds.
type call struct {
	file   []byte
	memory int64 // most bytes that the program may use
	head   func(fields []int32, mem api.Memory) error
	rows   func(b block)
	err    error
}

// block is samples of w × h pixels at (x, y) of a plane. They are gone after the call.
type block struct {
	data              []byte
	x, y, w, h, plane int
}

type callKey struct{}

// run calls a function of the program, which returns 1 if all is well. When ctx ends,
// run returns at once; the program itself ends when it next asks for something.
func (p *program) run(ctx context.Context, c *call, function string, args ...uint64) error {
	done := make(chan error, 1)
	go func() {
		err := p.call(ctx, c, function, args)
		if c.err != nil {
			err = c.err
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *program) call(ctx context.Context, c *call, function string, args []uint64) (err error) {
	defer func() {
		if r := recover(); r != nil { // memory too small to begin with
			err = fmt.Errorf("broken file: %v", r)
		}
	}()
	ctx = context.WithValue(ctx, callKey{}, c)
	m, err := p.runtime.InstantiateModule(experimental.WithMemoryAllocator(ctx, allocator(c.memory)), p.code,
		wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return err
	}
	defer m.Close(ctx)
	result, err := m.ExportedFunction(function).Call(ctx, args...)
	switch {
	case err != nil:
		return fmt.Errorf("broken file: %.60q", err.Error())
	case result[0] != 1:
		return errors.New("broken file")
	}
	return nil
}

// of returns the call that a program belongs to. It ends the program if the call's
// context has ended.
func of(ctx context.Context) *call {
	if err := ctx.Err(); err != nil {
		panic(err)
	}
	return ctx.Value(callKey{}).(*call)
}

// allocator gives a program one piece of memory of at most so many bytes. Its pages
// cost nothing before they are written.
type allocator int64

func (most allocator) Allocate(_, max uint64) experimental.LinearMemory {
	return &linear{make([]byte, 0, min(uint64(most), max))}
}

type linear struct{ b []byte }

func (l *linear) Reallocate(size uint64) []byte {
	if size > uint64(cap(l.b)) {
		return nil
	}
	l.b = l.b[:size]
	return l.b
}

func (l *linear) Free() {}

func hostRead(ctx context.Context, m api.Module, at int64, to, n int32) int32 {
	c := of(ctx)
	if at < 0 || at >= int64(len(c.file)) || n <= 0 {
		return 0
	}
	data := c.file[at:min(at+int64(n), int64(len(c.file)))]
	if !m.Memory().Write(uint32(to), data) {
		return 0
	}
	return int32(len(data))
}

func hostHead(ctx context.Context, m api.Module, at, n int32) int32 {
	c := of(ctx)
	b, ok := m.Memory().Read(uint32(at), 4*uint32(n))
	if !ok {
		return 0
	}
	fields := make([]int32, n)
	for i := range fields {
		fields[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
	}
	if c.err = c.head(fields, m.Memory()); c.err != nil {
		return 0
	}
	return 1
}

func hostRows(ctx context.Context, m api.Module, at, n, x, y, w, h, plane int32) {
	if b, ok := m.Memory().Read(uint32(at), uint32(n)); ok {
		of(ctx).rows(block{b, int(x), int(y), int(w), int(h), int(plane)})
	}
}

func hostFail(ctx context.Context, m api.Module, at, n int32) {
	c := of(ctx)
	if b, ok := m.Memory().Read(uint32(at), uint32(n)); ok && c.err == nil {
		c.err = errors.New(string(b))
	}
}
