package serve

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/vertebra/vertebra/serve/inference"
)

// GRPC returns a server of the Open Inference Protocol by gRPC, and of gRPC's own health
// protocol. The caller serves and stops it.
func (s *Server) GRPC(options ...grpc.ServerOption) *grpc.Server {
	options = append(append(options, s.limitsGRPC()...), grpc.UnaryInterceptor(s.guardGRPC))
	g := grpc.NewServer(options...)
	inference.RegisterGRPCInferenceServiceServer(g, &inferenceServer{s: s})
	grpc_health_v1.RegisterHealthServer(g, &healthServer{s: s})
	return g
}

// guardGRPC checks the token and survives panics.
func (s *Server) guardGRPC(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "method", info.FullMethod, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			response, err = nil, status.Error(codes.Internal, "internal error")
		}
	}()
	whole(ctx)
	_, health := info.Server.(*healthServer)
	if s.o.Token != "" && !health {
		md, _ := metadata.FromIncomingContext(ctx)
		if !slices.ContainsFunc(md.Get("authorization"), s.allowed) {
			return nil, status.Error(codes.Unauthenticated, "a bearer token is needed")
		}
	}
	response, err = next(ctx, request)
	if err != nil {
		err = status.Error(codeOf(err), err.Error())
	}
	return response, err
}

// codeOf returns the code of an error.
func codeOf(err error) codes.Code {
	var bad badRequest
	switch {
	case isUnavailable(err):
		return codes.Unavailable
	case errors.As(err, &bad):
		return codes.InvalidArgument
	case isNotFound(err):
		return codes.NotFound
	case errors.Is(err, context.Canceled):
		return codes.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return codes.DeadlineExceeded
	}
	return codes.Internal
}

type inferenceServer struct {
	inference.UnimplementedGRPCInferenceServiceServer
	s *Server
}

func (i *inferenceServer) ServerLive(context.Context, *inference.ServerLiveRequest) (*inference.ServerLiveResponse, error) {
	return &inference.ServerLiveResponse{Live: true}, nil
}

func (i *inferenceServer) ServerReady(context.Context, *inference.ServerReadyRequest) (*inference.ServerReadyResponse, error) {
	return &inference.ServerReadyResponse{Ready: i.s.Ready() == nil}, nil
}

func (i *inferenceServer) ModelReady(_ context.Context, r *inference.ModelReadyRequest) (*inference.ModelReadyResponse, error) {
	err := i.s.modelReady(r.Name, r.Version)
	if isNotFound(err) {
		return nil, err
	}
	return &inference.ModelReadyResponse{Ready: err == nil}, nil
}

func (i *inferenceServer) ServerMetadata(context.Context, *inference.ServerMetadataRequest) (*inference.ServerMetadataResponse, error) {
	m := i.s.metadata()
	return &inference.ServerMetadataResponse{Name: m.Name, Version: m.Version, Extensions: m.Extensions}, nil
}

func (i *inferenceServer) ModelMetadata(ctx context.Context, r *inference.ModelMetadataRequest) (*inference.ModelMetadataResponse, error) {
	m, err := i.s.modelMetadata(ctx, r.Name, r.Version)
	if err != nil {
		return nil, err
	}
	ports := func(all []Port) (out []*inference.ModelMetadataResponse_TensorMetadata) {
		for _, p := range all {
			out = append(out, &inference.ModelMetadataResponse_TensorMetadata{Name: p.Name, Datatype: string(p.Datatype), Shape: wide(p.Shape)})
		}
		return out
	}
	return &inference.ModelMetadataResponse{Name: m.Name, Versions: m.Versions, Platform: m.Platform, Inputs: ports(m.Inputs), Outputs: ports(m.Outputs)}, nil
}

func wide(shape []int) []int64 {
	out := make([]int64, len(shape))
	for i, d := range shape {
		out[i] = int64(d)
	}
	return out
}

