# make demo   enlarge a photograph and say where it is
# make test   all tests (a GPU or a software Vulkan is needed; setup installs one)
# make sweep  every kernel with every constant that a device may choose, which takes minutes
# make race   tests with the race detector, and 400 devices under a busy collector
# make build  bin/vertebra

GO ?= go

.PHONY: demo test sweep race build setup lint windows clean

demo: build
	bin/vertebra demo

build: setup
	$(GO) build -o bin/vertebra ./cmd/vertebra

test: setup
	$(GO) test -timeout 50m ./...

sweep: setup
	$(GO) test -timeout 50m -tags sweep -run 'OtherKind|Programs|Bands|Stripes|ShiftByIndex' ./gpu

race: setup
	$(GO) test -race -timeout 120m ./internal/... ./weights ./vision/... ./cmd/vertebra
	$(GO) test -race -timeout 120m -run 'Close|Concurrent|Cancel|Interrupt|Overlap|Submit|Tensor|Warm' ./gpu
	GOGC=1 $(GO) test -timeout 50m -tags sweep -run CloseReleasesEverything ./gpu

# What is missing of a Go, a C compiler and a Vulkan driver.
setup:
	@scripts/setup

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...

# Needs mingw-w64.
windows:
	CC=x86_64-w64-mingw32-gcc GOOS=windows GOARCH=amd64 CGO_ENABLED=1 $(GO) build -o bin/vertebra.exe ./cmd/vertebra

clean:
	rm -rf bin out
