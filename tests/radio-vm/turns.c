// The emulator's two threads take turns, so that a machine in it runs the same each time. A library that `run` preloads.
//
// QEMU counts instructions (-icount) in the thread of the processor, and its main thread moves the clock on when the processor
// halts. The processor is marked as halted a moment before the instructions until then are counted
// (accel/tcg/tcg-accel-ops-rr.c and softmmu/icount.c of QEMU 7.2). A main thread that looks in that moment moves the clock on
// from too early a time, and everything after it comes microseconds later than in another run: how often depends on how busy
// the host is. With this, the main thread comes out of its poll only while the processor's thread waits to be woken, and
// that thread waits again until the main thread polls.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// The processor's thread waits on its condition, and nobody has woken it since.
static _Atomic int waiting = 1;
// Mutexes that the main thread holds. While it holds one, the other thread is not to be waited for.
static int held;

static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_broadcast)(pthread_cond_t *);
static int (*real_lock)(pthread_mutex_t *);
static int (*real_trylock)(pthread_mutex_t *);
static int (*real_unlock)(pthread_mutex_t *);
static int (*real_ppoll)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *);

// Other libraries lock before a constructor of this one would run.
static void find(void) {
    if (real_ppoll) return;
    // dlsym alone may give the condition of before glibc 2.3.2.
    real_wait = dlvsym(RTLD_NEXT, "pthread_cond_wait", "GLIBC_2.3.2");
    real_broadcast = dlvsym(RTLD_NEXT, "pthread_cond_broadcast", "GLIBC_2.3.2");
    if (!real_wait) real_wait = dlsym(RTLD_NEXT, "pthread_cond_wait");
    if (!real_broadcast) real_broadcast = dlsym(RTLD_NEXT, "pthread_cond_broadcast");
    real_lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    real_trylock = dlsym(RTLD_NEXT, "pthread_mutex_trylock");
    real_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    real_ppoll = dlsym(RTLD_NEXT, "ppoll");
}

static int is_main(void) {
    static __thread int known;
    if (!known) known = syscall(SYS_gettid) == getpid() ? 1 : 2;
    return known == 1;
}

int pthread_mutex_lock(pthread_mutex_t *mutex) {
    find();
    int failed = real_lock(mutex);
    if (!failed && is_main()) held++;
    return failed;
}

int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    find();
    int failed = real_trylock(mutex);
    if (!failed && is_main()) held++;
    return failed;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    find();
    if (is_main()) held--;
    return real_unlock(mutex);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex) {
    find();
    if (is_main()) return real_wait(condition, mutex);
    waiting = 1;
    syscall(SYS_futex, &waiting, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    int failed = real_wait(condition, mutex);
    waiting = 0;
    return failed;
}

int pthread_cond_broadcast(pthread_cond_t *condition) {
    find();
    waiting = 0;
    return real_broadcast(condition);
}

int ppoll(struct pollfd *files, nfds_t count, const struct timespec *timeout, const sigset_t *mask) {
    find();
    int ready = real_ppoll(files, count, timeout, mask);
    int error = errno;
    // A signal ends the emulator, whatever the processor does.
    while (ready >= 0 && is_main() && held == 0 && !waiting)
        if (syscall(SYS_futex, &waiting, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) && errno == EINTR) break;
    errno = error;
    return ready;
}
