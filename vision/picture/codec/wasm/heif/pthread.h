// One thread alone: locks are free, and no thread is ever made.
#ifndef VERTEBRA_PTHREAD_H
#define VERTEBRA_PTHREAD_H
#ifdef __cplusplus
extern "C" {
#endif
#define __NEED_pthread_t
#define __NEED_pthread_attr_t
#define __NEED_pthread_mutex_t
#define __NEED_pthread_cond_t
#define __NEED_pthread_once_t
#include <bits/alltypes.h>
#define PTHREAD_ONCE_INIT 0
#define ONE_THREAD(name, ...) static inline int name(__VA_ARGS__) { return 0; }
ONE_THREAD(pthread_mutex_init, pthread_mutex_t *m, const void *attr)
ONE_THREAD(pthread_mutex_destroy, pthread_mutex_t *m)
ONE_THREAD(pthread_mutex_lock, pthread_mutex_t *m)
ONE_THREAD(pthread_mutex_unlock, pthread_mutex_t *m)
ONE_THREAD(pthread_cond_init, pthread_cond_t *c, const void *attr)
ONE_THREAD(pthread_cond_destroy, pthread_cond_t *c)
ONE_THREAD(pthread_cond_signal, pthread_cond_t *c)
ONE_THREAD(pthread_cond_broadcast, pthread_cond_t *c)
ONE_THREAD(pthread_attr_init, pthread_attr_t *a)
ONE_THREAD(pthread_attr_destroy, pthread_attr_t *a)
ONE_THREAD(pthread_attr_setstacksize, pthread_attr_t *a, unsigned long n)
ONE_THREAD(pthread_join, pthread_t t, void **result)
// Nobody else could ever wake whoever waits.
static inline int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) { __builtin_trap(); }
static inline int pthread_create(pthread_t *t, const void *attr, void *(*run)(void *), void *arg) { return -1; }
static inline int pthread_once(pthread_once_t *once, void (*init)(void)) {
    if (!*once) {
        *once = 1;
        init();
    }
    return 0;
}
#ifdef __cplusplus
}
#endif
#endif
