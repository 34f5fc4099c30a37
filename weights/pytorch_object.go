package weights

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/vertebra/vertebra/tensor"
)

// storage is the array of numbers that a tensor of a checkpoint is a view of. It
// may itself be a view of another storage.
type storage struct {
	blob   *blob
	key    string
	dtype  string // empty if untyped
	offset int64  // first element in the blob
	numel  int64  // number of elements
}

// rebuilt is a tensor as the pickle describes it: a function of torch._utils and
// its arguments. They are checked once the tensor has a name.
type rebuilt struct {
	function string
	args     []any
}

// viewBytes is the memory for a named tensor, without its dimensions.
const viewBytes = 400

// arg returns an argument, or nil if there are fewer.
func (t *rebuilt) arg(i int) any {
	if i < len(t.args) {
		return t.args[i]
	}
	return nil
}

// storageTypes maps the classes of storages, and torch's names of element
// types, to those of safetensors.
var storageTypes = map[string]string{
	"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16",
	"LongStorage": "I64", "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
	"ComplexDoubleStorage": "C128", "ComplexFloatStorage": "C64",
	"QInt32Storage": "QI32", "QInt8Storage": "QI8", "QUInt8Storage": "QU8", "QUInt4x2Storage": "QU4X2", "QUInt2x4Storage": "QU2X4",
	"UntypedStorage": "", "_UntypedStorage": "",

	"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16",
	"int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint64": "U64", "uint32": "U32", "uint16": "U16", "uint8": "U8",
	"bool": "BOOL", "complex128": "C128", "complex64": "C64", "complex32": "C32", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
	"float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ", "float8_e8m0fnu": "F8_E8M0", "float4_e2m1fn_x2": "F4",
	"qint32": "QI32", "qint8": "QI8", "quint8": "QU8", "quint4x2": "QU4X2", "quint2x4": "QU2X4",
}

// elementType returns the element type of a storage class or a torch.dtype. A type
// that is newer than this code keeps its name; sizes does not have it.
func elementType(v any) (string, error) {
	g, ok := v.(global)
	if !ok {
		return "", fmt.Errorf("the element type is not a class")
	}
	name := string(g)
	last := name[strings.LastIndexByte(name, '.')+1:]
	dtype, ok := storageTypes[last]
	switch {
	case !strings.HasPrefix(name, "torch."):
	case ok:
		return dtype, nil
	case strings.HasSuffix(last, "Storage"):
		return strings.ToUpper(strings.TrimSuffix(last, "Storage")), nil
	case newType.MatchString(last):
		return strings.ToUpper(last), nil
	}
	return "", fmt.Errorf("not the type of a tensor's elements: %s", shown(name))
}

// newType matches names that a torch.dtype may have.
var newType = regexp.MustCompile(`^(q?u?int|b?float|bits|complex)\d\w*$`)

// construct returns the function that evaluates the calls that torch.save
// writes. They take memory from q.
func construct(q *quota) func(f global, args []any) (any, error) {
	return func(f global, args []any) (any, error) {
		var last any
		if len(args) > 0 {
			last = args[len(args)-1]
		}
		switch f {
		case "collections.OrderedDict", "collections.defaultdict", "collections.Counter", "builtins.dict":
			return newDict(last, q)
		case "builtins.set", "builtins.frozenset", "builtins.list", "builtins.tuple", "torch.Size":
			switch last.(type) {
			case *list, *tuple:
				return last, nil
			}
			return &list{}, nil
		case "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type": // (function, class, args, state)
			if len(args) > 2 {
				inner, ok1 := args[0].(global)
				t, ok2 := args[2].(*tuple)
				if ok1 && ok2 {
					f, args = inner, t.items
				}
			}
		}
		name := string(f)
		switch {
		case strings.HasPrefix(name, "torch._utils._rebuild_parameter"), name == "torch.nn.parameter.Parameter",
			name == "torch._utils._rebuild_device_tensor_from_cpu_tensor",
			strings.HasPrefix(name, "torch.jit._pickle.build_"), name == "torch.jit._pickle.restore_type_tag":
			if len(args) > 0 {
				return args[0], nil
			}
		case strings.HasPrefix(name, "torch._utils._rebuild_"):
			return &rebuilt{strings.TrimPrefix(name, "torch._utils."), args}, nil
		case name == "copyreg._reconstructor" || name == "copy_reg._reconstructor", name == "copyreg.__newobj__":
			if len(args) > 0 {
				if class, ok := args[0].(global); ok {
					return &object{class: class}, nil
				}
			}
		}
		return &object{class: f, args: args}, nil
	}
}

