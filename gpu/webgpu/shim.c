#include "shim.h"
#include "native.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef _WIN32
#include <windows.h>
static void pause_for(int us) { Sleep(us / 1000); }
#else
#include <time.h>
static void pause_for(int us) {
	struct timespec t = {0, us * 1000L};
	nanosleep(&t, NULL);
}
#endif

struct vt_device {
	void            *device, *queue;
	uint64_t         submitted;
	_Atomic uint64_t done; // the last submission known to be done
};

// failure is the error of the call that this thread is in. An error scope of
// wgpu-native belongs to the device and would catch the errors of all threads.
// wgpu-native reports errors outside a scope on the thread that caused them.
static _Thread_local char *failure;

static void on_error(int type, const char *message, void *user) {
	(void)type, (void)user;
	if (failure)
		return;
	const char *text = message ? message : "unknown error";
	failure = malloc(strlen(text) + 1);
	if (failure)
		strcpy(failure, text);
}

// fresh clears errors of earlier calls that do not check for them.
static void fresh(void) {
	free(failure);
	failure = NULL;
}

static char *failed(void) {
	char *e = failure;
	failure = NULL;
	return e;
}

static char *words(const char *text) {
	fresh();
	on_error(0, text, NULL);
	return failed();
}

vt_device *vt_open(void *device) {
	vt_device *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->device = device;
	d->queue = wgpuDeviceGetQueue(device);
	wgpuDeviceSetUncapturedErrorCallback(device, on_error, NULL);
	return d;
}

void vt_close(vt_device *d) {
	while (!vt_wait(d, d->submitted, 1000000))
		;
	wgpuQueueRelease(d->queue);
	free(d);
}

static void *buffer(vt_device *d, uint64_t size, uint32_t usage) {
	wgpu_buffer_descriptor desc = {NULL, NULL, usage, size, false};
	void                  *b = wgpuDeviceCreateBuffer(d->device, &desc);
	if (failure && b) {
		wgpuBufferRelease(b);
		return NULL;
	}
	return b;
}

char *vt_buffer(vt_device *d, uint64_t size, bool readable, void **made) {
	uint32_t usage = readable ? USE_MAP_READ | USE_COPY_DST : USE_STORAGE | USE_UNIFORM | USE_COPY_SRC | USE_COPY_DST;
	fresh();
	*made = buffer(d, size, usage);
	return failed();
}

char *vt_write(vt_device *d, void *buffer, uint64_t offset, const void *data, size_t size) {
	fresh();
	wgpuQueueWriteBuffer(d->queue, buffer, offset, data, size);
	return failed();
}

// A poll with wait set gives up after five seconds. It then treats the work as done
// and frees its memory while the device still uses it. vt_wait therefore polls
// without wait, at growing intervals. A poll on one thread may run the callback of
// another.
bool vt_wait(vt_device *d, uint64_t submission, int64_t microseconds) {
	int us = 20;
	for (;;) {
		wgpuDevicePoll(d->device, false, NULL);
		if (atomic_load(&d->done) >= submission)
			return true;
		if (microseconds <= 0)
			return false;
		pause_for(us);
		microseconds -= us;
		if (us < 500)
			us += us / 4;
	}
}

typedef struct {
	atomic_bool done;
	int         status;
} mapping;

static void on_map(int status, void *user) {
	mapping *m = user;
	m->status = status;
	atomic_store(&m->done, true);
}

// The mapping is on the stack, so vt_read must wait for the callback. It comes with
// the next poll, because the buffer is not in use, or at once after an error.
char *vt_read(vt_device *d, void *buffer, size_t size, void *to) {
	mapping m = {false, 0};
	fresh();
	wgpuBufferMapAsync(buffer, MAP_READ, 0, size, on_map, &m);
	while (!atomic_load(&m.done)) {
		wgpuDevicePoll(d->device, false, NULL);
		if (!atomic_load(&m.done))
			pause_for(20);
	}
	if (failure || m.status != 0)
		return failure ? failed() : words("the buffer cannot be mapped");
	// This ends the process if the buffer is not mapped.
	memcpy(to, wgpuBufferGetConstMappedRange(buffer, 0, size), size);
	wgpuBufferUnmap(buffer);
	return failed();
}

void vt_pipeline_release(vt_pipeline *p) { // releasing NULL ends the process
	if (p->compute)
		wgpuComputePipelineRelease(p->compute);
	if (p->layout)
		wgpuPipelineLayoutRelease(p->layout);
	if (p->group)
		wgpuBindGroupLayoutRelease(p->group);
	if (p->module)
		wgpuShaderModuleRelease(p->module);
}

char *vt_compile(vt_device *d, const char *code, const uint8_t *types, size_t n, vt_pipeline *made) {
	vt_pipeline        p = {NULL, NULL, NULL, NULL};
	wgpu_layout_entry *entries = calloc(n + 1, sizeof *entries);
	if (!entries)
		return words("out of memory");
	for (size_t i = 0; i < n; i++) {
		entries[i].binding = i;
		entries[i].visibility = STAGE_COMPUTE;
		entries[i].buffer.type = types[i];
	}
	fresh();
	wgpu_wgsl              wgsl = {{NULL, WGSL}, code};
	wgpu_module_descriptor module = {&wgsl, NULL, 0, NULL};
	p.module = wgpuDeviceCreateShaderModule(d->device, &module);
	if (!failure) {
		wgpu_group_layout_descriptor group = {NULL, NULL, n, entries};
		p.group = wgpuDeviceCreateBindGroupLayout(d->device, &group);
	}
	if (!failure) {
		wgpu_layout_descriptor layout = {NULL, NULL, 1, &p.group};
		p.layout = wgpuDeviceCreatePipelineLayout(d->device, &layout);
	}
	if (!failure) {
		wgpu_pipeline_descriptor compute = {NULL, NULL, p.layout, {NULL, p.module, "main", 0, NULL}};
		p.compute = wgpuDeviceCreateComputePipeline(d->device, &compute);
	}
	free(entries);
	char *e = failed();
	if (e)
		vt_pipeline_release(&p);
	else
		*made = p;
	return e;
}

