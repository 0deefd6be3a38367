/*
 * pam_kinect_unlock: asks the kinect-unlock daemon whether the person before the camera is the user.
 *
 *   auth  [success=end default=ignore]  pam_kinect_unlock.so           before the password
 *   auth  optional                      pam_kinect_unlock.so report    after it: a password was right
 *
 * One connection is one question: a line of JSON goes out, lines of JSON come back until one is `done`. Only the
 * daemon's `match` lets anybody in. Whatever is absent, late, unknown or unclear is PAM_AUTHINFO_UNAVAIL, so that the
 * password is asked. The module never writes to the standard streams (polkit's helper speaks a protocol there), shows
 * the person only sentences of its own, starts nothing, and needs nothing but libpam and libc.
 */

#define _GNU_SOURCE /* struct ucred */

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#define EXPORT __attribute__((visibility("default")))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define DEFAULT_SOCKET "/run/kinect-unlock/daemon.sock"
#define DEFAULT_DAEMON_USER "kinect-unlock"
#define LETTERS_AND_DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define MATCHED "pam_kinect_unlock_matched" /* this transaction's mark for the line after the password */

enum {
    NAME_BYTES_MAX = 64,
    REQUEST_BYTES = 256 + 3 * NAME_BYTES_MAX,
    LINE_BYTES_MAX = 4096,     /* of one reply; the longest that the daemon sends is a sentence */
    REPLIES_BYTES_MAX = 65536, /* of all replies; an attempt of five seconds has some dozen lines */
    SENTENCES_MAX = 32,        /* shown in one attempt, for each may block in the application */
    SECONDS_MAX = 60,
    REPORT_MS = 500,
};

/* What the daemon says, and what becomes of it. A word that is not here is not understood. */

struct word {
    const char *name;
    bool done;
    int code;          /* of pam_sm_authenticate, when it is done */
    const char *shown; /* to the person; NULL: nothing, for the password prompt says it all */
};

#define NO_NOD "You were recognised, but did not nod in time."

#define GOES_ON(name, shown) {name, false, PAM_AUTHINFO_UNAVAIL, shown}
#define NO_ANSWER(name, shown) {name, true, PAM_AUTHINFO_UNAVAIL, shown}

static const struct word WORDS[] = {
    GOES_ON("started", "Looking for your face."),
    GOES_ON("hint", NULL),
    GOES_ON("nobody", NULL),
    GOES_ON("somebody", NULL),
    GOES_ON("warning", NULL),
    {"match", true, PAM_SUCCESS, "Face recognised."},
    {"no-match", true, PAM_AUTH_ERR, "Face not recognised."},
    {"locked-out", true, PAM_MAXTRIES, "Too many failed tries: only the password helps now."},
    NO_ANSWER("timed-out", "No face was recognised in time."),
    NO_ANSWER("no-nod", NO_NOD),
    NO_ANSWER("cancelled", NULL),
    NO_ANSWER("cooling-down", "Too soon after the last try with the face."),
    NO_ANSWER("password-needed", "The password is needed before the face is taken again."),
    NO_ANSWER("not-enrolled", NULL),
    NO_ANSWER("busy", "The camera is being used by somebody else."),
    NO_ANSWER("not-authorised", NULL),
    NO_ANSWER("bad-request", NULL),
    NO_ANSWER("config-error", "Face recognition is not set up correctly."),
    NO_ANSWER("source-error", "The camera cannot be used."),
    NO_ANSWER("source-lost", "The camera was lost."),
    NO_ANSWER("recording-error", NULL),
    NO_ANSWER("model-error", "Face recognition is not set up correctly."),
    NO_ANSWER("store-error", "Face recognition is not set up correctly."),
    NO_ANSWER("internal-error", NULL),
    NO_ANSWER("shutting-down", NULL),
};

struct hint {
    const char *name;
    const char *shown;
};

