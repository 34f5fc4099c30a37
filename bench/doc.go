// Package bench measures what a device can do at most, single kernels against
// that, and whole models.
//
// Open a gpu.Device first. MeasurePeak gives the device's rates, Op measures one
// Shape (Shapes lists those of two networks, ReadShapes reads a file), Model a
// whole network, Scale how a transformer grows with its picture. A Report joins
// such results with the Machine that they are of; Compare sets two of them side
// by side. Load tells how busy the machine was with other things meanwhile:
// times of a busy machine say little.
package bench
