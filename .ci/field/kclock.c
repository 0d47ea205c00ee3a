/* The kernel's clock as time daemons leave it, for the processes that preload this. Nothing here touches the machine's own clock.
 *
 *   FIELD_CLOCK=bare                    nothing disciplines it: 16 s, unsynchronised
 *   FIELD_CLOCK=unflagged:US            a bound written every second, unsynchronised: chrony without rtcsync
 *   FIELD_CLOCK=saw:FROM_S:POLL_S:US    synchronised; a bound of US written every POLL_S seconds, the last time FROM_S ago
 *   FIELD_CLOCK=tai:SECONDS             synchronised to 1 ms, with this offset to TAI
 *   FIELD_CLOCK=shared:FILE             as a daemon that preloads this with the same FILE leaves it
 *
 * With `shared`, what a daemon writes is kept in FILE as the kernel would keep it (kernel/time/ntp.c): frequency, status, bounds,
 * which grow by 500 us a second, 16 s once the clock is set. The clock itself stays where it is, so the daemon should follow a
 * server on this machine.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define NEVER_US 16000000L

struct kernel {
    struct timex state;
    double written;  /* when maxerror was */
    double declared; /* when status was */
};

static double running(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void unwritten(struct timex *state)
{
    state->maxerror = state->esterror = NEVER_US;
    state->status |= STA_UNSYNC;
}

static struct kernel *shared(const char *path)
{
    static struct kernel *kernel;
    int file;

    if (kernel != NULL)
        return kernel;
    file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, sizeof *kernel) != 0) {
        perror(path);
        abort();
    }
    kernel = mmap(NULL, sizeof *kernel, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (kernel == MAP_FAILED) {
        perror(path);
        abort();
    }
    if (kernel->state.tick == 0) {
        kernel->state.tick = 10000;
        kernel->state.tolerance = 500L << 16;
        kernel->state.precision = 1;
        unwritten(&kernel->state);
    }
    return kernel;
}

/* What the kernel says or is told; the answer is the clock's state. */
static int told(struct kernel *kernel, struct timex *asked)
{
    struct timex *state = &kernel->state;
    unsigned modes = asked->modes;
    struct timespec now;
    struct timex answer;

    if (modes & ADJ_SETOFFSET)
        unwritten(state);
    if (modes & ADJ_STATUS) {
        state->status = asked->status & ~STA_RONLY;
        kernel->declared = running();
    }
    if (modes & ADJ_FREQUENCY)
        state->freq = asked->freq;
    if (modes & ADJ_TICK)
        state->tick = asked->tick;
    if (modes & ADJ_TIMECONST)
        state->constant = asked->constant;
    if (modes & ADJ_TAI)
        state->tai = (int)asked->constant;
    if (modes & ADJ_ESTERROR)
        state->esterror = asked->esterror;
    if (modes & ADJ_MAXERROR) {
        state->maxerror = asked->maxerror;
        kernel->written = running();
    }
    answer = *state;
    answer.modes = modes;
    answer.offset = 0;
    answer.maxerror += 500 * (long)(running() - kernel->written);
    if (answer.maxerror >= NEVER_US) {
        answer.maxerror = NEVER_US;
        /* With the next second: ptp4l remembers what its first call returns. */
        if (running() - kernel->declared >= 1)
            answer.status |= STA_UNSYNC;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    answer.time.tv_sec = now.tv_sec;
    answer.time.tv_usec = now.tv_nsec / 1000;
    *asked = answer;
    return answer.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int adjtimex(struct timex *asked)
{
    static double started;
    const char *kind = getenv("FIELD_CLOCK");
    long bound = 0, from = 0, poll = 1;
    int tai = 0;

    if (kind != NULL && strncmp(kind, "shared:", 7) == 0)
        return told(shared(kind + 7), asked);
    if (started == 0)
        started = running();
    memset(asked, 0, sizeof *asked);
    asked->tick = 10000;
    asked->freq = 12L << 16;
    asked->maxerror = asked->esterror = NEVER_US;
    asked->status = STA_UNSYNC;
    if (kind == NULL || strcmp(kind, "bare") == 0)
        return TIME_ERROR;
    if (sscanf(kind, "unflagged:%ld", &bound) == 1) {
        asked->maxerror = bound;
        asked->esterror = 100;
        return TIME_ERROR;
    }
    asked->status = 0;
    if (sscanf(kind, "tai:%d", &tai) == 1) {
        asked->maxerror = 1000;
        asked->esterror = 100;
        asked->tai = tai;
        return TIME_OK;
    }
    if (sscanf(kind, "saw:%ld:%ld:%ld", &from, &poll, &bound) == 3) {
        long age = (from + (long)(running() - started)) % poll;
        /* A bound of 0 is timesyncd's, which leaves the control to the kernel. */
        asked->maxerror = bound + 500 * age;
        asked->esterror = bound == 0 ? 0 : 100;
        asked->status = bound == 0 ? STA_PLL : 0;
        return TIME_OK;
    }
    fprintf(stderr, "FIELD_CLOCK=%s is not known\n", kind);
    abort();
}

int ntp_adjtime(struct timex *asked)
{
    return adjtimex(asked);
}

int clock_adjtime(clockid_t clock, struct timex *asked)
{
    (void)clock;
    return adjtimex(asked);
}

static int set(void)
{
    const char *kind = getenv("FIELD_CLOCK");

    if (kind != NULL && strncmp(kind, "shared:", 7) == 0)
        unwritten(&shared(kind + 7)->state);
    return 0;
}

int clock_settime(clockid_t clock, const struct timespec *time)
{
    (void)clock;
    (void)time;
    return set();
}

int settimeofday(const struct timeval *time, const struct timezone *zone)
{
    (void)time;
    (void)zone;
    return set();
}

int adjtime(const struct timeval *delta, struct timeval *left)
{
    (void)delta;
    if (left != NULL)
        memset(left, 0, sizeof *left);
    return 0;
}
