/*
 * Reads lines with the module's own reader of replies, for tests: each line of the standard input begins with a byte
 * that says whether a test source is allowed (1 or 0). Answers with a line each: "-" when it is not understood, else
 * the word, the hint, the user and whether it is done, by tabs; "." is what was not said.
 */

#include "../../pam/pam_kinect_unlock.c"

static void write_text(struct text text)
{
    printf("%.*s\t", text.at != NULL ? (int)text.bytes : 1, text.at != NULL ? text.at : ".");
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t bytes;

    while ((bytes = getline(&line, &size, stdin)) > 1) {
        struct reply reply;
        if (!parse_reply(line + 1, (size_t)bytes - 2, line[0] == '1', &reply)) {
            puts("-");
        } else {
            write_text(reply.said[WORD]);
            write_text(reply.said[HINT]);
            write_text(reply.said[USER]);
            puts(reply.done ? "done" : "more");
        }
    }
    free(line);
    return 0;
}
