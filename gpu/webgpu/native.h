// What the shim needs of wgpu-native. Both versions have the calls that are declared
// here by their own names. native17.c and native29.c make the others, whose structs
// or callbacks differ.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim.h"

enum {
	USE_MAP_READ = 0x1,
	USE_COPY_SRC = 0x4,
	USE_COPY_DST = 0x8,
	USE_UNIFORM  = 0x40,
	USE_STORAGE  = 0x80,
	USE_QUERIES  = 0x200,
};

// native_watch has shim_failed called for the errors of a device.
void native_watch(void *device);

// These make objects. After an error the result is NULL or an invalid object.
void *native_buffer(void *device, uint64_t size, uint32_t usage);
void *native_module(void *device, const char *code);
void *native_group_layout(void *device, const vt_access *access, size_t n);
void *native_layout(void *device, void *group);
void *native_pipeline(void *device, void *layout, void *module);
void *native_group(void *device, void *layout, const vt_range *ranges, size_t n);
void *native_timestamps(void *device, uint32_t count);

// native_poll calls the callbacks that are due, on this thread.
void native_poll(void *device);

// native_map has shim_mapped called when the start of a buffer is mapped or cannot
// be. native_when_done has shim_done called when all submissions are done.
void native_map(void *buffer, size_t size, void *user);
void native_when_done(void *queue, void *user);

// shim_fresh clears errors of earlier calls that do not check for them. shim_error
// returns the error of a call, or NULL.
void  shim_fresh(void);
char *shim_error(void);

// The callbacks. shim_failed notes an error of the call that this thread is in.
void shim_failed(const char *text, size_t length);
void shim_mapped(bool ok, void *user);
void shim_done(void *user);

void *wgpuDeviceCreateCommandEncoder(void *, const void *);
void *wgpuDeviceGetQueue(void *);

void *wgpuCommandEncoderBeginComputePass(void *, const void *);
void  wgpuCommandEncoderCopyBufferToBuffer(void *, void *, uint64_t, void *, uint64_t, uint64_t);
void  wgpuCommandEncoderWriteTimestamp(void *, void *, uint32_t);
void  wgpuCommandEncoderResolveQuerySet(void *, void *, uint32_t, uint32_t, void *, uint64_t);
void *wgpuCommandEncoderFinish(void *, const void *);
void  wgpuComputePassEncoderSetPipeline(void *, void *);
void  wgpuComputePassEncoderSetBindGroup(void *, uint32_t, void *, size_t, const uint32_t *);
void  wgpuComputePassEncoderDispatchWorkgroups(void *, uint32_t, uint32_t, uint32_t);
void  wgpuComputePassEncoderEnd(void *);

void wgpuQueueSubmit(void *, size_t, void *const *);
void wgpuQueueWriteBuffer(void *, void *, uint64_t, const void *, size_t);

const void *wgpuBufferGetConstMappedRange(void *, size_t, size_t);
void        wgpuBufferUnmap(void *);

void wgpuDeviceRelease(void *);
void wgpuShaderModuleRelease(void *);
void wgpuBindGroupLayoutRelease(void *);
void wgpuPipelineLayoutRelease(void *);
void wgpuComputePipelineRelease(void *);
void wgpuQuerySetRelease(void *);
void wgpuCommandEncoderRelease(void *);
void wgpuComputePassEncoderRelease(void *);
void wgpuCommandBufferRelease(void *);
void wgpuQueueRelease(void *);
