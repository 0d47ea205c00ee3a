/* A clock that is wrong by SKEW_MS milliseconds, for the processes that preload this; how fast it runs, and all other clocks, are right. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void skew(struct timespec *t)
{
    const char *text = getenv("SKEW_MS");
    long long ns = (long long)t->tv_sec * 1000000000 + t->tv_nsec + (text != NULL ? atoll(text) : 0) * 1000000;

    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int code = syscall(SYS_clock_gettime, clock, t);

    if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI))
        skew(t);
    return code;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;
    int code = clock_gettime(CLOCK_REALTIME, &t);

    (void)zone;
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return code;
}
