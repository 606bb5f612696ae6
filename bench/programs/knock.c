/* SPDX-License-Identifier: BSD-2-Clause */
/* knock: when a server first answers.   knock ADDR PORT SECONDS: tries anew every 5 to 10 ms, so that no timer of the kernel's
 * shows in the result, and lets each try live for a while; ends with 0 at the first byte that comes, with 1 after SECONDS. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NR_TRIES 32

static const char words[] =
    "GET / HTTP/1.0\r\n\r\n"; /* other servers answer this with an error, which is an answer */

static struct pollfd tries[NR_TRIES];

/* One more attempt, in the oldest one's place. */
static void knock(struct pollfd *t, const struct sockaddr_in *to)
{
    if (t->fd >= 0)
        close(t->fd);
    *t = (struct pollfd){ socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), POLLOUT, 0 };
    connect(t->fd, (const void *)to, sizeof(*to));
}

static int answered(struct pollfd *t)
{
    char byte;

    if (t->revents & POLLIN && read(t->fd, &byte, 1) == 1)
        return 1;
    if (t->revents & (POLLERR | POLLHUP | POLLIN)) {
        close(t->fd);
        t->fd = -1; /* poll(2) passes over it */
    } else if (t->revents & POLLOUT && write(t->fd, words, sizeof(words) - 1) > 0) {
        t->events = POLLIN;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in to = { .sin_family = AF_INET };

    if (argc != 4 || !inet_aton(argv[1], &to.sin_addr))
        return 2;
    to.sin_port = htons(atoi(argv[2]));
    for (int i = 0; i < NR_TRIES; i++)
        tries[i].fd = -1;
    time_t end = time(NULL) + atoi(argv[3]);

    for (unsigned n = 0; time(NULL) <= end; n++) {
        knock(&tries[n % NR_TRIES], &to);
        poll(tries, NR_TRIES, 5);
        for (int i = 0; i < NR_TRIES; i++)
            if (tries[i].fd >= 0 && tries[i].revents && answered(&tries[i]))
                return 0;
        usleep(5000);
    }
    return 1;
}