static const struct hint HINTS[] = {
    {"look-at-camera", "Look at the camera."},
    {"move-closer", "Come closer."},
    {"move-back", "Move back a little."},
    {"one-person-only", "One person only, please."},
    {"hold-still", "Hold still."},
    {"turn-left", "Turn your head to the left."},
    {"turn-right", "Turn your head to the right."},
    {"look-up", "Look up a little."},
    {"look-down", "Look down a little."},
    {"look-straight", "Look straight at the camera."},
    {"keep-face-clear", "Keep your face clear of hands, hair and scarf."},
    {"more-light", "It is too dark: turn on a light."},
    {"nod", "Nod, to show that you mean it."},
};

/* Reading one reply: a flat JSON object of known members, none twice, as the daemon writes it: without white space. */

enum member { WORD, HINT, USER, MESSAGE, ORIGIN, DONE, WAIT_S, MEMBER_COUNT };

static const char *const MEMBERS[MEMBER_COUNT] = {"word", "hint", "user", "message", "origin", "done", "wait_s"};

struct text {
    const char *at; /* within the line, without an end of its own; NULL: not said, or null */
    size_t bytes;
};

struct reply {
    struct text said[DONE]; /* by member */
    bool done;
};

struct scan {
    const char *at, *end;
};

static bool is(struct text text, const char *wanted)
{
    return text.at != NULL && text.bytes == strlen(wanted) && memcmp(text.at, wanted, text.bytes) == 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct scan *scan, const char *wanted)
{
    size_t bytes = strlen(wanted);

    if ((size_t)(scan->end - scan->at) < bytes || memcmp(scan->at, wanted, bytes) != 0)
        return false;
    scan->at += bytes;
    return true;
}

/* What stands after a backslash. */
static bool take_escaped(struct scan *scan)
{
    size_t digits = scan->at < scan->end && *scan->at == 'u' ? 4 : 0;

    if (scan->at == scan->end || *scan->at == '\0' || strchr("\"\\/bfnrtu", *scan->at++) == NULL)
        return false;
    for (; digits > 0; digits--)
        if (scan->at == scan->end || !isxdigit((unsigned char)*scan->at++))
            return false;
    return true;
}

/* What a name of this protocol may not have, a plain string refuses: escapes and all but printable ASCII. */
static bool take_string(struct scan *scan, struct text *text, bool plain)
{
    const char *from;

    if (!take(scan, "\""))
        return false;
    from = scan->at;
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"') {
            *text = (struct text){from, (size_t)(scan->at - 1 - from)};
            return true;
        }
        if ((unsigned char)c < ' ' || (plain && (c == '\\' || (unsigned char)c > '~')))
            return false;
        if (c == '\\' && !take_escaped(scan))
            return false;
    }
    return false;
}

static bool take_digits(struct scan *scan)
{
    const char *first = scan->at;

    while (scan->at < scan->end && is_digit(*scan->at))
        scan->at++;
    return scan->at > first;
}

/* Seconds as the daemon writes them; other numbers of JSON, such as 1e3, are not understood. */
static bool take_seconds(struct scan *scan)
{
    if (!take(scan, "0") && !take_digits(scan))
        return false;
    return !take(scan, ".") || take_digits(scan);
}

static bool take_value(struct scan *scan, enum member member, struct reply *reply)
{
    switch (member) {
    case DONE:
        reply->done = take(scan, "true");
        return reply->done || take(scan, "false");
    case WAIT_S:
        return take(scan, "null") || take_seconds(scan);
    case MESSAGE:
    case ORIGIN:
        return take(scan, "null") || take_string(scan, &reply->said[member], false);
    default:
        return (member != WORD && take(scan, "null")) || take_string(scan, &reply->said[member], true);
    }
}

/* Frames that are not a sensor's say so by `origin`: with those nobody logs in, but to try things out. */
static bool parse_reply(const char *line, size_t bytes, bool test_source, struct reply *reply)
{
    struct scan scan = {line, line + bytes};
    bool seen[MEMBER_COUNT] = {false};
    const char *before = "{";

    *reply = (struct reply){.done = false};
    for (; take(&scan, before); before = ",") {
        struct text name;
        enum member member = WORD;
        if (!take_string(&scan, &name, true) || !take(&scan, ":"))
            return false;
        while (member < MEMBER_COUNT && !is(name, MEMBERS[member]))
            member++;
        if (member == MEMBER_COUNT || seen[member] || (member == ORIGIN && !test_source))
            return false;
        seen[member] = true;
        if (!take_value(&scan, member, reply))
            return false;
    }
    return seen[WORD] && take(&scan, "}") && scan.at == scan.end;
}

