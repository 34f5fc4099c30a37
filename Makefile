# make demo   enlarge a photograph and say where it is
# make test   all tests (a GPU or a software Vulkan is needed; setup installs one)
# make sweep  every kernel with every constant that a device may choose, which takes an hour or more
# make candidates  what sweep does, with a few constants for kernels of the other kind of device,
#                  every text through compilers for other systems, and models with f16 weights
#                  or with attention as separate ops
# make drivers  operators and models on other drivers: SwiftShader, GL, Tint, Wine
# make browser  the pages of vertebra ui in Chromium, by keyboard, with pictures of them in out/ui
# make batch  10,000 pictures by three engines and three workers, some of which are killed
# make race   tests with the race detector, and 400 devices under a busy collector
# make soak   vertebra serve under load for SOAK, 1h unless it says otherwise, and its memory
# make operators  onnx/operators.md: ONNX's operators, and which of their tests pass on the device
# make build  bin/vertebra

GO ?= go
SHELL = /bin/bash
.SHELLFLAGS = -o pipefail -c

.PHONY: demo test batch soak sweep candidates candidates-programs candidates-others drivers smallest swiftshader gl tint wine d3d12 browser race build setup lint windows operators clean

demo: build
	bin/vertebra demo

build: setup
	$(GO) build -o bin/vertebra ./cmd/vertebra

# -w: programs without debug information are linked in half the time.
test: setup
	$(GO) test -ldflags=-w -timeout 50m ./...

# A worker and the leader of the queue are killed, a link is cut, the queue is deleted.
batch: setup
	$(GO) test -timeout 20m -tags cluster -run TestCluster -v ./vision/batch/queue

# Fails if memory grows or an answer is wrong.
soak: setup
	$(GO) test -tags soak -count 1 -timeout 0 -run TestSoak -v ./cmd/vertebra -args -soak $(or $(SOAK),1h)

sweep: setup
	$(GO) test -timeout 6h -tags sweep -run 'OtherKind|Programs|Bands|Stripes|ShiftByIndex' ./gpu
	$(GO) test -timeout 6h -tags sweep -run F16Values ./golden

# With -j2 the two halves run at once: a process compiles one kernel after the other.
candidates: candidates-programs candidates-others

candidates-programs: setup
	$(GO) test -timeout 50m -tags sweep -run 'Programs$$' ./gpu

candidates-others: setup
	$(GO) test -timeout 50m -tags sweep -run 'Bands|Stripes|ShiftByIndex|F16$$|DispatchNone' ./gpu
	$(GO) test -timeout 50m -tags other -run OtherKind ./gpu
	$(GO) test -timeout 50m -tags sweep -run 'Translates|Texts' ./shaders ./gpu/webgpu
	$(GO) test -timeout 50m -tags sweep -run 'F16$$|Ops|Unfused' ./golden

# Operators, and a model of each family.
OPS = golden/testdata/op_*.safetensors
MODELS = $(addprefix golden/testdata/,clip_rn_width_5 espcn_x3 lenet5_tutorial mae_finetune_global_pool ms_swin_bare resnet18 sam_mask_decoder tv_vit_pre_logits unetpp)
FAMILIES = $(addsuffix .safetensors,$(MODELS))

# SwiftShader runs every kernel of the operators, the smallest GPU the first choices. All
# but wine, which mounts folders as root, are steps of .ci/run.
drivers: smallest swiftshader gl tint wine

# The smallest GPU that WebGPU guarantees.
smallest: build
	bin/vertebra verify --quiet --limits default --kind gpu $(OPS) $(FAMILIES) | grep -v '^ *pass'

swiftshader: build
	scripts/driver swiftshader bin/vertebra verify --quiet --kind gpu --all-kernels $(OPS) | grep -v '^ *pass'
	scripts/driver swiftshader bin/vertebra verify --quiet --kind gpu $(FAMILIES) | grep -v '^ *pass'

gl: build
	scripts/driver gl bin/vertebra demo --backend gl
	scripts/driver gl $(GO) test -tags gl -run TestGL ./gpu

tint: build
	rm -rf out/wgsl
	bin/vertebra shaders -o out/wgsl
	scripts/driver tint out/wgsl/*.wgsl

wine: windows
	scripts/driver wine bin/vertebra.exe demo --backend vulkan
	scripts/driver wine bin/vertebra.exe verify --quiet --backend vulkan | grep -v '^ *pass'

# Operators with Microsoft's compiler, which takes seconds for a kernel.
d3d12: windows
	scripts/driver d3d12 bin/vertebra.exe verify --quiet --backend dx12 $(OPS) | grep -v '^ *pass'

browser: setup
	ui/browser/setup
	$(GO) test -count 1 -timeout 30m -tags browser -run TestBrowser -v ./ui

race: setup
	$(GO) test -race -timeout 120m ./internal/... ./weights ./vision/... ./serve ./ui ./cmd/vertebra
	$(GO) test -race -timeout 120m -run 'Close|Concurrent|Cancel|Interrupt|Overlap|Submit|Tensor|Warm' ./gpu
	GOGC=1 $(GO) test -timeout 50m -tags sweep -run CloseReleasesEverything ./gpu

# What is missing of a Go, a C compiler and a Vulkan driver.
setup:
	@scripts/setup

lint:
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...

# The program as in the package. Needs mingw-w64, whose library of threads becomes a part
# of it.
windows:
	CC=x86_64-w64-mingw32-gcc GOOS=windows GOARCH=amd64 CGO_ENABLED=1 $(GO) build -tags wgpu29 -ldflags "-extldflags -static" -o bin/vertebra.exe ./cmd/vertebra

# The folder with MANIFEST.tsv: the whole suite, or the part of it that is here.
SUITE ?= $(if $(VERTEBRA_ONNX),$(VERTEBRA_ONNX)/suite,onnx/testdata/suite)

operators: setup
	$(GO) run ./bench/onnx --table onnx/operators.md $(SUITE)

clean:
	rm -rf bin out
