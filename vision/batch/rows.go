package batch

import "github.com/vertebra/vertebra/internal/files"

// row is what a row of every task has. An empty string is null in the file.
type row struct {
	Path   string `parquet:"path"`
	Size   int64  `parquet:"size"`
	Time   int64  `parquet:"mtime,timestamp(microsecond)"`
	SHA256 string `parquet:"sha256,optional"`
	Error  string `parquet:"error,optional"` // why there is no result
}

// vectorRow is a row of Embed and of Features.
type vectorRow struct {
	row
	Vector []float32 `parquet:"vector,list,optional"`
}

// Class is a class in a row of Classify.
type Class struct {
	Class       int32   `parquet:"class"`
	Name        string  `parquet:"name"`
	Probability float64 `parquet:"probability"`
}

// classRow is a row of Classify, with the most probable class first.
type classRow struct {
	row
	Classes []Class `parquet:"classes,list,optional"`
}

// Area is the area of a class in a row of Segment.
type Area struct {
	Class int32   `parquet:"class"`
	Name  string  `parquet:"name"`
	Share float64 `parquet:"share"`
}

// maskRow is a row of Segment. The mask is a PNG whose samples are numbers of classes.
type maskRow struct {
	row
	Width  int32  `parquet:"width,optional"`
	Height int32  `parquet:"height,optional"`
	Mask   []byte `parquet:"mask,optional"`
	Areas  []Area `parquet:"areas,list,optional"`
}

// enlargedRow is a row of Upscale. The output is a file in the store of results.
type enlargedRow struct {
	row
	Output string `parquet:"output,optional"`
	Width  int32  `parquet:"width,optional"` // of the output
	Height int32  `parquet:"height,optional"`
}

// row returns the row of a picture without its result. A path that is not UTF-8 is as
// files.Text writes it.
func (i Item) row(sum string, err error) row {
	r := row{Path: files.Text(i.Path), Size: i.Size, Time: i.Time, SHA256: sum}
	if err != nil {
		r.Error = files.Text(err.Error())
	}
	return r
}
