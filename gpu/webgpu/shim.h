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

// vt_access is the class of a binding in a kernel's text.
typedef enum { VT_READ, VT_READ_WRITE, VT_UNIFORM } vt_access;

// vt_open registers a device of wgpu-native. vt_close waits for all submissions and
// releases it.
char *vt_open(void *device, vt_device **made);
void  vt_close(vt_device *d);

// vt_limits are those that vt_open29 requests. It takes the others from the adapter.
typedef struct {
	uint32_t groups, storage_buffers, uniform_buffers;
	uint64_t uniform_binding, storage_binding;
	uint32_t uniform_alignment, storage_alignment;
	uint64_t buffer_size;
	uint32_t workgroup_memory, workgroup_size, workgroup_x, workgroup_y, workgroup_z, workgroups;
} vt_limits;

// vt_open29 opens an adapter of wgpu-native 29.
char *vt_open29(void *adapter, const vt_limits *limits, bool timestamps, bool f16, vt_device **made);

// vt_buffer makes a buffer for the host to read if readable is set, or else one for
// kernels.
char *vt_buffer(vt_device *d, uint64_t size, bool readable, void **made);
char *vt_write(vt_device *d, void *buffer, uint64_t offset, const void *data, size_t size);
char *vt_read(vt_device *d, void *buffer, size_t size, void *to);

// vt_compile compiles a text whose n bindings have this access.
char *vt_compile(vt_device *d, const char *code, const vt_access *access, size_t n, vt_pipeline *made);
char *vt_parse(vt_device *d, const char *code); // reports its errors
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
