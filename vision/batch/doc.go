// Package batch runs a task on any number of pictures, on any number of computers.
//
// A Job divides its pictures into units of a few hundred. The list of all pictures is a
// file in the store of results, JobFile, which is made once. A unit becomes one Parquet
// file there, such as part-00017.parquet, with a row for each picture: path, size, time,
// and the result or why there is none. A file has its name only if it is complete, and the
// first of several writers wins. So these files are all the state there is: what has no
// file is to do, whoever does it, and however often a computer or a queue is lost.
//
//	job, err := batch.Open(ctx, batch.Options{Out: store.Folder("vectors"), Sources: []string{"photos"}, Spec: spec})
//	w := batch.Worker{Job: job, Model: model}
//	for n, err := range job.Missing(ctx) {
//		report, err := w.Do(ctx, n)
//	}
//
// Package queue distributes units to workers. Without it, each of several processes may
// take a share of the numbers.
package batch