func (i *inferenceServer) ModelInfer(ctx context.Context, r *inference.ModelInferRequest) (*inference.ModelInferResponse, error) {
	if raw := len(r.RawInputContents); raw > 0 && raw != len(r.Inputs) {
		return nil, badRequest{fmt.Errorf("%d raw contents for %d inputs", raw, len(r.Inputs))}
	}
	held := share{s: i.s}
	defer held.give()
	if err := held.take(int64(proto.Size(r))); err != nil {
		return nil, err
	}
	var inputs []*Value
	for k, in := range r.Inputs {
		v, err := fromMessage(in)
		if err == nil && len(r.RawInputContents) > 0 {
			err = v.setRaw(r.RawInputContents[k])
		}
		if err == nil {
			err = v.check()
		}
		if err != nil {
			return nil, badRequest{fmt.Errorf("input %q: %w", in.Name, err)}
		}
		inputs = append(inputs, v)
	}
	if len(inputs) == 0 {
		return nil, badRequest{errors.New("the request has no inputs")}
	}
	outputs, err := i.s.infer(ctx, r.ModelName, r.ModelVersion, inputs)
	if err != nil {
		return nil, err
	}
	response := &inference.ModelInferResponse{ModelName: r.ModelName, ModelVersion: r.ModelVersion, Id: r.Id}
	for _, v := range outputs {
		if len(r.Outputs) > 0 && !slices.ContainsFunc(r.Outputs, func(o *inference.ModelInferRequest_InferRequestedOutputTensor) bool { return o.Name == v.Name }) {
			continue
		}
		response.Outputs = append(response.Outputs, &inference.ModelInferResponse_InferOutputTensor{Name: v.Name, Datatype: string(v.Datatype), Shape: wide(v.Shape)})
		response.RawOutputContents = append(response.RawOutputContents, v.Raw)
	}
	for _, o := range r.Outputs {
		if !slices.ContainsFunc(outputs, func(v *Value) bool { return v.Name == o.Name }) {
			return nil, badRequest{fmt.Errorf("model %q has no output %q", r.ModelName, o.Name)}
		}
	}
	return response, nil
}

// setRaw sets the data from raw contents, which for BYTES have a length before each
// element.
func (v *Value) setRaw(raw []byte) (err error) {
	if v.Datatype == "BYTES" {
		v.Bytes, err = splitBytes(raw)
		return err
	}
	v.Raw = raw
	return nil
}

// fromMessage reads an input with its typed contents, if it has any.
func fromMessage(in *inference.ModelInferRequest_InferInputTensor) (*Value, error) {
	v := &Value{Name: in.Name, Datatype: Datatype(in.Datatype)}
	for _, d := range in.Shape {
		if d < 0 || d > math.MaxInt32 {
			return nil, fmt.Errorf("shape %v", in.Shape)
		}
		v.Shape = append(v.Shape, int(d))
	}
	c := in.Contents
	if c == nil {
		return v, nil
	}
	le := binary.LittleEndian
	switch v.Datatype {
	case "BOOL":
		for _, x := range c.BoolContents {
			one := byte(0)
			if x {
				one = 1
			}
			v.Raw = append(v.Raw, one)
		}
	case "INT8", "INT16", "INT32":
		size := sizes[v.Datatype]
		for _, x := range c.IntContents {
			if low := -1 << (8*size - 1); int(x) < low || int(x) > -low-1 {
				return nil, fmt.Errorf("%d is no %s", x, v.Datatype)
			}
			v.Raw = append(v.Raw, le.AppendUint32(nil, uint32(x))[:size]...)
		}
	case "UINT8", "UINT16", "UINT32":
		size := sizes[v.Datatype]
		for _, x := range c.UintContents {
			if uint64(x) >= 1<<(8*size) {
				return nil, fmt.Errorf("%d is no %s", x, v.Datatype)
			}
			v.Raw = append(v.Raw, le.AppendUint32(nil, x)[:size]...)
		}
	case "INT64":
		for _, x := range c.Int64Contents {
			v.Raw = le.AppendUint64(v.Raw, uint64(x))
		}
	case "UINT64":
		for _, x := range c.Uint64Contents {
			v.Raw = le.AppendUint64(v.Raw, x)
		}
	case "FP32":
		v.Raw = make([]byte, 0, 4*len(c.Fp32Contents))
		for _, x := range c.Fp32Contents {
			v.Raw = le.AppendUint32(v.Raw, math.Float32bits(x))
		}
	case "FP64":
		for _, x := range c.Fp64Contents {
			v.Raw = le.AppendUint64(v.Raw, math.Float64bits(x))
		}
	case "BYTES":
		v.Bytes = c.BytesContents
	default:
		return nil, fmt.Errorf("%s goes as raw contents only", v.Datatype)
	}
	return v, nil
}

// healthServer answers gRPC's health protocol, which Kubernetes asks.
type healthServer struct {
	grpc_health_v1.UnimplementedHealthServer
	s *Server
}

func (h *healthServer) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	state := grpc_health_v1.HealthCheckResponse_NOT_SERVING
	if h.s.Ready() == nil {
		state = grpc_health_v1.HealthCheckResponse_SERVING
	}
	return &grpc_health_v1.HealthCheckResponse{Status: state}, nil
}
