// The calls that the driver makes, each one or several of wgpu-native's, none of
// which keeps an address of Go's. All may run on many threads at once, but for
// vt_submit and vt_stamp, of which a device runs one at a time, and vt_close.
//
// A call that can fail returns NULL or, in memory that the caller frees, why it
// did.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct vt_device vt_device;

typedef struct {
	void *module, *group, *layout, *compute;
} vt_pipeline;

typedef struct {
	void    *buffer;
	uint64_t offset, size;
} vt_range;

// vt_command is a dispatch or, without a pipeline, a copy.
typedef struct {
	void    *pipeline, *group;
	uint32_t grid[3];
	vt_range from, to;
} vt_command;

// vt_open takes note of a device. vt_close waits for all that was submitted.
vt_device *vt_open(void *device);
void       vt_close(vt_device *d);

// vt_buffer makes a buffer that the host reads, or else one for kernels.
char *vt_buffer(vt_device *d, uint64_t size, bool readable, void **made);
char *vt_write(vt_device *d, void *buffer, uint64_t offset, const void *data, size_t size);
char *vt_read(vt_device *d, void *buffer, size_t size, void *to);

// vt_compile compiles a text whose bindings are of these wgpu types.
char *vt_compile(vt_device *d, const char *code, const uint8_t *types, size_t n, vt_pipeline *made);
void  vt_pipeline_release(vt_pipeline *p);
char *vt_group(vt_device *d, void *layout, const vt_range *ranges, size_t n, void **made);

// vt_submit runs commands; vt_submitted numbers the last that did.
char    *vt_submit(vt_device *d, const vt_command *commands, size_t n);
uint64_t vt_submitted(vt_device *d);

// vt_wait waits until a submission is done, for about so long at most.
bool vt_wait(vt_device *d, uint64_t submission, int64_t microseconds);

// vt_stamp runs dispatches and returns n + 1 times of the device's clock.
char *vt_stamp(vt_device *d, const vt_command *commands, size_t n, uint64_t *ticks);

// vt_trim gives freed memory back to the system.
void vt_trim(void);

void wgpuBufferRelease(void *);
void wgpuBindGroupRelease(void *);