/* The module's arguments. */

struct options {
    const char *socket;
    const char *daemon_user;
    int64_t timeout_ms, nobody_ms;
    bool test_source, report;
};

static const char *value_of(const char *argument, const char *name)
{
    size_t bytes = strlen(name);

    return strncmp(argument, name, bytes) == 0 ? argument + bytes : NULL;
}

static bool read_seconds(const char *digits, int64_t *ms)
{
    char *end;
    long seconds = strtol(digits, &end, 10);

    if (!is_digit(*digits) || *end != '\0' || seconds < 1 || seconds > SECONDS_MAX)
        return false;
    *ms = 1000 * seconds;
    return true;
}

static bool read_option(const char *argument, struct options *options)
{
    const char *value;

    if ((value = value_of(argument, "socket=")) != NULL) {
        options->socket = value;
        return value[0] == '/' && strlen(value) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
    }
    if ((value = value_of(argument, "daemon_user=")) != NULL) {
        options->daemon_user = value;
        return value[0] != '\0';
    }
    if ((value = value_of(argument, "timeout=")) != NULL)
        return read_seconds(value, &options->timeout_ms);
    if ((value = value_of(argument, "nobody=")) != NULL)
        return read_seconds(value, &options->nobody_ms);
    if (strcmp(argument, "report") == 0)
        return options->report = true;
    if (strcmp(argument, "test_source") == 0)
        return options->test_source = true;
    return false;
}

/* All arguments are read, even after a faulty one: what `report` answers does not depend on its place. */
static bool read_options(pam_handle_t *pamh, int argc, const char **argv, struct options *options)
{
    bool understood = true;

    *options = (struct options){
        .socket = DEFAULT_SOCKET, .daemon_user = DEFAULT_DAEMON_USER, .timeout_ms = 5000, .nobody_ms = 1000};
    for (int i = 0; i < argc; i++) {
        if (!read_option(argv[i], options)) {
            pam_syslog(pamh, LOG_ERR, "the argument \"%s\" is not understood: nobody is asked", argv[i]);
            understood = false;
        }
    }
    return understood;
}

/* The question. */

/* As the daemon takes users and services. */
static bool is_name(const char *name)
{
    size_t bytes = strspn(name, LETTERS_AND_DIGITS "_.-");

    return bytes > 0 && bytes <= NAME_BYTES_MAX && name[bytes] == '\0' && name[0] != '.' && name[0] != '-';
}

/* Of a device or an X display, or nothing; none of it needs an escape in JSON. */
static bool is_tty(const char *tty)
{
    size_t bytes = strspn(tty, LETTERS_AND_DIGITS "_.-/:@[]");

    return bytes <= NAME_BYTES_MAX && tty[bytes] == '\0';
}

static const char *item(pam_handle_t *pamh, int type)
{
    const void *value = NULL;

    return pam_get_item(pamh, type, &value) == PAM_SUCCESS && value != NULL ? value : "";
}

/* The daemon asks logind as well: a program that says nothing of where it is called from gets no further there. */
static bool is_remote(pam_handle_t *pamh)
{
    static const char *const services[] = {"sshd", "ssh", "remote", "rlogin", "rsh", "telnet", "xrdp-sesman", "cockpit"};

    for (size_t i = 0; i < COUNT(services); i++)
        if (strcmp(item(pamh, PAM_SERVICE), services[i]) == 0)
            return true;
    return *item(pamh, PAM_RHOST) != '\0' || strcmp(item(pamh, PAM_TTY), "ssh") == 0;
}

/* The connection. */

