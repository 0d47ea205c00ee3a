/* Reads lines "Message hex", decodes each with nanopb, encodes it again and compares the bytes. */
#include <pb_decode.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

#include "messages.h" /* MESSAGES: M(name) for each message, and their headers */

static struct { const char *name; const pb_msgdesc_t *fields; } const all[] = {
#define M(name) { #name, v2x_v1_##name##_fields },
    MESSAGES
#undef M
};

/* As large as the largest of them. */
static union {
#define M(name) v2x_v1_##name name;
    MESSAGES
#undef M
} message;

int main(void) {
    static char name[64], hex[4096];
    static pb_byte_t bytes[2048], again[2048];
    int good = 0, bad = 0;
    while (scanf("%63s %4095s", name, hex) == 2) {
        size_t length = strlen(hex) / 2;
        for (size_t i = 0; i < length; i++) {
            unsigned byte = 0;
            if (sscanf(hex + 2 * i, "%2x", &byte) != 1) return 2;
            bytes[i] = (pb_byte_t)byte;
        }
        const pb_msgdesc_t *fields = NULL;
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            if (!strcmp(all[i].name, name)) fields = all[i].fields;
        memset(&message, 0, sizeof message);
        pb_istream_t in = pb_istream_from_buffer(bytes, length);
        pb_ostream_t out = pb_ostream_from_buffer(again, sizeof again);
        const char *fault = NULL;
        if (!fields) fault = "no such message";
        else if (!pb_decode(&in, fields, &message)) fault = PB_GET_ERROR(&in);
        else if (!pb_encode(&out, fields, &message)) fault = PB_GET_ERROR(&out);
        else if (out.bytes_written != length || memcmp(bytes, again, length)) fault = "encoded otherwise";
        if (fault) printf("%s, %zu bytes: %s\n", name, length, fault);
        if (fault) bad++; else good++;
    }
    printf("%d equal, %d not\n", good, bad);
    return bad != 0;
}