char *vt_group(vt_device *d, void *layout, const vt_range *ranges, size_t n, void **made) {
	wgpu_group_entry *entries = calloc(n + 1, sizeof *entries);
	if (!entries)
		return words("out of memory");
	for (size_t i = 0; i < n; i++) {
		entries[i].binding = i;
		entries[i].buffer = ranges[i].buffer;
		entries[i].offset = ranges[i].offset;
		entries[i].size = ranges[i].size;
	}
	wgpu_group_descriptor desc = {NULL, NULL, layout, n, entries};
	fresh();
	void *g = wgpuDeviceCreateBindGroup(d->device, &desc);
	free(entries);
	if (failure && g)
		wgpuBindGroupRelease(g);
	*made = failure ? NULL : g;
	return failed();
}

static void *begin(vt_device *d) {
	fresh();
	return wgpuDeviceCreateCommandEncoder(d->device, NULL);
}

// dispatch adds a pass of n dispatches.
static void dispatch(void *encoder, const vt_command *c, size_t n) {
	void *pass = wgpuCommandEncoderBeginComputePass(encoder, NULL);
	for (size_t i = 0; i < n; i++) {
		wgpuComputePassEncoderSetPipeline(pass, c[i].pipeline);
		wgpuComputePassEncoderSetBindGroup(pass, 0, c[i].group, 0, NULL);
		wgpuComputePassEncoderDispatchWorkgroups(pass, c[i].grid[0], c[i].grid[1], c[i].grid[2]);
	}
	wgpuComputePassEncoderEnd(pass);
	wgpuComputePassEncoderRelease(pass);
}

typedef struct {
	vt_device *device;
	uint64_t   number;
} mark;

static void on_done(int status, void *user) {
	(void)status;
	mark    *m = user;
	uint64_t was = atomic_load(&m->device->done);
	while (was < m->number && !atomic_compare_exchange_weak(&m->device->done, &was, m->number))
		;
	free(m);
}

// finish submits the encoded commands unless there was an error. wgpu-native calls
// on_done when they are done.
static char *finish(vt_device *d, void *encoder) {
	void *commands = failure ? NULL : wgpuCommandEncoderFinish(encoder, NULL);
	mark *m = malloc(sizeof *m);
	if (!failure && !m)
		on_error(0, "out of memory", NULL);
	if (failure) {
		free(m);
	} else {
		wgpuQueueSubmit(d->queue, 1, &commands);
		m->device = d;
		m->number = ++d->submitted;
		wgpuQueueOnSubmittedWorkDone(d->queue, on_done, m);
	}
	if (commands)
		wgpuCommandBufferRelease(commands);
	if (encoder)
		wgpuCommandEncoderRelease(encoder);
	return failed();
}

uint64_t vt_submitted(vt_device *d) { return d->submitted; }

char *vt_submit(vt_device *d, const vt_command *c, size_t n) {
	void *encoder = begin(d);
	for (size_t i = 0; i < n && !failure;) {
		size_t first = i;
		while (i < n && c[i].pipeline)
			i++;
		if (i > first) {
			dispatch(encoder, c + first, i - first);
			continue;
		}
		wgpuCommandEncoderCopyBufferToBuffer(encoder, c[i].from.buffer, c[i].from.offset, c[i].to.buffer,
			c[i].to.offset, c[i].from.size);
		i++;
	}
	return finish(d, encoder);
}

char *vt_stamp(vt_device *d, const vt_command *c, size_t n, uint64_t *ticks) {
	wgpu_query_descriptor queries = {NULL, NULL, QUERY_TIMESTAMP, n + 1, NULL, 0};
	void                 *encoder = begin(d), *set = NULL, *resolved = NULL, *back = NULL;
	if (!failure)
		set = wgpuDeviceCreateQuerySet(d->device, &queries);
	if (!failure)
		resolved = buffer(d, 8 * (n + 1), USE_QUERIES | USE_COPY_SRC);
	if (!failure)
		back = buffer(d, 8 * (n + 1), USE_MAP_READ | USE_COPY_DST);
	for (size_t i = 0; i < n && !failure; i++) {
		wgpuCommandEncoderWriteTimestamp(encoder, set, i);
		dispatch(encoder, c + i, 1);
	}
	if (!failure) {
		wgpuCommandEncoderWriteTimestamp(encoder, set, n);
		wgpuCommandEncoderResolveQuerySet(encoder, set, 0, n + 1, resolved, 0);
		wgpuCommandEncoderCopyBufferToBuffer(encoder, resolved, 0, back, 0, 8 * (n + 1));
	}
	char *e = finish(d, encoder);
	if (!e) {
		while (!vt_wait(d, d->submitted, 1000000))
			;
		e = vt_read(d, back, 8 * (n + 1), ticks);
	}
	if (back)
		wgpuBufferRelease(back);
	if (resolved)
		wgpuBufferRelease(resolved);
	if (set)
		wgpuQuerySetRelease(set);
	return e;
}

// Drivers allocate memory on threads that end with the device. glibc would keep the
// heaps of these threads.
void vt_trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
