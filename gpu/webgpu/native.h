// What the driver needs of webgpu.h and wgpu.h of wgpu-native 0.17, which the
// binding links.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	const void *next;
	uint32_t    type;
} wgpu_chain;

typedef struct {
	const void *next;
	const char *label;
	uint32_t    usage;
	uint64_t    size;
	bool        mapped;
} wgpu_buffer_descriptor;

typedef struct {
	wgpu_chain  chain;
	const char *code;
} wgpu_wgsl;

typedef struct {
	const void *next;
	const char *label;
	size_t      hint_count;
	const void *hints;
} wgpu_module_descriptor;

typedef struct {
	const void *next;
	uint32_t    binding;
	uint32_t    visibility;
	struct {
		const void *next;
		int         type;
		bool        dynamic;
		uint64_t    least;
	} buffer;
	struct {
		const void *next;
		int         type;
	} sampler;
	struct {
		const void *next;
		int         type, dimension;
		bool        multisampled;
	} texture;
	struct {
		const void *next;
		int         access, format, dimension;
	} storage_texture;
} wgpu_layout_entry;

typedef struct {
	const void              *next;
	const char              *label;
	size_t                   count;
	const wgpu_layout_entry *entries;
} wgpu_group_layout_descriptor;

typedef struct {
	const void *next;
	const char *label;
	size_t      count;
	void *const *groups;
} wgpu_layout_descriptor;

typedef struct {
	const void *next;
	const char *label;
	void       *layout;
	struct {
		const void *next;
		void       *module;
		const char *entry;
		size_t      constant_count;
		const void *constants;
	} compute;
} wgpu_pipeline_descriptor;

typedef struct {
	const void *next;
	uint32_t    binding;
	void       *buffer;
	uint64_t    offset, size;
	void       *sampler, *view;
} wgpu_group_entry;

typedef struct {
	const void             *next;
	const char             *label;
	void                   *layout;
	size_t                  count;
	const wgpu_group_entry *entries;
} wgpu_group_descriptor;

typedef struct {
	const void *next;
	const char *label;
	int         type;
	uint32_t    count;
	const void *statistics;
	size_t      statistic_count;
} wgpu_query_descriptor;

enum {
	WGSL            = 6,
	STAGE_COMPUTE   = 4,
	BIND_UNIFORM    = 1,
	BIND_READ_WRITE = 2,
	BIND_READ       = 3,
	MAP_READ        = 1,
	USE_MAP_READ    = 0x1,
	USE_COPY_SRC    = 0x4,
	USE_COPY_DST    = 0x8,
	USE_UNIFORM     = 0x40,
	USE_STORAGE     = 0x80,
	USE_QUERIES     = 0x200,
	QUERY_TIMESTAMP = 2,
};

extern void *wgpuDeviceCreateBuffer(void *, const wgpu_buffer_descriptor *);
extern void *wgpuDeviceCreateShaderModule(void *, const wgpu_module_descriptor *);
extern void *wgpuDeviceCreateBindGroupLayout(void *, const wgpu_group_layout_descriptor *);
extern void *wgpuDeviceCreatePipelineLayout(void *, const wgpu_layout_descriptor *);
extern void *wgpuDeviceCreateComputePipeline(void *, const wgpu_pipeline_descriptor *);
extern void *wgpuDeviceCreateBindGroup(void *, const wgpu_group_descriptor *);
extern void *wgpuDeviceCreateQuerySet(void *, const wgpu_query_descriptor *);
extern void *wgpuDeviceCreateCommandEncoder(void *, const void *);
extern void *wgpuDeviceGetQueue(void *);
extern void  wgpuDeviceSetUncapturedErrorCallback(void *, void (*)(int, const char *, void *), void *);
extern bool  wgpuDevicePoll(void *, bool, const void *);

extern void *wgpuCommandEncoderBeginComputePass(void *, const void *);
extern void  wgpuCommandEncoderCopyBufferToBuffer(void *, void *, uint64_t, void *, uint64_t, uint64_t);
extern void  wgpuCommandEncoderWriteTimestamp(void *, void *, uint32_t);
extern void  wgpuCommandEncoderResolveQuerySet(void *, void *, uint32_t, uint32_t, void *, uint64_t);
extern void *wgpuCommandEncoderFinish(void *, const void *);
extern void  wgpuComputePassEncoderSetPipeline(void *, void *);
extern void  wgpuComputePassEncoderSetBindGroup(void *, uint32_t, void *, size_t, const uint32_t *);
extern void  wgpuComputePassEncoderDispatchWorkgroups(void *, uint32_t, uint32_t, uint32_t);
extern void  wgpuComputePassEncoderEnd(void *);

extern void wgpuQueueSubmit(void *, size_t, void *const *);
extern void wgpuQueueOnSubmittedWorkDone(void *, void (*)(int, void *), void *);
extern void wgpuQueueWriteBuffer(void *, void *, uint64_t, const void *, size_t);

extern void        wgpuBufferMapAsync(void *, uint32_t, size_t, size_t, void (*)(int, void *), void *);
extern const void *wgpuBufferGetConstMappedRange(void *, size_t, size_t);
extern void        wgpuBufferUnmap(void *);

extern void wgpuBufferRelease(void *);
extern void wgpuShaderModuleRelease(void *);
extern void wgpuBindGroupLayoutRelease(void *);
extern void wgpuPipelineLayoutRelease(void *);
extern void wgpuComputePipelineRelease(void *);
extern void wgpuBindGroupRelease(void *);
extern void wgpuQuerySetRelease(void *);
extern void wgpuCommandEncoderRelease(void *);
extern void wgpuComputePassEncoderRelease(void *);
extern void wgpuCommandBufferRelease(void *);
extern void wgpuQueueRelease(void *);
