/*
 * The upstream of the comparison: one thread, epoll, HTTP/1.1 with keep-alive, a table of answers.
 *
 * While it learns, a request that is not in the table is passed on to the emulator and its answer
 * kept, byte for byte. Frozen, such a request is answered 404 and counted as a miss. The key is
 * method, target, the Prefer header and the body without its multipart boundary. Requests whose key
 * has one of the texts are passed on each time, neither kept nor counted: their answers change.
 *
 *   stub PORT EMULATOR_PORT [TEXT...]
 *   GET /-/learn, /-/freeze   what to do with the unknown
 *   GET /-/counts             {"requests", "bytes", "misses"} since the last time it was asked
 *   GET /-/log                the requests answered while learning, since the last time it was
 *                             asked: method and target, Prefer, bytes of the answer; with tabs between
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_AHEAD = 1 << 16, LARGEST_REQUEST = 1 << 24, SLOTS = 1 << 14, EVENTS = 256 };

typedef struct {
    char *data;
    size_t length, capacity;
} Bytes;

typedef struct {
    uint64_t hash;
    Bytes key, response;
} Entry;

typedef struct {
    int fd;
    Bytes in;
    Bytes own;        /* an answer made for this one request */
    const char *out;  /* what is being sent: `own`, or an entry's response */
    size_t out_length, sent;
} Connection;

typedef struct {
    const char *method, *target, *prefer, *body;
    size_t method_length, target_length, prefer_length, head_length, body_length;
} Request;

static Entry table[SLOTS];
static size_t entries;
static int emulator_port, learning = 1, poller;
static unsigned long requests, bytes, misses;
static Bytes key, seen;
static char **passed_on;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void reserve(Bytes *to, size_t capacity) {
    if (to->capacity >= capacity) return;
    to->capacity = capacity * 2;
    if (!(to->data = realloc(to->data, to->capacity))) die("realloc");
}

static void append(Bytes *to, const char *data, size_t length) {
    reserve(to, to->length + length);
    memcpy(to->data + to->length, data, length);
    to->length += length;
}

static void say(Bytes *to, const char *text) { append(to, text, strlen(text)); }

static int is(const char *data, size_t length, const char *text) {
    return length == strlen(text) && !memcmp(data, text, length);
}

/* The value of a header in a head that ends with an empty line; NULL where there is none. */
static const char *header(const char *head, size_t length, const char *name, size_t *found) {
    size_t size = strlen(name);
    const char *end = head + length, *line = memchr(head, '\n', length);
    while (line && ++line < end) {
        const char *stop = memchr(line, '\r', end - line);
        if (!stop) break;
        if ((size_t)(stop - line) > size && line[size] == ':' && !strncasecmp(line, name, size)) {
            line += size + 1;
            while (line < stop && *line == ' ') line++;
            *found = stop - line;
            return line;
        }
        line = memchr(stop, '\n', end - stop);
    }
    return NULL;
}

/* 1 and the first request in `in`, 0 where more is to come, -1 where it is none. */
static int parse(const Bytes *in, Request *request) {
    const char *end = memmem(in->data, in->length, "\r\n\r\n", 4), *space, *value;
    size_t length;
    if (!end) return in->length > LARGEST_REQUEST ? -1 : 0;
    memset(request, 0, sizeof *request);
    request->head_length = end + 4 - in->data;
    request->method = in->data;
    if (!(space = memchr(in->data, ' ', request->head_length))) return -1;
    request->method_length = space - in->data;
    request->target = space + 1;
    if (!(space = memchr(request->target, ' ', end - request->target))) return -1;
    request->target_length = space - request->target;
    if (header(in->data, request->head_length, "transfer-encoding", &length)) return -1;
    value = header(in->data, request->head_length, "content-length", &length);
    request->body_length = value ? strtoul(value, NULL, 10) : 0;
    if (request->body_length > LARGEST_REQUEST) return -1;
    request->body = in->data + request->head_length;
    request->prefer =
        header(in->data, request->head_length, "prefer", &request->prefer_length);
    return in->length >= request->head_length + request->body_length;
}

