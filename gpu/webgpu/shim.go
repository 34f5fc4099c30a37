package webgpu

/*
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef _WIN32
#include <windows.h>
static void vt_pause(int us) { Sleep(us / 1000); }
#else
#include <time.h>
static void vt_pause(int us) {
	struct timespec t = {0, us * 1000L};
	nanosleep(&t, NULL);
}
#endif

// What this file needs of webgpu.h and wgpu.h of wgpu-native 0.17, which the
// binding links. The binding's own MapAsync hands C the address of a Go
// variable and returns; here everything that a callback touches is on the C
// stack of a function that waits for it.
typedef struct {
	const void *next;
	const char *label;
	uint32_t    usage;
	uint64_t    size;
	bool        mapped;
} vt_buffer_descriptor;

typedef struct {
	bool done;
	int  status;
} vt_mapped;

typedef struct {
	char   *text;
	size_t  room;
	bool    failed;
} vt_error;

enum { VT_VALIDATION = 0, VT_OUT_OF_MEMORY = 1, VT_MAP_READ = 1 };

extern void  wgpuBufferMapAsync(void *, uint32_t, size_t, size_t, void (*)(int, void *), void *);
extern const void *wgpuBufferGetConstMappedRange(void *, size_t, size_t);
extern void  wgpuBufferUnmap(void *);
extern void  wgpuBufferRelease(void *);
extern void *wgpuDeviceCreateBuffer(void *, const vt_buffer_descriptor *);
extern void  wgpuDeviceReference(void *);
extern bool  wgpuDevicePoll(void *, bool, const void *);
extern void  wgpuDevicePushErrorScope(void *, int);
extern void  wgpuDevicePopErrorScope(void *, void (*)(int, const char *, void *), void *);

static void vt_on_map(int status, void *user) {
	vt_mapped *m = user;
	m->status = status;
	m->done = true;
}

static void vt_on_error(int type, const char *message, void *user) {
	vt_error *e = user;
	if (type == 0 || e->failed)
		return;
	e->failed = true;
	strncpy(e->text, message ? message : "unknown error", e->room - 1);
}

// vt_trim gives freed memory back to the system: drivers allocate from threads
// that end with the device, whose heaps glibc otherwise keeps.
static void vt_trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

// vt_wait waits until *done, or where done is NULL, until all work submitted is
// done. Polling with wait set gives up after five seconds and then takes the
// work for done, whose memory it frees while the device still uses it; polling
// without asks the device, so this asks again and again, ever less often.
static void vt_wait(void *device, const bool *done) {
	int us = 20;
	while (!wgpuDevicePoll(device, false, NULL) && !(done && *done)) {
		vt_pause(us);
		if (us < 500)
			us += us / 4;
	}
}

// vt_read waits for the device and copies the first size bytes of a buffer of
// usage MAP_READ. It returns 0, or what WebGPU says of the mapping.
static int vt_read(void *device, void *buffer, size_t size, void *to) {
	char text[256] = {0};
	vt_error e = {text, sizeof text, false};
	vt_mapped m = {false, 0};
	wgpuDevicePushErrorScope(device, VT_VALIDATION);
	wgpuBufferMapAsync(buffer, VT_MAP_READ, 0, size, vt_on_map, &m);
	wgpuDevicePopErrorScope(device, vt_on_error, &e);
	while (!m.done && !e.failed)
		vt_wait(device, &m.done);
	if (e.failed || m.status != 0)
		return m.status ? m.status : -1;
	memcpy(to, wgpuBufferGetConstMappedRange(buffer, 0, size), size);
	wgpuBufferUnmap(buffer);
	return 0;
}

// vt_buffer makes a buffer; where that fails it returns NULL and says why.
static void *vt_buffer(void *device, uint64_t size, uint32_t usage, char *text, size_t room) {
	vt_error e = {text, room, false};
	vt_buffer_descriptor d = {NULL, NULL, usage, size, false};
	wgpuDevicePushErrorScope(device, VT_OUT_OF_MEMORY);
	wgpuDevicePushErrorScope(device, VT_VALIDATION);
	void *b = wgpuDeviceCreateBuffer(device, &d);
	wgpuDevicePopErrorScope(device, vt_on_error, &e);
	wgpuDevicePopErrorScope(device, vt_on_error, &e);
	if (e.failed) {
		if (b)
			wgpuBufferRelease(b);
		return NULL;
	}
	wgpuDeviceReference(device); // as the binding's Release expects
	return b;
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/rajveermalviya/go-webgpu/wgpu"
)

// handles is how the binding lays out *wgpu.Buffer; *wgpu.Device is its first
// word.
type handles struct{ device, buffer unsafe.Pointer }

func deviceHandle(d *wgpu.Device) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(d)) }

// newBuffer makes a buffer of size bytes, or says that the device refuses.
// Unlike the binding's, a lack of memory is an error and no end of the process.
func newBuffer(d *wgpu.Device, size int64, usage wgpu.BufferUsage) (*wgpu.Buffer, error) {
	var text [256]C.char
	dev := deviceHandle(d)
	b := C.vt_buffer(dev, C.uint64_t(size), C.uint32_t(usage), &text[0], C.size_t(len(text)))
	if b == nil {
		return nil, fmt.Errorf("gpu: buffer of %d bytes: %s", size, C.GoString(&text[0]))
	}
	return (*wgpu.Buffer)(unsafe.Pointer(&handles{dev, b})), nil
}

// trim gives memory that the driver freed back to the system.
func trim() { C.vt_trim() }

// wait returns when all work submitted to d is done.
func wait(d *wgpu.Device) { C.vt_wait(deviceHandle(d), nil) }

// read waits for all work submitted and copies the first len(to) bytes of b,
// which has usage MapRead, into to.
func read(b *wgpu.Buffer, to []byte) error {
	if len(to) == 0 {
		return nil
	}
	h := (*handles)(unsafe.Pointer(b))
	if status := C.vt_read(h.device, h.buffer, C.size_t(len(to)), unsafe.Pointer(&to[0])); status != 0 {
		return fmt.Errorf("gpu: read back: mapping failed with status %d", int(status))
	}
	return nil
}
