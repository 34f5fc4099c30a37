//go:build wgpu29

// The calls of wgpu-native 29 whose structs or callbacks differ from those of
// wgpu-native 0.17, after its webgpu.h and wgpu.h.

#include "native.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	const char *data;
	size_t      length;
} wgpu_string;

typedef struct {
	const void *next;
	uint32_t    type;
} wgpu_chain;

typedef struct {
	const void *next;
	uint32_t    textures[4], groups[3], dynamic[2], stage[5];
	uint64_t    uniform_size, storage_size;
	uint32_t    alignment[2], vertex_buffers;
	uint64_t    buffer_size;
	uint32_t    vertex[3], colors[2], workgroup[6], immediate;
} wgpu_limits;

typedef struct {
	const void *next;
	uint32_t    mode;
	void (*call)(void);
	void *user, *more;
} wgpu_callback;

typedef struct {
	const void *next;
	void (*call)(void *const *, int, wgpu_string, void *, void *);
	void *user, *more;
} wgpu_error_callback;

typedef struct {
	const void         *next;
	wgpu_string         label;
	size_t              feature_count;
	const uint32_t     *features;
	const wgpu_limits  *limits;
	struct {
		const void *next;
		wgpu_string label;
	} queue;
	wgpu_callback       lost;
	wgpu_error_callback error;
} wgpu_device_descriptor;

typedef struct {
	const void *next;
	wgpu_string label;
	uint64_t    usage, size;
	uint32_t    mapped;
} wgpu_buffer_descriptor;

typedef struct {
	wgpu_chain  chain;
	wgpu_string code;
} wgpu_wgsl;

typedef struct {
	const void *next;
	wgpu_string label;
} wgpu_module_descriptor;

typedef struct {
	const void *next;
	uint32_t    binding;
	uint64_t    visibility;
	uint32_t    length;
	struct {
		const void *next;
		int         type;
		uint32_t    dynamic;
		uint64_t    least;
	} buffer;
	struct {
		const void *next;
		int         type;
	} sampler;
	struct {
		const void *next;
		int         type, dimension;
		uint32_t    multisampled;
	} texture;
	struct {
		const void *next;
		int         access, format, dimension;
	} storage_texture;
} wgpu_layout_entry;

typedef struct {
	const void              *next;
	wgpu_string              label;
	size_t                   count;
	const wgpu_layout_entry *entries;
} wgpu_group_layout_descriptor;

typedef struct {
	const void  *next;
	wgpu_string  label;
	size_t       count;
	void *const *groups;
	uint32_t     immediate;
} wgpu_layout_descriptor;