/* By a clock that goes on while the machine sleeps: a match from before that is no answer afterwards. */
static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail: the clock exists, and so does its place */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A full queue of the daemon's is waited for in the kernel: a non-blocking connect() would be refused at once. */
static bool connect_until(int line, const char *path, int64_t deadline_ms)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    for (;;) {
        int64_t left_ms = deadline_ms - now_ms();
        struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
        if (left_ms <= 0 || setsockopt(line, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) != 0)
            return false;
        if (connect(line, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return true;
        if (errno != EINTR)
            return false;
    }
}

static bool is_trusted(pam_handle_t *pamh, int line, const struct options *options)
{
    struct ucred peer;
    socklen_t bytes = sizeof(peer);
    const struct passwd *service;

    if (getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 || bytes != sizeof(peer))
        return false;
    if (peer.uid == 0 || (options->test_source && peer.uid == geteuid()))
        return true;
    service = pam_modutil_getpwnam(pamh, options->daemon_user);
    if (service != NULL && service->pw_uid == peer.uid)
        return true;
    pam_syslog(pamh, LOG_ERR, "%s is served by uid %u: not trusted", options->socket, (unsigned int)peer.uid);
    return false;
}

/* A daemon that has hung up already may have said why: what it said lies there to be read. */
static bool send_line(int line, const char *request)
{
    ssize_t sent = TEMP_FAILURE_RETRY(send(line, request, strlen(request), MSG_NOSIGNAL));

    return sent == (ssize_t)strlen(request) || (sent < 0 && errno == EPIPE);
}

/* Return a connection on which the question was put, or -1. */
static int ask(pam_handle_t *pamh, const struct options *options, const char *request, int64_t deadline_ms)
{
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (line < 0)
        return -1;
    if (!connect_until(line, options->socket, deadline_ms))
        pam_syslog(pamh, LOG_INFO, "no daemon at %s: %m", options->socket);
    else if (is_trusted(pamh, line, options) && send_line(line, request))
        return line;
    close(line);
    return -1;
}

/* Wait for bytes: their number, 0 when there will be none, -1 when the time is over. */
static ssize_t receive_until(int line, char *to, size_t bytes, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - now_ms();
        struct pollfd wait = {.fd = line, .events = POLLIN};
        ssize_t got;
        if (left_ms <= 0)
            return -1;
        if (poll(&wait, 1, (int)left_ms) < 0 && errno != EINTR)
            return 0;
        got = recv(line, to, bytes, MSG_DONTWAIT);
        if (got >= 0)
            return got;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return 0;
    }
}

/* The answer. */

struct attempt {
    pam_handle_t *pamh;
    const struct options *options;
    const char *user;
    bool silent;                /* as sudo always wants it: then the person is told only what they are to do */
    bool brief;                 /* nothing of how it goes on */
    bool started;               /* the daemon looks: before that, nothing can be a match */
    bool nod_due;               /* the daemon knows who it is, and waits for the nod alone */
    const char *last_shown;
    int sentences;
    int64_t deadline_ms;
    int64_t nobody_deadline_ms; /* INT64_MAX: somebody may be there */
};

static void show(struct attempt *attempt, int style, const char *sentence)
{
    if (sentence == NULL || sentence == attempt->last_shown || attempt->sentences == SENTENCES_MAX)
        return;
    attempt->last_shown = sentence;
    attempt->sentences++;
    pam_prompt(attempt->pamh, style, NULL, "%s", sentence);
}

static const struct word *word_of(struct text text)
{
    for (size_t i = 0; i < COUNT(WORDS); i++)
        if (is(text, WORDS[i].name))
            return &WORDS[i];
    return NULL;
}

static const struct hint *hint_of(struct text text)
{
    for (size_t i = 0; i < COUNT(HINTS); i++)
        if (is(text, HINTS[i].name))
            return &HINTS[i];
    return NULL;
}

