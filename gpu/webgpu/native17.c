//go:build !wgpu29

// The calls of wgpu-native 0.17 whose structs or callbacks differ from those of
// wgpu-native 29, after its webgpu.h and wgpu.h.

#include "native.h"

#include <stdlib.h>
#include <string.h>

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
	MAP_READ        = 1,
	QUERY_TIMESTAMP = 2,
};

// binding_types are wgpu's types of bindings.
static const int binding_types[] = {[VT_UNIFORM] = 1, [VT_READ_WRITE] = 2, [VT_READ] = 3};

void *wgpuDeviceCreateBuffer(void *, const wgpu_buffer_descriptor *);
void *wgpuDeviceCreateShaderModule(void *, const wgpu_module_descriptor *);
void *wgpuDeviceCreateBindGroupLayout(void *, const wgpu_group_layout_descriptor *);
void *wgpuDeviceCreatePipelineLayout(void *, const wgpu_layout_descriptor *);
void *wgpuDeviceCreateComputePipeline(void *, const wgpu_pipeline_descriptor *);
void *wgpuDeviceCreateBindGroup(void *, const wgpu_group_descriptor *);
void *wgpuDeviceCreateQuerySet(void *, const wgpu_query_descriptor *);
void  wgpuDeviceSetUncapturedErrorCallback(void *, void (*)(int, const char *, void *), void *);
bool  wgpuDevicePoll(void *, bool, const void *);
void  wgpuBufferMapAsync(void *, uint32_t, size_t, size_t, void (*)(int, void *), void *);
void  wgpuQueueOnSubmittedWorkDone(void *, void (*)(int, void *), void *);

static void on_error(int type, const char *message, void *user) {
	(void)type, (void)user;
	if (!message)
		message = "unknown error";
	shim_failed(message, strlen(message));
}

static void on_map(int status, void *user) { shim_mapped(status == 0, user); }

static void on_done(int status, void *user) {
	(void)status;
	shim_done(user);
}

void native_watch(void *device) { wgpuDeviceSetUncapturedErrorCallback(device, on_error, NULL); }

void *native_buffer(void *device, uint64_t size, uint32_t usage) {
	wgpu_buffer_descriptor desc = {NULL, NULL, usage, size, false};
	return wgpuDeviceCreateBuffer(device, &desc);
}

void *native_module(void *device, const char *code) {
	wgpu_wgsl              wgsl = {{NULL, WGSL}, code};
	wgpu_module_descriptor desc = {&wgsl, NULL, 0, NULL};
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
	wgpu_group_layout_descriptor desc = {NULL, NULL, n, entries};
	void *made = wgpuDeviceCreateBindGroupLayout(device, &desc);
	free(entries);
	return made;
}

void *native_layout(void *device, void *group) {
	wgpu_layout_descriptor desc = {NULL, NULL, 1, &group};
	return wgpuDeviceCreatePipelineLayout(device, &desc);
}

void *native_pipeline(void *device, void *layout, void *module) {
	wgpu_pipeline_descriptor desc = {NULL, NULL, layout, {NULL, module, "main", 0, NULL}};
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
	wgpu_group_descriptor desc = {NULL, NULL, layout, n, entries};
	void *made = wgpuDeviceCreateBindGroup(device, &desc);
	free(entries);
	return made;
}

void *native_timestamps(void *device, uint32_t count) {
	wgpu_query_descriptor desc = {NULL, NULL, QUERY_TIMESTAMP, count, NULL, 0};
	return wgpuDeviceCreateQuerySet(device, &desc);
}

void native_poll(void *device) { wgpuDevicePoll(device, false, NULL); }

void native_map(void *buffer, size_t size, void *user) { wgpuBufferMapAsync(buffer, MAP_READ, 0, size, on_map, user); }

void native_when_done(void *queue, void *user) { wgpuQueueOnSubmittedWorkDone(queue, on_done, user); }
