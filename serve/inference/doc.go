// Package inference has the messages and the service of the Open Inference Protocol,
// generated from open_inference_grpc.proto of kserve/open-inference-protocol (Apache-2.0,
// commit d49cc23f89d7) by scripts/inference.
package inference
