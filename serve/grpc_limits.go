package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/vertebra/vertebra/serve/inference"
)

// limitsGRPC bounds what a client by gRPC can take: memory, calls at once, and time to send
// a request.
func (s *Server) limitsGRPC() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(int(min(s.o.MaxBody, math.MaxInt32))),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxHeaderListSize(64 << 10),
		grpc.MaxConcurrentStreams(uint32(min(2*s.o.MaxQueue, math.MaxInt32))), // of a connection: more than wait for a model
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 2 * time.Minute, Timeout: 20 * time.Second}),
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(encodingproto.Name)}),
		grpc.InTapHandle(s.timeGRPC),
	}
}

// errSlow ends a call whose request has not come.
var errSlow = errors.New("the request has taken too long to come")

// timerKey is the key of a call's timer in its context.
type timerKey struct{}

// timeGRPC ends a call after a while, unless whole stops the timer.
func (s *Server) timeGRPC(ctx context.Context, _ *tap.Info) (context.Context, error) {
	ctx, end := context.WithCancelCause(ctx)
	t := time.AfterFunc(s.slow, func() { end(errSlow) })
	context.AfterFunc(ctx, func() { t.Stop() })
	return context.WithValue(ctx, timerKey{}, t), nil
}

// whole stops the timer of a call whose request has come.
func whole(ctx context.Context) {
	if t, ok := ctx.Value(timerKey{}).(*time.Timer); ok {
		t.Stop()
	}
}

// codec is gRPC's own, but refuses requests with too many elements before it decodes them:
// an empty element takes two bytes on the way, and a hundred in memory.
type codec struct{ encoding.CodecV2 }

// Unmarshal decodes a request.
func (c codec) Unmarshal(data mem.BufferSlice, into any) error {
	request, ok := into.(*inference.ModelInferRequest)
	if !ok {
		return c.CodecV2.Unmarshal(data, into)
	}
	b := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer b.Free()
	left := mostElements
	if err := countFields(b.ReadOnlyData(), requestMessages, &left); err != nil {
		return err
	}
	return proto.Unmarshal(b.ReadOnlyData(), request)
}

// messages has the fields of a message that are messages themselves. Those that are nil are
// lists of numbers in which each byte may be one.
type messages map[protowire.Number]messages

// requestMessages are those of a ModelInferRequest: inputs with their shape, parameters and
// contents, and outputs with their parameters.
var requestMessages = messages{5: {3: nil, 4: {}, 5: {}}, 6: {2: {}}}

// countFields takes the fields of a message, and of those in it, from the number that is left.
func countFields(b []byte, in messages, left *int) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, b[n:])
		if size < 0 {
			return protowire.ParseError(size)
		}
		*left--
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b[n:])
			switch inner, ok := in[number]; {
			case ok && inner == nil:
				*left -= len(value)
			case ok:
				if err := countFields(value, inner, left); err != nil {
					return err
				}
			}
		}
		if *left < 0 {
			return fmt.Errorf("the request has more than %d elements", mostElements)
		}
		b = b[n+size:]
	}
	return nil
}
