module github.com/vertebra/vertebra

go 1.26.8

require github.com/edsrzf/mmap-go v1.2.0

require (
	github.com/rajveermalviya/go-webgpu/wgpu v0.17.1 // indirect
	golang.org/x/sys v0.0.0-20211216021012-1d35b9e2eb4e // indirect
)
