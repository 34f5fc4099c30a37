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

void shim_failed(const char *text, size_t length) {
	if (failure)
		return;
	failure = calloc(length + 1, 1);
	if (failure)
		memcpy(failure, text, length);
}

void shim_fresh(void) {
	free(failure);
	failure = NULL;
}

char *shim_error(void) {
	char *e = failure;
	failure = NULL;
	return e;
}

static char *words(const char *text) {
	shim_fresh();
	shim_failed(text, strlen(text));
	return shim_error();
}

char *vt_open(void *device, vt_device **made) {
	vt_device *d = calloc(1, sizeof *d);
	if (!d)
		return words("out of memory");
	d->device = device;
	d->queue = wgpuDeviceGetQueue(device);
	native_watch(device);
	*made = d;
	return NULL;
}

void vt_close(vt_device *d) {
	while (!vt_wait(d, d->submitted, 1000000))
		;
	wgpuQueueRelease(d->queue);
	wgpuDeviceRelease(d->device);
	free(d);
}

static void *buffer(vt_device *d, uint64_t size, uint32_t usage) {
	void *b = native_buffer(d->device, size, usage);
	if (failure && b) {
		wgpuBufferRelease(b);
		return NULL;
	}
	return b;
}

char *vt_buffer(vt_device *d, uint64_t size, bool readable, void **made) {
	uint32_t usage = readable ? USE_MAP_READ | USE_COPY_DST : USE_STORAGE | USE_UNIFORM | USE_COPY_SRC | USE_COPY_DST;
	shim_fresh();
	*made = buffer(d, size, usage);
	return shim_error();
}

char *vt_write(vt_device *d, void *buffer, uint64_t offset, const void *data, size_t size) {
	shim_fresh();
	wgpuQueueWriteBuffer(d->queue, buffer, offset, data, size);
	return shim_error();
}

// A poll with wait set gives up after five seconds. It then treats the work as done
// and frees its memory while the device still uses it. vt_wait therefore polls
// without wait, at growing intervals. A poll on one thread may run the callback of
// another.
bool vt_wait(vt_device *d, uint64_t submission, int64_t microseconds) {
	int us = 20;
	for (;;) {
		native_poll(d->device);
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
	bool        ok;
} mapping;

void shim_mapped(bool ok, void *user) {
	mapping *m = user;
	m->ok = ok;
	atomic_store(&m->done, true);
}

// The mapping is on the stack, so vt_read must wait for the callback. It comes with
// the next poll, because the buffer is not in use, or at once after an error.
char *vt_read(vt_device *d, void *buffer, size_t size, void *to) {
	mapping m = {false, false};
	shim_fresh();
	native_map(buffer, size, &m);
	while (!atomic_load(&m.done)) {
		native_poll(d->device);
		if (!atomic_load(&m.done))
			pause_for(20);
	}
	if (failure || !m.ok)
		return failure ? shim_error() : words("the buffer cannot be mapped");
	// This ends the process if the buffer is not mapped.
	memcpy(to, wgpuBufferGetConstMappedRange(buffer, 0, size), size);
	wgpuBufferUnmap(buffer);
	return shim_error();
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

char *vt_compile(vt_device *d, const char *code, const vt_access *access, size_t n, vt_pipeline *made) {
	vt_pipeline p = {NULL, NULL, NULL, NULL};
	shim_fresh();
	p.module = native_module(d->device, code);
	if (!failure)
		p.group = native_group_layout(d->device, access, n);
	if (!failure)
		p.layout = native_layout(d->device, p.group);
	if (!failure)
		p.compute = native_pipeline(d->device, p.layout, p.module);
	char *e = shim_error();
	if (e)
		vt_pipeline_release(&p);
	else
		*made = p;
	return e;
}

char *vt_parse(vt_device *d, const char *code) {
	vt_pipeline p = {NULL, NULL, NULL, NULL};
	shim_fresh();
	p.module = native_module(d->device, code);
	vt_pipeline_release(&p);
	return shim_error();
}

char *vt_group(vt_device *d, void *layout, const vt_range *ranges, size_t n, void **made) {
	shim_fresh();
	void *g = native_group(d->device, layout, ranges, n);
	if (failure && g)
		wgpuBindGroupRelease(g);
	*made = failure ? NULL : g;
	return shim_error();
}

static void *begin(vt_device *d) {
	shim_fresh();
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

void shim_done(void *user) {
	mark    *m = user;
	uint64_t was = atomic_load(&m->device->done);
	while (was < m->number && !atomic_compare_exchange_weak(&m->device->done, &was, m->number))
		;
	free(m);
}

// finish submits the encoded commands unless there was an error. wgpu-native calls
// shim_done when they are done.
static char *finish(vt_device *d, void *encoder) {
	void *commands = failure ? NULL : wgpuCommandEncoderFinish(encoder, NULL);
	mark *m = malloc(sizeof *m);
	if (!failure && !m)
		shim_failed("out of memory", 13);
	if (failure) {
		free(m);
	} else {
		wgpuQueueSubmit(d->queue, 1, &commands);
		m->device = d;
		m->number = ++d->submitted;
		native_when_done(d->queue, m);
	}
	if (commands)
		wgpuCommandBufferRelease(commands);
	if (encoder)
		wgpuCommandEncoderRelease(encoder);
	return shim_error();
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
	void *encoder = begin(d), *set = NULL, *resolved = NULL, *back = NULL;
	if (!failure)
		set = native_timestamps(d->device, n + 1);
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
