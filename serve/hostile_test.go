package serve

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// hostile is a request as bytes on a connection.
type hostile struct {
	name string
	text []byte
	cut  bool // the client goes away after it
	slow bool // the client sends no more, and waits
	deaf bool // the client sends until the server closes the connection, and takes no answer
}

// requestText writes a POST request with a true length of the body.
func requestText(path, body string, header ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n", path, len(body))
	for i := 0; i < len(header); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", header[i], header[i+1])
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

const (
	lenetPath = "/v2/models/lenet/infer"
	lenetJSON = `{"id":"7","parameters":{},"inputs":[{"name":"input","shape":[1,1,32,32],"datatype":"FP32","parameters":{},"data":DATA}],"outputs":[{"name":"output","parameters":{}}]}`
)

// digit returns a picture of 32x32 and the same as JSON numbers.
func digit(t testing.TB) (file []byte, numbers string) {
	m := image.NewGray(image.Rect(0, 0, 32, 32))
	var all []string
	for i := range m.Pix {
		m.Pix[i] = byte(i * i)
		all = append(all, strconv.Itoa(i%7))
	}
	m.SetGray(5, 5, color.Gray{255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), "[" + strings.Join(all, ",") + "]"
}

// hostiles makes the requests of TestHostile.
func hostiles(t testing.TB) (all []hostile) {
	file, numbers := digit(t)
	good := strings.Replace(lenetJSON, "DATA", numbers, 1)
	add := func(name string, text []byte) { all = append(all, hostile{name: name, text: text}) }
	infer := func(name, body string, header ...string) { add(name, requestText(lenetPath, body, header...)) }

	whole := requestText(lenetPath, good)
	for i := range 20 {
		at := len(whole) * i / 20
		all = append(all, hostile{name: fmt.Sprint("a connection cut after byte ", at), text: whole[:at], cut: true})
		infer(fmt.Sprint("JSON cut after byte ", len(good)*i/20), good[:len(good)*i/20])
	}
	for _, at := range []int{bytes.Index(whole, []byte("\r\n\r\n")) + 4, len(whole) / 2, len(whole) - 1} {
		all = append(all, hostile{name: fmt.Sprint("a body that stops after byte ", at), text: whole[:at], slow: true})
	}
	for _, field := range []string{`"inputs":[`, `"shape":[1,1,32,32]`, `"datatype":"FP32"`, `"data":` + numbers} {
		name, _, _ := strings.Cut(field, ":")
		for _, value := range []string{`null`, `-1`, `1e99`, `"x"`, `{}`, `[]`, `[[[]]]`, `true`, `9223372036854775808`} {
			changed := strings.Replace(good, field, name+":"+value, 1)
			if strings.HasSuffix(field, "[") {
				changed = strings.Replace(good, field, name+":"+value+`,"rest":[`, 1)
			}
			infer(name+" is "+value, changed)
		}
	}
	for _, value := range []string{`-1`, `"x"`, `{}`, `[[[]]]`, `[{"name":1}]`, `[{"name":"input"}]`, `true`} {
		infer("outputs is "+value, strings.Replace(good, `"outputs":[`, `"outputs":`+value+`,"rest":[`, 1))
		infer("parameters is "+value, strings.Replace(good, `"parameters":{},"inputs"`, `"parameters":[`+value+`],"inputs"`, 1))
		infer("parameters of an input is "+value, strings.Replace(good, `"parameters":{},"data"`, `"parameters":[`+value+`],"data"`, 1))
	}
	for _, shape := range []string{
		"[2147483648,2147483648]", "[-1,1,32,32]", "[0,1,32,32]", "[1,1,32,-32]", "[1,1,1024]", "[1,1,32,33]", "[1048576,1,32,32]",
		"[1,1,32,32" + strings.Repeat(",1", 10000) + "]", "[9223372036854775807]", "[0,9223372036854775807,9223372036854775807,0]", "[1.5,1,32,32]", "[]",
	} {
		infer("shape "+shape[:min(40, len(shape))], strings.Replace(good, "[1,1,32,32]", shape, 1))
	}
	for _, kind := range []string{"FP16", "BF16", "fp32", "BYTES", "INT64x", strings.Repeat("F", 100000)} {
		infer("datatype "+kind[:min(10, len(kind))], strings.Replace(good, `"FP32"`, strconv.Quote(kind), 1))
	}
	for _, number := range []string{"1e400", "0x10", "NaN", "1e", "--1", strings.Repeat("9", 100000)} {
		infer("the number "+number[:min(10, len(number))], strings.Replace(good, "[0,", "["+number+",", 1))
	}
	for _, depth := range []int{33, 9000, 1000000} {
		infer(fmt.Sprint("data nested ", depth), strings.Replace(good, numbers, strings.Repeat("[", depth)+strings.Repeat("]", depth), 1))
		infer(fmt.Sprint("parameters nested ", depth), strings.Replace(good, `"parameters":{},"data"`, `"parameters":{"x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`},"data"`, 1)+"x")
	}
	infer("500000 inputs that are nothing", `{"inputs":[`+strings.Repeat(`0,`, 500000)+`0]}`)
	infer("a shape of 500000", strings.Replace(good, "[1,1,32,32]", "["+strings.Repeat("1,", 500000)+"1]", 1))
	infer("500000 empty strings", strings.Replace(strings.Replace(good, `"FP32"`, `"BYTES"`, 1), numbers, `[`+strings.Repeat(`"",`, 500000)+`""]`, 1))
	infer("a parameter of 500000 lists", strings.Replace(good, `"parameters":{},"data"`, `"parameters":{"binary_data_size":[`+strings.Repeat("[],", 500000)+`[]]},"data"`, 1))
	infer("100000 inputs", `{"inputs":[`+strings.Repeat(`{"name":"x","shape":[0],"datatype":"FP32","data":[]},`, 100000)+`{}]}`)
	infer("100000 outputs", strings.Replace(good, `"outputs":[`, `"outputs":[`+strings.Repeat(`{"name":"x"},`, 100000), 1))
	all = append(all, hostileBinary()...)
	all = append(all, hostilePictures(file)...)
	all = append(all, hostileForms(file)...)

	all = append(all, hostile{name: "no HTTP", text: []byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), cut: true})
	add("a method that is none", []byte("BREW "+lenetPath+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
	add("a header of 100 kB", requestText(lenetPath, good, "X-Long", strings.Repeat("x", 100000)))
	add("a line without end", bytes.Repeat([]byte("GET /"), 30000))
	add("a path up", requestText("/v2/models/..%2f..%2fetc%2fpasswd/infer", good))
	add("a long path", requestText("/v2/models/"+strings.Repeat("m", 60000)+"/infer", good))
	add("two lengths", bytes.Replace(whole, []byte("Content-Length"), []byte("Content-Length: 3\r\nContent-Length"), 1))
	add("a negative length", bytes.Replace(whole, []byte("Content-Length: "), []byte("Content-Length: -"), 1))
	add("a huge length", bytes.Replace(whole, []byte("Content-Length: "), []byte("Content-Length: 99999999999"), 1))
	chunked := "POST " + lenetPath + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
	all = append(all, hostile{name: "a chunk of a huge size", text: []byte(chunked + "ffffffffffffffff\r\n{"), slow: true})
	add("a chunk that is no number", []byte(chunked+"zz\r\n{}\r\n0\r\n\r\n"))
	all = append(all, hostile{name: "a client that takes no answers", text: bytes.Repeat([]byte("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"), 1<<19), slow: true, deaf: true})
	add("chunks over the limit", []byte(chunked+strings.Repeat("10000\r\n"+strings.Repeat(" ", 1<<16)+"\r\n", 40)+"0\r\n\r\n"))
	return all
}

// hostileBinary has wrong sizes of binary data.
func hostileBinary() (all []hostile) {
	body := func(size any, have, header int) []byte {
		s, _ := json.Marshal(size)
		head := `{"inputs":[{"name":"input","shape":[1,1,32,32],"datatype":"FP32","parameters":{"binary_data_size":` + string(s) + `}}]}`
		return requestText(lenetPath, head+strings.Repeat("\x00", have), binaryHeader, strconv.Itoa(len(head)+header))
	}
	for _, c := range []struct {
		size         any
		have, header int
	}{
		{4095, 4096, 0}, {4097, 4096, 0}, {4096, 4095, 0}, {4096, 4097, 0}, {4092, 4092, 0}, {-1, 4096, 0}, {0, 0, 0}, {1.5, 4096, 0}, {1e300, 4096, 0},
		{1 << 62, 4096, 0}, {"4096", 4096, 0}, {nil, 4096, 0}, {[]int{4096}, 4096, 0}, {4096, 4096, -1}, {4096, 4096, 1}, {4096, 4096, 5000}, {4096, 4096, 1 << 60},
	} {
		all = append(all, hostile{name: fmt.Sprintf("binary size %v with %d bytes, header %+d", c.size, c.have, c.header), text: body(c.size, c.have, c.header)})
	}
	for _, value := range []string{"-5", "x", "", "1e3", "99999999999999999999"} {
		all = append(all, hostile{name: "a binary header " + value, text: requestText(lenetPath, "{}", binaryHeader, value)})
	}
	return all
}

// hostilePictures has files that are broken, or too large when they are decoded.
func hostilePictures(file []byte) (all []hostile) {
	send := func(name string, f []byte) {
		body := fmt.Sprintf(`{"inputs":[{"name":"input","shape":[1],"datatype":"BYTES","parameters":{"content_type":"base64"},"data":[%q]}]}`, base64.StdEncoding.EncodeToString(f))
		all = append(all, hostile{name: name, text: requestText(lenetPath, body)})
	}
	for i := range 12 { // without the last chunk it is whole
		at := (len(file) - 30) * i / 12
		send(fmt.Sprint("a picture cut at ", at), file[:at])
	}
	for _, magic := range []string{"\xff\xd8\xff\xe0", "GIF89a\xff\xff\xff\xff", "BM", "RIFF\xff\xff\xff\x7fWEBPVP8 ", "II*\x00\xff\xff\xff\xff", "MM\x00*", "\x00\x00\x00\x18ftypheic", "\x00\x00\x00\x1cftypavif"} {
		send(fmt.Sprintf("a picture that is only %q", magic), append([]byte(magic), bytes.Repeat([]byte{0xff, 0, 7}, 100)...))
	}
	for _, size := range [][2]uint32{{0, 0}, {1 << 31, 1}, {100000, 100000}, {60000, 60000}, {1<<31 - 1, 1<<31 - 1}} {
		send(fmt.Sprint("a picture of size ", size), sized(file, size[0], size[1]))
	}
	parts := func(name string, lengths ...uint32) {
		var tail []byte
		for _, n := range lengths {
			tail = append(binary.LittleEndian.AppendUint32(tail, n), "junk"...)
		}
		head := fmt.Sprintf(`{"inputs":[{"name":"input","shape":[%d],"datatype":"BYTES","parameters":{"binary_data_size":%d}}]}`, len(lengths), len(tail))
		all = append(all, hostile{name: name, text: requestText(lenetPath, head+string(tail), binaryHeader, strconv.Itoa(len(head)))})
	}
	parts("BYTES with a huge length", 1<<32-1)
	parts("BYTES with a length of zero", 0, 4)
	parts("BYTES one too long", 4, 5)
	parts("100000 elements of BYTES", slices.Repeat([]uint32{4}, 100000)...)
	return all
}

// sized gives a PNG another size in its head, with the right checksum.
func sized(file []byte, w, h uint32) []byte {
	out := bytes.Clone(file)
	binary.BigEndian.PutUint32(out[16:], w)
	binary.BigEndian.PutUint32(out[20:], h)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}

// hostileForms has requests of Immich and for embeddings.
func hostileForms(file []byte) (all []hostile) {
	form := func(name string, cut int, fields ...string) {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == "image" {
				part, _ := w.CreateFormFile("image", "x.png")
				part.Write([]byte(fields[i+1]))
			} else {
				w.WriteField(fields[i], fields[i+1])
			}
		}
		w.Close()
		all = append(all, hostile{name: name, text: requestText("/predict", b.String()[:b.Len()-cut], "Content-Type", w.FormDataContentType())})
	}
	const visual = `{"clip":{"visual":{"modelName":"lenet"}}}`
	form("a form without fields", 0)
	form("a form that is cut", 30, "entries", visual, "image", string(file))
	form("entries that are no JSON", 0, "entries", "{", "image", string(file))
	form("entries of another type", 0, "entries", "[1]", "image", string(file))
	form("500000 entries", 0, "entries", `{`+strings.Repeat(`"a":{},`, 250000)+`"a":{}}`)
	form("entries nested", 0, "entries", strings.Repeat(`{"a":`, 50000))
	form("a task without model", 0, "entries", `{"clip":{"visual":{}}}`, "image", string(file))
	form("a task that is not served", 0, "entries", `{"ocr":{"detection":{"modelName":"x"}}}`, "image", string(file))
	form("a picture that is a text", 0, "entries", visual, "image", "text")
	form("no picture", 0, "entries", visual)
	form("a model that embeds nothing", 0, "entries", `{"clip":{"textual":{"modelName":"lenet"}}}`, "text", "a cat")
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprint("f", i), "x")
	}
	form("2000 fields", 0, many...)
	all = append(all, hostile{name: "a form without boundary", text: requestText("/predict", "--x\r\n\r\n--x--", "Content-Type", "multipart/form-data")})
	for _, body := range []string{
		`{`, `[]`, `{"model":1}`, `{"model":"lenet"}`, `{"model":"lenet","input":[]}`, `{"model":"lenet","input":[[1,2]]}`, `{"model":"lenet","input":"a","encoding_format":"x"}`,
		`{"model":"lenet","input":"data:image/png;base64,!!"}`, `{"model":"lenet","input":"data:image/png,x"}`, `{"model":"none","input":"a"}`,
		`{"model":"lenet","input":"` + strings.Repeat("qzxj", 100000) + `"}`, `{"model":"lenet","input":[""` + strings.Repeat(`,""`, 500000) + `]}`,
		`{"model":"lenet","input":["a"` + strings.Repeat(`,"a"`, 3000) + `]}`, `{"model":"lenet","input":` + strings.Repeat("[", 100000),
	} {
		all = append(all, hostile{name: "embeddings of " + body[:min(60, len(body))], text: requestText("/v1/embeddings", body)})
	}
	return all
}