typedef struct {
	const void *next;
	wgpu_string label;
	void       *layout;
	struct {
		const void *next;
		void       *module;
		wgpu_string entry;
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
	wgpu_string             label;
	void                   *layout;
	size_t                  count;
	const wgpu_group_entry *entries;
} wgpu_group_descriptor;

typedef struct {
	const void *next;
	wgpu_string label;
	int         type;
	uint32_t    count;
} wgpu_query_descriptor;

enum {
	SUCCESS         = 1,
	WGSL            = 2,
	STAGE_COMPUTE   = 4,
	MAP_READ        = 1,
	QUERY_TIMESTAMP = 2,
	SPONTANEOUS     = 3,

	FEATURE_TIMESTAMPS         = 0x9,
	FEATURE_ENCODER_TIMESTAMPS = 0x00030024,
	FEATURE_F16                = 0xb,
};

// binding_types are wgpu's types of bindings.
static const int binding_types[] = {[VT_UNIFORM] = 2, [VT_READ_WRITE] = 3, [VT_READ] = 4};

static wgpu_string view(const char *text) { return (wgpu_string){text, text ? strlen(text) : 0}; }

uint32_t wgpuAdapterGetLimits(void *, wgpu_limits *);
uint64_t wgpuAdapterRequestDevice(void *, const wgpu_device_descriptor *, wgpu_callback);
void    *wgpuDeviceCreateBuffer(void *, const wgpu_buffer_descriptor *);
void    *wgpuDeviceCreateShaderModule(void *, const wgpu_module_descriptor *);
void    *wgpuDeviceCreateBindGroupLayout(void *, const wgpu_group_layout_descriptor *);
void    *wgpuDeviceCreatePipelineLayout(void *, const wgpu_layout_descriptor *);
void    *wgpuDeviceCreateComputePipeline(void *, const wgpu_pipeline_descriptor *);
void    *wgpuDeviceCreateBindGroup(void *, const wgpu_group_descriptor *);
void    *wgpuDeviceCreateQuerySet(void *, const wgpu_query_descriptor *);
uint32_t wgpuDevicePoll(void *, uint32_t, const void *);
uint64_t wgpuBufferMapAsync(void *, uint64_t, size_t, size_t, wgpu_callback);
uint64_t wgpuQueueOnSubmittedWorkDone(void *, wgpu_callback);

static void on_error(void *const *device, int type, wgpu_string message, void *user, void *more) {
	(void)device, (void)type, (void)user, (void)more;
	shim_failed(message.data, message.length);
}

static void on_device(int status, void *device, wgpu_string message, void *user, void *more) {
	(void)more;
	if (status == SUCCESS)
		*(void **)user = device;
	else
		shim_failed(message.data, message.length);
}

static void on_map(int status, wgpu_string message, void *user, void *more) {
	(void)message, (void)more;
	shim_mapped(status == SUCCESS, user);
}

static void on_done(int status, wgpu_string message, void *user, void *more) {
	(void)status, (void)message, (void)more;
	shim_done(user);
}

char *vt_open29(void *adapter, const vt_limits *l, bool timestamps, bool f16, vt_device **made) {
	uint32_t               features[3];
	void                  *device = NULL;
	wgpu_limits            limits = {0};
	wgpu_device_descriptor desc = {.limits = &limits, .error = {.call = on_error}};
	desc.features = features;
	if (timestamps) {
		features[desc.feature_count++] = FEATURE_TIMESTAMPS;
		features[desc.feature_count++] = FEATURE_ENCODER_TIMESTAMPS;
	}
	if (f16)
		features[desc.feature_count++] = FEATURE_F16;
	wgpuAdapterGetLimits(adapter, &limits);
	limits.groups[0] = l->groups;
	limits.stage[2] = l->storage_buffers;
	limits.stage[4] = l->uniform_buffers;
	limits.uniform_size = l->uniform_binding;
	limits.storage_size = l->storage_binding;
	limits.alignment[0] = l->uniform_alignment;
	limits.alignment[1] = l->storage_alignment;
	limits.buffer_size = l->buffer_size;
	limits.workgroup[0] = l->workgroup_memory;
	limits.workgroup[1] = l->workgroup_size;
	limits.workgroup[2] = l->workgroup_x;
	limits.workgroup[3] = l->workgroup_y;
	limits.workgroup[4] = l->workgroup_z;
	limits.workgroup[5] = l->workgroups;
	limits.immediate = 0; // needs a feature
	shim_fresh();
	wgpuAdapterRequestDevice(adapter, &desc, (wgpu_callback){NULL, SPONTANEOUS, (void (*)(void))on_device, &device, NULL});
	char *e = shim_error();
	return e ? e : vt_open(device, made);
}

// An adapter has opened the device with its callback for errors.
void native_watch(void *device) { (void)device; }

void *native_buffer(void *device, uint64_t size, uint32_t usage) {
	wgpu_buffer_descriptor desc = {.usage = usage, .size = size};
	return wgpuDeviceCreateBuffer(device, &desc);
}

void *native_module(void *device, const char *code) {
	wgpu_wgsl              wgsl = {{NULL, WGSL}, view(code)};
	wgpu_module_descriptor desc = {.next = &wgsl};
	return wgpuDeviceCreateShaderModule(device, &desc);
}

void *native_group_layout(void *device, const vt_access *access, size_t n) {
	wgpu_layout_entry *entries = calloc(n + 1, sizeof *entries);
	if (!entries) {
		shim_failed("out of memory", 13);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		entries[i].binding = i;
		entries[i].visibility = STAGE_COMPUTE;
		entries[i].buffer.type = binding_types[access[i]];
	}
	wgpu_group_layout_descriptor desc = {.count = n, .entries = entries};
	void *made = wgpuDeviceCreateBindGroupLayout(device, &desc);
	free(entries);
	return made;
}

void *native_layout(void *device, void *group) {
	wgpu_layout_descriptor desc = {.count = 1, .groups = &group};
	return wgpuDeviceCreatePipelineLayout(device, &desc);
}

void *native_pipeline(void *device, void *layout, void *module) {
	wgpu_pipeline_descriptor desc = {.layout = layout, .compute = {.module = module, .entry = view("main")}};
	return wgpuDeviceCreateComputePipeline(device, &desc);
}

void *native_group(void *device, void *layout, const vt_range *ranges, size_t n) {
	wgpu_group_entry *entries = calloc(n + 1, sizeof *entries);
	if (!entries) {
		shim_failed("out of memory", 13);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		entries[i].binding = i;
		entries[i].buffer = ranges[i].buffer;
		entries[i].offset = ranges[i].offset;
		entries[i].size = ranges[i].size;
	}
	wgpu_group_descriptor desc = {.layout = layout, .count = n, .entries = entries};
	void *made = wgpuDeviceCreateBindGroup(device, &desc);
	free(entries);
	return made;
}

void *native_timestamps(void *device, uint32_t count) {
	wgpu_query_descriptor desc = {.type = QUERY_TIMESTAMP, .count = count};
	return wgpuDeviceCreateQuerySet(device, &desc);
}

void native_poll(void *device) { wgpuDevicePoll(device, false, NULL); }

void native_map(void *buffer, size_t size, void *user) {
	wgpuBufferMapAsync(buffer, MAP_READ, 0, size, (wgpu_callback){NULL, SPONTANEOUS, (void (*)(void))on_map, user, NULL});
}

void native_when_done(void *queue, void *user) {
	wgpuQueueOnSubmittedWorkDone(queue, (wgpu_callback){NULL, SPONTANEOUS, (void (*)(void))on_done, user, NULL});
}
