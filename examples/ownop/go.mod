module example.com/ownop

go 1.26.8

require github.com/vertebra/vertebra v0.0.0

require (
	github.com/oliverbestmann/webgpu v1.33.0 // indirect
	github.com/oliverbestmann/webgpu/libs-android v0.0.0-20260509160813-48db59792a15 // indirect
	github.com/oliverbestmann/webgpu/libs-darwin v0.0.0-20260509160802-b09403b07cd3 // indirect
	github.com/oliverbestmann/webgpu/libs-ios v0.0.0-20260509160803-765e39d2a48b // indirect
	github.com/oliverbestmann/webgpu/libs-linux v0.0.0-20260509160809-2fefaf7c9ead // indirect
	github.com/oliverbestmann/webgpu/libs-windows v0.0.0-20260509160807-0bc32b12c7bc // indirect
	github.com/rajveermalviya/go-webgpu/wgpu v0.17.1 // indirect
)

replace github.com/vertebra/vertebra => ../..
