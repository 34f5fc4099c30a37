// Package bench measures the peak rates of a device, single kernels relative to
// these, and whole models.
//
// Open a gpu.Device first. MeasurePeak measures the device's rates. Op measures one
// Shape; Shapes lists the shapes of two networks, and ReadShapes reads a file. Model
// measures a whole network, and Scale measures a transformer at one picture size. A
// Report holds results and the Machine that gave them; CompareFiles compares two
// reports. Load tells how busy other processes kept the machine meanwhile: times
// from a busy machine are not reliable.
package bench
