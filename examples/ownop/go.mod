module example.com/ownop

go 1.26.8

require github.com/vertebra/vertebra v0.0.0

require github.com/rajveermalviya/go-webgpu/wgpu v0.17.1 // indirect

replace github.com/vertebra/vertebra => ../..