static void append_body(const char *body, size_t length) {
    const char *line = length > 2 && !memcmp(body, "--", 2) ? memchr(body, '\r', length) : NULL;
    size_t boundary = line ? line - body : 0;
    const char *rest = body, *end = body + length, *next;
    while (boundary && (next = memmem(rest, end - rest, body, boundary))) {
        append(&key, rest, next - rest);
        rest = next + boundary;
    }
    append(&key, rest, end - rest);
}

/* The entry of a request: its own, or the empty slot where it would stand. */
static Entry *find(const Request *request) {
    uint64_t hash = 14695981039346656037u;
    key.length = 0;
    append(&key, request->method, request->method_length + 1 + request->target_length);
    append(&key, "\n", 1);
    if (request->prefer) append(&key, request->prefer, request->prefer_length);
    append(&key, "\n", 1);
    append_body(request->body, request->body_length);
    for (size_t n = 0; n < key.length; n++) hash = (hash ^ (unsigned char)key.data[n]) * 1099511628211u;
    for (size_t slot = hash % SLOTS;; slot = (slot + 1) % SLOTS) {
        Entry *entry = &table[slot];
        int same = entry->hash == hash && entry->key.length == key.length;
        if (!entry->key.data) {
            entry->hash = hash;
            return entry;
        }
        if (same && !memcmp(entry->key.data, key.data, key.length)) return entry;
    }
}

static void respond(Connection *to, const char *status, const char *body, size_t length) {
    char head[160];
    to->own.length = 0;
    snprintf(head, sizeof head, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", status, length);
    say(&to->own, head);
    append(&to->own, body, length);
    to->out = to->own.data;
    to->out_length = to->own.length;
}

static int dial(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(emulator_port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) die("the emulator");
    return fd;
}

static void send_all(int fd, const char *data, size_t length) {
    while (length) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) die("the emulator");
        data += sent;
        length -= sent;
    }
}

/* Ask the emulator the same, over a connection for this one request. */
static Bytes ask(const Request *request) {
    Bytes answer = {0}, sent = {0};
    const char *line = memchr(request->method, '\n', request->head_length) + 1;
    const char *end = request->body - 2;
    int fd = dial();
    ssize_t got;
    append(&sent, request->method, line - request->method);
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', end - line) + 1;
        if (strncasecmp(line, "connection:", 11)) append(&sent, line, next - line);
        line = next;
    }
    say(&sent, "connection: close\r\n\r\n");
    append(&sent, request->body, request->body_length);
    send_all(fd, sent.data, sent.length);
    do {
        reserve(&answer, answer.length + READ_AHEAD);
        got = recv(fd, answer.data + answer.length, READ_AHEAD, 0);
        if (got < 0) die("the emulator");
        answer.length += got;
    } while (got);
    free(sent.data);
    close(fd);
    return answer;
}

/* The emulator's answer as it is served from then on: without what belonged to one connection. */
static Bytes kept(const Bytes *answer) {
    static const char *dropped[] = {"connection:", "date:", "server:", "content-length:", NULL};
    const char *end = memmem(answer->data, answer->length, "\r\n\r\n", 4);
    const char *line = answer->data, *body = end + 4;
    char length[64];
    size_t found;
    Bytes result = {0};
    if (!end || header(answer->data, body - answer->data, "transfer-encoding", &found)) {
        fprintf(stderr, "stub: the emulator's answer has no length\n");
        exit(1);
    }
    while (line < end + 2) {
        const char *next = (const char *)memchr(line, '\n', body - line) + 1;
        int drop = 0;
        for (int n = 0; dropped[n]; n++) drop |= !strncasecmp(line, dropped[n], strlen(dropped[n]));
        if (!drop) append(&result, line, next - line);
        line = next;
    }
    found = answer->length - (body - answer->data);
    snprintf(length, sizeof length, "content-length: %zu\r\n\r\n", found);
    say(&result, length);
    append(&result, body, found);
    return result;
}

static void learn(const Request *request, Entry *entry) {
    Bytes answer = ask(request);
    if (++entries > SLOTS / 2) die("too many requests to learn");
    entry->response = kept(&answer);
    append(&entry->key, key.data, key.length);
    free(answer.data);
}