// newDict makes a dictionary from pairs or from another dictionary.
func newDict(from any, q *quota) (any, error) {
	d := &dict{}
	switch v := from.(type) {
	case *dict:
		if !q.take(itemBytes * len(v.keys)) {
			return nil, errQuota
		}
		for i, k := range v.keys {
			d.set(k, v.values[i])
		}
		return d, nil
	}
	pairs := sequence(from)
	if !q.take(itemBytes * len(pairs)) {
		return nil, errQuota
	}
	for _, p := range pairs {
		items := sequence(p)
		if len(items) != 2 {
			return nil, fmt.Errorf("an item of a dictionary is not a pair")
		}
		if !d.set(items[0], items[1]) {
			return nil, fmt.Errorf("key %q is set twice", items[0])
		}
	}
	return d, nil
}

// sequence returns the items of a list or tuple.
func sequence(v any) []any {
	switch v := v.(type) {
	case *list:
		return v.items
	case *tuple:
		return v.items
	}
	return nil
}

// view is a tensor of a checkpoint: the place of its elements in a storage.
type view struct {
	Entry
	storage *storage
	offset  int64 // in elements from the start of the blob
	stride  []int64
	refused string // why it cannot be read
	listed  bool   // it is among the views of its blob
}

// maxRank is the most dimensions that PyTorch allows.
const maxRank = 64

// describe checks a tensor against its storage. A complex, quantized or sparse
// tensor is described here and refused when it is read. It is an error if the
// arguments contradict each other. A tensor that repeats elements of its storage
// (Tensor.expand) has at most file elements, file being the bytes of the
// checkpoint.
func describe(t *rebuilt, file int64) (view, error) {
	switch t.function {
	case "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_qtensor":
	case "_rebuild_meta_tensor_no_storage": // (dtype, size, stride, requires_grad)
		v := view{refused: "a meta tensor has no data"}
		if len(t.args) > 1 {
			v.DType, _ = elementType(t.args[0])
			v.Shape, _, _ = shape(t.args[1])
		}
		return v, nil
	default:
		v := view{refused: "torch._utils." + shown(t.function) + " is refused: only dense tensors are read"}
		v.DType = strings.ToUpper(strings.Trim(strings.TrimPrefix(t.function, "_rebuild"), "_"))
		return v, nil
	}
	if len(t.args) < 4 {
		return view{}, fmt.Errorf("%s with %d arguments", shown(t.function), len(t.args))
	}
	s, ok1 := t.args[0].(*storage)
	offset, ok2 := t.args[1].(int64)
	if !ok1 || !ok2 {
		return view{}, fmt.Errorf("%s: no storage or no offset", shown(t.function))
	}
	dtype := s.dtype
	if t.function == "_rebuild_tensor_v3" && len(t.args) > 6 {
		var err error
		if dtype, err = elementType(t.args[6]); err != nil {
			return view{}, err
		}
	}
	if dtype == "" {
		dtype = "U8"
	}
	v := view{Entry: Entry{DType: dtype}, storage: s, offset: s.offset}
	var err error
	var n int64
	if v.Shape, n, err = shape(t.args[2]); err != nil {
		return view{}, err
	}
	width := sizes[dtype]
	if width == 0 || s.dtype != "" && sizes[s.dtype] == 0 {
		v.refused = "elements of type " + shown(dtype) + " are not read"
		return v, nil
	}
	strides := sequence(t.args[3])
	if len(strides) != len(v.Shape) || offset < 0 {
		return view{}, fmt.Errorf("offset %d and %d strides for shape %v", offset, len(strides), v.Shape)
	}
	// The elements of the storage, counted in the tensor's type.
	room := min(s.numel, math.MaxInt64/16) * max(1, sizes[s.dtype]) / width
	room = min(room, s.blob.size/width-min(s.offset, s.blob.size))
	last := offset
	for i, x := range strides {
		step, ok := x.(int64)
		if !ok || step < 0 {
			return view{}, fmt.Errorf("stride %s of dimension %d", brief(x), i)
		}
		v.stride = append(v.stride, step)
		if d := int64(v.Shape[i]) - 1; n > 0 && d > 0 && step > 0 {
			if step > room/d || last > room {
				return view{}, fmt.Errorf("shape %v reaches past the %d elements of storage %s", v.Shape, room, shown(s.key))
			}
			last += d * step
		}
	}
	if n > 0 && last >= room {
		return view{}, fmt.Errorf("shape %v at %d reaches past the %d elements of storage %s", v.Shape, offset, room, shown(s.key))
	}
	if n > max(room, file) {
		return view{}, fmt.Errorf("shape %v in a file of %d bytes", v.Shape, file)
	}
	v.offset += offset
	v.Bytes = n * width
	switch {
	case t.function == "_rebuild_qtensor" || strings.HasPrefix(dtype, "Q"):
		v.refused = "quantized tensors are not read"
	case strings.HasPrefix(dtype, "C"):
		v.refused = "complex tensors are not read"
	}
	return v, nil
}

