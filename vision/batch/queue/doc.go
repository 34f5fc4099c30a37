// Package queue distributes the units of a batch.Job to workers on any number of
// computers, by NATS JetStream: an engine in this process, or a cluster by its URL.
//
// A Coordinator queues the units that have no file. A Worker asks for one at a time, so
// that fast workers do more. It tells the engine that it is alive while it computes, and
// acknowledges the unit when its file is there. The unit of a worker that is silent goes
// to another. One that was lost or failed Deliveries times is given up: a dead letter in
// the store of results says why.
//
// The files are the truth. The queue may be lost at any moment, with the engine or
// without: the coordinator lists the files and queues what is missing. A unit that comes
// twice costs time and no more.
package queue