static int is_passed_on(void) {
    for (char **text = passed_on; *text; text++)
        if (memmem(key.data, key.length, *text, strlen(*text))) return 1;
    return 0;
}

static void pass_on(Connection *to, const Request *request) {
    Bytes answer = ask(request);
    free(to->own.data);
    to->own = kept(&answer);
    to->out = to->own.data;
    to->out_length = to->own.length;
    free(answer.data);
}

static void note(const Request *request, const Entry *entry) {
    char size[32];
    append(&seen, request->method, request->method_length + 1 + request->target_length);
    say(&seen, "\t");
    if (request->prefer) append(&seen, request->prefer, request->prefer_length);
    snprintf(size, sizeof size, "\t%zu\n", entry->response.length);
    say(&seen, size);
}

static void command(Connection *from, const char *name, size_t length) {
    char text[160];
    if (is(name, length, "log")) {
        respond(from, "200 OK", seen.data ? seen.data : "", seen.length);
        seen.length = 0;
        return;
    }
    if (is(name, length, "learn")) learning = 1;
    if (is(name, length, "freeze")) learning = 0;
    snprintf(text, sizeof text, "{\"requests\": %lu, \"bytes\": %lu, \"misses\": %lu}", requests, bytes, misses);
    requests = bytes = misses = 0;
    respond(from, "200 OK", text, strlen(text));
}

static void answer(Connection *to, const Request *request) {
    Entry *entry;
    if (request->target_length > 3 && !memcmp(request->target, "/-/", 3)) {
        command(to, request->target + 3, request->target_length - 3);
        return;
    }
    entry = find(request);
    if (is_passed_on()) {
        pass_on(to, request);
        return;
    }
    requests++;
    if (!entry->key.data && learning) learn(request, entry);
    if (!entry->key.data) {
        misses++;
        fprintf(stderr, "stub: not learned: %.*s\n", (int)request->target_length, request->target);
        respond(to, "404 Not Found", "{}", 2);
        return;
    }
    if (learning) note(request, entry);
    bytes += entry->response.length;
    to->out = entry->response.data;
    to->out_length = entry->response.length;
}

static void hang_up(Connection *gone) {
    close(gone->fd);
    free(gone->in.data);
    free(gone->own.data);
    free(gone);
}

/* Send what there is to send; 0 once the connection is gone. */
static int push(Connection *to) {
    while (to->sent < to->out_length) {
        ssize_t sent = send(to->fd, to->out + to->sent, to->out_length - to->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return 1;
        if (sent < 0) {
            hang_up(to);
            return 0;
        }
        to->sent += sent;
    }
    to->out_length = to->sent = 0;
    return 1;
}

/* Answer all requests that have arrived, one after the other; 0 once the connection is gone. */
static int serve(Connection *from) {
    Request request;
    int found;
    while (!from->out_length && (found = parse(&from->in, &request))) {
        size_t used = request.head_length + request.body_length;
        if (found < 0) {
            hang_up(from);
            return 0;
        }
        answer(from, &request);
        from->in.length -= used;
        memmove(from->in.data, from->in.data + used, from->in.length);
        if (!push(from)) return 0;
    }
    return 1;
}

static void pull(Connection *from) {
    for (;;) {
        ssize_t got;
        reserve(&from->in, from->in.length + READ_AHEAD);
        got = recv(from->fd, from->in.data + from->in.length, READ_AHEAD, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            hang_up(from);
            return;
        }
        from->in.length += got;
        if (!serve(from)) return;
    }
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        Connection *made = calloc(1, sizeof *made);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = made};
        made->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
    }
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 512)) die("listen");
    return fd;
}

int main(int count, char **words) {
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN};
    int listener;
    if (count < 3) return fprintf(stderr, "usage: stub PORT EMULATOR_PORT [TEXT...]\n"), 2;
    passed_on = words + 3;
    emulator_port = atoi(words[2]);
    listener = listen_on(atoi(words[1]));
    poller = epoll_create1(0);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening)) die("epoll_ctl");
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int n = 0; n < ready; n++) {
            Connection *one = events[n].data.ptr;
            if (!one) accept_all(listener);
            else if (!(events[n].events & EPOLLOUT) || push(one)) pull(one);
        }
    }
}
