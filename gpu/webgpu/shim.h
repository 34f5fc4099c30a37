// The calls that the driver makes. Each makes one or several calls of wgpu-native,
// and none keeps a Go address. They may run on many threads at once, with two
// exceptions: for each device only one vt_submit or vt_stamp may run at a time, and
// no other call may run during vt_close.
//
// A call that can fail returns NULL on success, or else an error message that the
// caller frees.

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

// vt_open registers a device. vt_close waits for all submissions.
vt_device *vt_open(void *device);
void       vt_close(vt_device *d);

// vt_buffer makes a buffer for the host to read if readable is set, or else one for
// kernels.
char *vt_buffer(vt_device *d, uint64_t size, bool readable, void **made);
char *vt_write(vt_device *d, void *buffer, uint64_t offset, const void *data, size_t size);
char *vt_read(vt_device *d, void *buffer, size_t size, void *to);

// vt_compile compiles a text whose bindings have these wgpu types.
char *vt_compile(vt_device *d, const char *code, const uint8_t *types, size_t n, vt_pipeline *made);
void  vt_pipeline_release(vt_pipeline *p);
char *vt_group(vt_device *d, void *layout, const vt_range *ranges, size_t n, void **made);

// vt_submit submits commands. vt_submitted returns the number of the last submission.
char    *vt_submit(vt_device *d, const vt_command *commands, size_t n);
uint64_t vt_submitted(vt_device *d);

// vt_wait waits until a submission is done, but not much longer than the given time,
// and reports whether it is done.
bool vt_wait(vt_device *d, uint64_t submission, int64_t microseconds);

// vt_stamp runs n dispatches and writes n + 1 times of the device's clock to ticks.
char *vt_stamp(vt_device *d, const vt_command *commands, size_t n, uint64_t *ticks);

// vt_trim gives freed memory back to the system.
void vt_trim(void);

void wgpuBufferRelease(void *);
void wgpuBindGroupRelease(void *);