/* Return what the line says, and what of it the person is told; NULL if it says nothing that may be said now. */
static const struct word *heed(struct attempt *attempt, const char *line, size_t bytes, const char **shown)
{
    struct reply reply;
    const struct word *word;
    const struct hint *hint;
    bool is_ours;

    if (!parse_reply(line, bytes, attempt->options->test_source, &reply))
        return NULL;
    word = word_of(reply.said[WORD]);
    hint = hint_of(reply.said[HINT]);
    is_ours = is(reply.said[USER], attempt->user);
    if (word == NULL || word->done != reply.done || (is(reply.said[WORD], "hint") != (hint != NULL)))
        return NULL;
    if ((hint == NULL && reply.said[HINT].at != NULL) || (!is_ours && reply.said[USER].at != NULL))
        return NULL;
    if (word->code == PAM_SUCCESS && !(attempt->started && is_ours))
        return NULL;
    if (hint != NULL)
        attempt->nod_due = is(reply.said[HINT], "nod");
    if (is(reply.said[WORD], "started"))
        attempt->started = true;
    else if (is(reply.said[WORD], "nobody") && attempt->nobody_deadline_ms == INT64_MAX)
        attempt->nobody_deadline_ms = now_ms() + attempt->options->nobody_ms;
    else if (is(reply.said[WORD], "somebody"))
        attempt->nobody_deadline_ms = INT64_MAX;
    *shown = hint != NULL ? hint->shown : word->shown;
    return word;
}

static int give_up(const struct attempt *attempt, const char *why)
{
    pam_syslog(attempt->pamh, LOG_INFO, "no answer for %s: %s", attempt->user, why);
    return PAM_AUTHINFO_UNAVAIL;
}

/* The daemon counts its time from the first picture, so that ours is over before it can say so. */
static int out_of_time(struct attempt *attempt)
{
    if (attempt->nod_due && !attempt->silent)
        show(attempt, PAM_ERROR_MSG, NO_NOD);
    return give_up(attempt, attempt->nod_due ? "recognised, but no nod in time" : "the time is over");
}

/* Read replies until one ends the attempt. */
static int hear_out(struct attempt *attempt, int line)
{
    char held[LINE_BYTES_MAX];
    size_t bytes = 0, total = 0;

    for (;;) {
        bool nobody = attempt->nobody_deadline_ms < attempt->deadline_ms;
        int64_t deadline_ms = nobody ? attempt->nobody_deadline_ms : attempt->deadline_ms;
        ssize_t got = receive_until(line, held + bytes, sizeof(held) - bytes, deadline_ms);
        char *from = held, *end;
        if (got < 0)
            return nobody ? give_up(attempt, "nobody is there") : out_of_time(attempt);
        if (got == 0)
            return give_up(attempt, "the daemon hung up");
        total += (size_t)got;
        bytes += (size_t)got;
        while ((end = memchr(from, '\n', bytes)) != NULL) {
            const char *shown = NULL;
            const struct word *word = heed(attempt, from, (size_t)(end - from), &shown);
            bool failed = word != NULL && word->done && word->code != PAM_SUCCESS;
            bytes -= (size_t)(end + 1 - from);
            from = end + 1;
            if (word == NULL || (word->done && bytes > 0))
                return give_up(attempt, "the daemon's reply is not understood");
            if (now_ms() >= attempt->deadline_ms) /* what was shown before may have taken long */
                return out_of_time(attempt);
            if (strcmp(word->name, "hint") == 0 || (!attempt->silent && (failed || !attempt->brief)))
                show(attempt, failed ? PAM_ERROR_MSG : PAM_TEXT_INFO, shown);
            if (word->done) {
                pam_syslog(attempt->pamh, LOG_INFO, "%s: %s", attempt->user, word->name);
                return word->code;
            }
        }
        if (bytes == sizeof(held) || total > REPLIES_BYTES_MAX)
            return give_up(attempt, "the daemon says too much");
        memmove(held, from, bytes);
    }
}

/*
 * LightDM asks PAM for whoever was there last as soon as its greeter is drawn, and keeps a yes until somebody presses the
 * greeter's button: perhaps when the owner has long gone. There the camera waits for Enter, after which LightDM opens at
 * once; slick-greeter only if it was told nothing since. A password that is typed instead is the next module's.
 */
static bool enter_alone(pam_handle_t *pamh, bool silent)
{
    const char *typed = NULL;

    if (!silent)
        pam_info(pamh, "%s", "Press Enter to be recognised.");
    if (pam_get_authtok(pamh, PAM_AUTHTOK, &typed, NULL) != PAM_SUCCESS || typed == NULL || *typed != '\0')
        return false;
    return pam_set_item(pamh, PAM_AUTHTOK, NULL) == PAM_SUCCESS; /* or nobody would ask for the password any more */
}