// shape checks a torch.Size and counts its elements.
func shape(v any) (tensor.Shape, int64, error) {
	dims := sequence(v)
	if len(dims) > maxRank {
		return nil, 0, fmt.Errorf("%d dimensions, more than %d", len(dims), maxRank)
	}
	s, n := make(tensor.Shape, len(dims)), int64(1)
	for i, x := range dims {
		d, ok := x.(int64)
		if big, isLong := x.(long); isLong {
			return nil, 0, fmt.Errorf("dimension %d is %v, larger than any file", i, big)
		}
		if !ok || d < 0 || d > math.MaxInt {
			return nil, 0, fmt.Errorf("dimension %d is %s, want a number of elements", i, brief(x))
		}
		s[i] = int(d)
	}
	for _, d := range s {
		if d > 0 && n > math.MaxInt64/16/int64(d) {
			return nil, 0, fmt.Errorf("shape %v has more elements than a file can hold", s)
		}
		n *= int64(d)
	}
	return s, n, nil
}

// brief writes a value of a pickle for an error.
func brief(v any) string {
	switch v := v.(type) {
	case nil, bool, int64, float64, long:
		return fmt.Sprint(v)
	case string:
		return fmt.Sprintf("%.60q", v)
	case global:
		return shown(string(v))
	}
	return "an object"
}

// dense returns the first of the trailing dimensions that are contiguous in the
// storage, and the number of elements that they span.
func (v view) dense() (first int, run int64) {
	first, run = len(v.Shape), 1
	for first > 0 && (v.stride[first-1] == run || v.Shape[first-1] == 1) {
		first--
		run *= int64(v.Shape[first])
	}
	return first, run
}

// runs calls f with the first element in the storage of each contiguous run of the
// view, in the order of the view, and returns the length of a run. It stops if f
// returns false.
func (v view) runs(f func(at int64) bool) (run int64) {
	dense, run := v.dense()
	count := int64(1)
	for _, d := range v.Shape[:dense] {
		count *= int64(d)
	}
	index := make([]int, dense)
	for at := v.offset; count > 0 && run > 0; count-- {
		if !f(at) {
			return run
		}
		for d := dense - 1; d >= 0; d-- {
			index[d]++
			at += v.stride[d]
			if index[d] < v.Shape[d] {
				break
			}
			at -= v.stride[d] * int64(v.Shape[d])
			index[d] = 0
		}
	}
	return run
}

// gather copies the elements of a view out of its blob.
func (v view) gather(to []float32, from *inflated) (err error) {
	width := sizes[v.DType]
	_, run := v.dense()
	v.runs(func(at int64) bool {
		err = decode(to[:run], from.at(at*width, run*width), v.DType)
		to = to[run:]
		return err == nil
	})
	return err
}
