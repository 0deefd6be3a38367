/*
 * Feeds the module whatever a daemon could send, for libFuzzer with sanitizers: `make fuzz`.
 *
 * The socket and the clock are replaced, so that an input says how the bytes arrive as well: its first byte how the
 * module is called and how often the rest is repeated, its second the size of the pieces, its third how many
 * milliseconds pass before each. What must hold for every input: a code of those that the module may give, success
 * only for a stream that holds a match of this very user after the start, sentences only from the module's tables and
 * no more of them than agreed, and an end at the deadline.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <security/pam_ext.h>

static int arrived(struct pollfd *descriptors, nfds_t count, int timeout_ms);
static ssize_t taken(int line, void *to, size_t bytes, int flags);
static int told_time(clockid_t clock, struct timespec *now);

#define poll arrived
#define recv taken
#define clock_gettime told_time
#include "../pam_kinect_unlock.c"
#undef poll
#undef recv
#undef clock_gettime

#define CHECK(truth) ((truth) ? (void)0 : (fprintf(stderr, "not so: %s\n", #truth), abort()))

enum { HEAD_BYTES = 3, TIMEOUT_MS = 5000 };

static struct {
    const uint8_t *data;
    size_t bytes, at, piece;
    unsigned int repeats;
    int64_t now_ms, step_ms;
    int sentences;
    bool interrupted;
} world;


static int told_time(clockid_t clock, struct timespec *now)
{
    CHECK(clock == CLOCK_BOOTTIME);
    *now = (struct timespec){.tv_sec = world.now_ms / 1000, .tv_nsec = world.now_ms % 1000 * 1000000};
    return 0;
}

static int arrived(struct pollfd *descriptors, nfds_t count, int timeout_ms)
{
    CHECK(count == 1 && descriptors->events == POLLIN && timeout_ms > 0 && timeout_ms <= TIMEOUT_MS);
    world.interrupted = !world.interrupted;
    if (world.interrupted) {
        errno = EINTR;
        return -1;
    }
    world.now_ms += world.step_ms < timeout_ms ? world.step_ms : timeout_ms;
    return world.step_ms < timeout_ms;
}

static ssize_t taken(int line, void *to, size_t bytes, int flags)
{
    (void)line;
    CHECK(bytes > 0 && flags == MSG_DONTWAIT);
    if (world.interrupted) {
        errno = EAGAIN;
        return -1;
    }
    if (world.at == world.bytes && world.repeats > 0) {
        world.repeats--;
        world.at = 0;
    }
    if (bytes > world.piece)
        bytes = world.piece;
    if (bytes > world.bytes - world.at)
        bytes = world.bytes - world.at;
    memcpy(to, world.data + world.at, bytes);
    world.at += bytes;
    return (ssize_t)bytes;
}

/* What libpam would do. */

static bool is_of_the_tables(const char *sentence)
{
    for (size_t i = 0; i < COUNT(WORDS); i++)
        if (WORDS[i].shown == sentence)
            return true;
    for (size_t i = 0; i < COUNT(HINTS); i++)
        if (HINTS[i].shown == sentence)
            return true;
    return false;
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
    va_list arguments;

    (void)pamh;
    va_start(arguments, format);
    CHECK(strcmp(format, "%s") == 0 && response == NULL && (style == PAM_TEXT_INFO || style == PAM_ERROR_MSG));
    CHECK(is_of_the_tables(va_arg(arguments, const char *)));
    va_end(arguments);
    CHECK(++world.sentences <= SENTENCES_MAX);
    world.now_ms += world.step_ms; /* the person is shown it */
    return PAM_SUCCESS;
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
    (void)pamh, (void)priority, (void)format;
}

static bool holds(const char *text)
{
    return memmem(world.data, world.bytes, text, strlen(text)) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct options options = {.timeout_ms = TIMEOUT_MS, .nobody_ms = 1000};
    struct attempt attempt = {.pamh = (pam_handle_t *)&world, /* nobody looks into it */
                              .options = &options, .user = "ann", .nobody_deadline_ms = INT64_MAX};
    int code;

    if (bytes < HEAD_BYTES)
        return -1;
    options.test_source = data[0] & 1;
    attempt.silent = data[0] & 2;
    memset(&world, 0, sizeof(world));
    world.data = data + HEAD_BYTES;
    world.bytes = bytes - HEAD_BYTES;
    world.repeats = bytes > HEAD_BYTES ? data[0] >> 2 : 0;
    world.piece = data[1] ? data[1] : bytes;
    world.step_ms = data[2];
    attempt.deadline_ms = TIMEOUT_MS;

    code = hear_out(&attempt, 0);

    CHECK(world.now_ms <= TIMEOUT_MS + SENTENCES_MAX * UINT8_MAX);
    CHECK(code == PAM_AUTHINFO_UNAVAIL || world.now_ms < TIMEOUT_MS + UINT8_MAX); /* the last is shown in time */
    CHECK(!attempt.silent || world.sentences == 0 || holds("\"word\":\"hint\""));
    switch (code) {
    case PAM_SUCCESS:
        CHECK(holds("\"word\":\"started\"") && holds("\"word\":\"match\""));
        CHECK(holds("\"done\":true") && holds("\"user\":\"ann\""));
        break;
    case PAM_AUTH_ERR:
        CHECK(holds("\"word\":\"no-match\""));
        break;
    case PAM_MAXTRIES:
        CHECK(holds("\"word\":\"locked-out\""));
        break;
    default:
        CHECK(code == PAM_AUTHINFO_UNAVAIL);
    }
    return 0;
}