static int verify(pam_handle_t *pamh, const struct options *options, bool silent)
{
    struct attempt attempt = {.pamh = pamh, .options = options, .silent = silent, .nobody_deadline_ms = INT64_MAX};
    const char *service = item(pamh, PAM_SERVICE), *tty = item(pamh, PAM_TTY);
    char request[REQUEST_BYTES];
    int line, code;

    if (is_remote(pamh) || pam_get_user(pamh, &attempt.user, NULL) != PAM_SUCCESS || attempt.user == NULL)
        return PAM_AUTHINFO_UNAVAIL;
    if (!is_name(attempt.user) || !is_name(service) || !is_tty(tty)) {
        pam_syslog(pamh, LOG_INFO, "the daemon has no such users, services or terminals: nobody is asked");
        return PAM_AUTHINFO_UNAVAIL;
    }
    attempt.brief = strcmp(service, "lightdm") == 0;
    if (attempt.brief && !enter_alone(pamh, silent))
        return PAM_AUTHINFO_UNAVAIL;
    /*
     * SDDM's daemon takes one message whenever bytes have come: a sentence that comes just before success or before the
     * question for the password hides that for good, and nobody can log in any more (0.19).
     */
    if (strcmp(service, "sddm") == 0)
        attempt.sentences = SENTENCES_MAX;
    snprintf(request, sizeof(request), "{\"op\":\"verify\",\"user\":\"%s\",\"service\":\"%s\",\"tty\":\"%s\"}\n",
             attempt.user, service, tty);
    attempt.deadline_ms = now_ms() + options->timeout_ms;
    line = ask(pamh, options, request, attempt.deadline_ms);
    if (line < 0)
        return PAM_AUTHINFO_UNAVAIL;
    code = hear_out(&attempt, line);
    close(line);
    return code;
}

/* The line after the password: reached only when the stack has succeeded, so a token that is set was right. */
static void report(pam_handle_t *pamh, const struct options *options)
{
    const char *user = item(pamh, PAM_USER), *service = item(pamh, PAM_SERVICE);
    const void *matched = NULL;
    int64_t deadline_ms = now_ms() + REPORT_MS;
    char request[REQUEST_BYTES], answer[64];
    int line;

    if (pam_get_data(pamh, MATCHED, &matched) == PAM_SUCCESS && matched != NULL)
        return;
    if (*item(pamh, PAM_AUTHTOK) == '\0' || !is_name(user) || !is_name(service) || is_remote(pamh))
        return;
    if (geteuid() != 0 && !options->test_source) /* nobody else is believed */
        return;
    snprintf(request, sizeof(request), "{\"op\":\"password-ok\",\"user\":\"%s\",\"service\":\"%s\"}\n", user, service);
    line = ask(pamh, options, request, deadline_ms);
    if (line < 0)
        return;
    if (receive_until(line, answer, sizeof(answer), deadline_ms) < 0) /* whatever it says: it was heard */
        pam_syslog(pamh, LOG_INFO, "the daemon does not say that it has heard of the password of %s", user);
    close(line);
}

EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    struct options options;
    bool understood = read_options(pamh, argc, argv, &options);
    int code;

    if (options.report) {
        if (understood)
            report(pamh, &options);
        return PAM_IGNORE;
    }
    if (pam_set_data(pamh, MATCHED, NULL, NULL) != PAM_SUCCESS || !understood)
        return PAM_AUTHINFO_UNAVAIL;
    code = verify(pamh, &options, ((unsigned int)flags & PAM_SILENT) != 0);
    if (code == PAM_SUCCESS && pam_set_data(pamh, MATCHED, (void *)(uintptr_t)MATCHED, NULL) != PAM_SUCCESS)
        return PAM_AUTHINFO_UNAVAIL;
    return code;
}

/* There are no credentials to give, and nothing to say against anybody's. */
EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
    (void)pamh, (void)flags, (void)argc, (void)argv;
    return PAM_SUCCESS;
}
