/*
 * A program that logs in by PAM, for tests: real libpam, a folder of its own instead of /etc/pam.d.
 *
 *   application DESCRIPTOR FOLDER SERVICE USER [password=P] [tty=T] [rhost=H] [silent] [times=N] [deaf] [enter]
 *               [signals]
 *
 * Writes to DESCRIPTOR, never to the standard streams, one line of JSON for each time it authenticates on the one
 * handle: the PAM code, the code of setcred, milliseconds, how many descriptors were left open, and what the
 * conversation was told. Exit code 0 unless PAM cannot even be started.
 */

#define _GNU_SOURCE

#include <security/pam_appl.h>

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct person {
    const char *password;
    bool deaf, enter; /* enter: presses that alone at the first question */
    FILE *out;
    int told;
};

static void write_quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text != '\0'; text++)
        fprintf(out, *text < ' ' || *text > '~' || strchr("\"\\", *text) ? "\\u%04x" : "%c", (unsigned char)*text);
    fputc('"', out);
}

static const char *style_name(int style)
{
    switch (style) {
    case PAM_TEXT_INFO:
        return "info";
    case PAM_ERROR_MSG:
        return "error";
    case PAM_PROMPT_ECHO_OFF:
        return "prompt";
    default:
        return "other";
    }
}

static int converse(int count, const struct pam_message **messages, struct pam_response **answers, void *data)
{
    struct person *person = data;

    if (person->deaf)
        return PAM_CONV_ERR;
    *answers = calloc((size_t)count, sizeof(**answers));
    if (*answers == NULL)
        return PAM_BUF_ERR;
    for (int i = 0; i < count; i++) {
        fprintf(person->out, "%s[\"%s\", ", person->told++ ? ", " : "", style_name(messages[i]->msg_style));
        write_quoted(person->out, messages[i]->msg);
        fputs("]", person->out);
        if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF)
            continue;
        if (person->enter || person->password != NULL)
            (*answers)[i].resp = strdup(person->enter ? "" : person->password);
        person->enter = false;
    }
    return PAM_SUCCESS;
}

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (folder != NULL && readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void nothing(int number)
{
    (void)number;
}

/* Interrupt every wait, some hundred times a second. */
static void begin_signals(void)
{
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval often = {{0, 3000}, {0, 3000}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
}

int main(int argc, char **argv)
{
    struct person person = {.out = argc > 1 ? fdopen(atoi(argv[1]), "w") : NULL};
    struct pam_conv conversation = {converse, &person};
    pam_handle_t *pamh = NULL;
    int code = PAM_SUCCESS, flags = 0, times = 1;

    if (argc < 5 || person.out == NULL ||
        pam_start_confdir(argv[3], *argv[4] ? argv[4] : NULL, &conversation, argv[2], &pamh) != PAM_SUCCESS)
        return 1;
    for (int i = 5; i < argc; i++) {
        if (strncmp(argv[i], "password=", 9) == 0)
            person.password = argv[i] + 9;
        else if (strncmp(argv[i], "tty=", 4) == 0)
            pam_set_item(pamh, PAM_TTY, argv[i] + 4);
        else if (strncmp(argv[i], "rhost=", 6) == 0)
            pam_set_item(pamh, PAM_RHOST, argv[i] + 6);
        else if (strncmp(argv[i], "times=", 6) == 0)
            times = atoi(argv[i] + 6);
        else if (strcmp(argv[i], "silent") == 0)
            flags |= (int)PAM_SILENT;
        else if (strcmp(argv[i], "deaf") == 0)
            person.deaf = true;
        else if (strcmp(argv[i], "enter") == 0)
            person.enter = true;
        else if (strcmp(argv[i], "signals") == 0)
            begin_signals();
        else
            return 1;
    }
    while (times-- > 0) {
        int descriptors = open_descriptors();
        double begun_ms = now_ms(), ended_ms;
        person.told = 0;
        fputs("{\"told\": [", person.out);
        code = pam_authenticate(pamh, flags);
        ended_ms = now_ms();
        fprintf(person.out, "], \"ms\": %.3f, \"code\": %d, \"left_open\": %d, ", ended_ms - begun_ms, code,
                open_descriptors() - descriptors);
        fprintf(person.out, "\"setcred\": %d}\n", pam_setcred(pamh, flags | (int)PAM_ESTABLISH_CRED));
        fflush(person.out);
    }
    pam_end(pamh, code);
    fclose(person.out);
    return 0;
}
