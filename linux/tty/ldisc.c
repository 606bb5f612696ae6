/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ldisc.c: the line discipline (N_TTY): editing, echo, signals and output processing, as termios(3) describes.
 */
#include "kernel/clock.h"
#include "lib/string.h"
#include "linux/process.h"
#include "linux/tty/tty.h"
#include <linux/fcntl.h>

#define I(t, flag) ((t)->termios.c_iflag & (flag))
#define O(t, flag) ((t)->termios.c_oflag & (flag))
#define L(t, flag) ((t)->termios.c_lflag & (flag))
#define CC(t, n)   ((t)->termios.c_cc[n])

static unsigned slot(uint32_t pos)
{
    return pos & (TTY_BUF - 1);
}
static bool marked(const struct tty *t, uint32_t pos)
{
    return t->marks[slot(pos) / 64] >> (slot(pos) % 64) & 1;
}
static void set_mark(struct tty *t, uint32_t pos, bool on)
{
    uint64_t bit = 1ull << (slot(pos) % 64);

    if (on)
        t->marks[slot(pos) / 64] |= bit;
    else
        t->marks[slot(pos) / 64] &= ~bit;
}

void tty_setup(struct tty *t, const struct tty_ops *ops, void *device, dev_t rdev)
{
    static const cc_t cc[NCCS] = {
        [VINTR] = 3,     [VQUIT] = 28,   [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
        [VMIN] = 1,      [VSTART] = 17,  [VSTOP] = 19,   [VSUSP] = 26, [VREPRINT] = 18,
        [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
    };

    memset(t, 0, sizeof(*t));
    ref_init(&t->refs);
    mutex_init(&t->lock, RANK_FILE);
    mutex_init(&t->write_lock, RANK_FILE);
    t->ops = ops;
    t->device = device;
    t->rdev = rdev;
    t->termios.c_iflag = ICRNL | IXON;
    t->termios.c_oflag = OPOST | ONLCR;
    t->termios.c_cflag = B38400 | CS8 | CREAD | HUPCL;
    t->termios.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    t->termios.c_ispeed = t->termios.c_ospeed = 38400;
    memcpy(t->termios.c_cc, cc, sizeof(cc));
    waitq_init(&t->read_wait);
    waitq_init(&t->room_wait);
    waitq_init(&t->own_write_wait);
    t->write_wait = &t->own_write_wait;
}

/* ---- output ---- */

/* One byte of the program's output as the terminal gets it: returns the length, at most 8. */
static unsigned process_output(struct tty *t, char c, char *out)
{
    if (!O(t, OPOST)) {
        out[0] = c;
        return 1;
    }
    switch (c) {
    case '\n':
        if (O(t, ONLRET))
            t->column = 0;
        if (O(t, ONLCR)) {
            t->column = 0;
            memcpy(out, "\r\n", 2);
            return 2;
        }
        break;
    case '\r':
        if (O(t, ONOCR) && !t->column)
            return 0;
        t->column = 0;
        if (O(t, OCRNL))
            c = '\n';
        break;
    case '\t': {
        unsigned spaces = 8 - (t->column & 7);

        t->column += spaces;
        if (O(t, TABDLY) == XTABS) {
            memset(out, ' ', spaces);
            return spaces;
        }
        break;
    }
    case '\b':
        if (t->column)
            t->column--;
        break;
    default:
        if (O(t, OLCUC) && c >= 'a' && c <= 'z')
            c -= 32;
        if ((unsigned char)c >= ' ' && c != 127 && (c & 0xc0) != 0x80)
            t->column++;
    }
    out[0] = c;
    return 1;
}

/* All of it, waiting for room. Echo may not be lost, and may not wait for a signal. */
static void device_write(struct tty *t, const char *buf, size_t len)
{
    while (len) {
        ssize_t n = t->ops->write(t, buf, len);

        if (n < 0)
            return;
        if (!n && t->ops->lossy_echo)
            return;
        if (!n)
            wait_event(t->write_wait, t->ops->can_write(t));
        buf += n;
        len -= n;
    }
}

static void echo_raw(struct tty *t, char c)
{
    char out[8];

    device_write(t, out, process_output(t, c, out));
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 127;
}

static void echo(struct tty *t, char c)
{
    if (L(t, ECHOCTL) && is_control(c) && c != '\t' && c != '\n') {
        echo_raw(t, '^');
        echo_raw(t, c ^ 0x40);
        return;
    }
    echo_raw(t, c);
}

ssize_t ldisc_write(struct tty *t, struct file *f, struct iov *v)
{
    bool nonblock = (f->flags & O_NONBLOCK) || v->nonblock;
    char in[64], out[8 * sizeof(in)];
    ssize_t done = 0;
    int err = 0;

    if (L(t, TOSTOP))
        err = tty_check_foreground(t, SIGTTOU);
    if (err)
        return err;
    mutex_lock(&t->write_lock);
    while (v->count && !err) {
        size_t n = iov_get(v, in, MIN(v->count, sizeof(in))), len = 0, at = 0;

        if (!n) {
            err = -EFAULT;
            break;
        }
        for (size_t i = 0; i < n; i++)
            len += process_output(t, in[i], out + len);
        while (at < len) {
            ssize_t w = t->hung_up ? -EIO : t->stopped ? 0 : t->ops->write(t, out + at, len - at);

            if (w < 0) {
                err = w;
                break;
            }
            at += w;
            if (w)
                continue;
            if (nonblock && !at) {
                err = -EAGAIN;
                break;
            }
            err =
                wait_event_interruptible(t->write_wait, t->hung_up || (!t->stopped && t->ops->can_write(t)));
            if (err)
                break;
        }
        if (at == len)
            done += n;
    }
    mutex_unlock(&t->write_lock);
    return done ? done : err;
}

void tty_set_stopped(struct tty *t, bool stop)
{
    if (t->stopped == stop)
        return;
    t->stopped = stop;
    if (t->ops->event)
        t->ops->event(t, stop ? TIOCPKT_STOP : TIOCPKT_START);
    if (!stop)
        wake_all(t->write_wait);
}

/* ---- input ---- */

void ldisc_flush_input_locked(struct tty *t)
{
    t->head = t->canon = t->tail = 0;
    t->literal_next = false;
    memset(t->marks, 0, sizeof(t->marks));
}

void ldisc_mode_changed_locked(struct tty *t, const struct ktermios *old)
{
    if ((old->c_lflag ^ t->termios.c_lflag) & ICANON) {
        if (L(t, ICANON)) { /* what is there becomes one readable line */
            memset(t->marks, 0, sizeof(t->marks));
            if (t->head != t->tail)
                set_mark(t, t->head - 1, true);
            t->canon = t->head;
        }
        t->literal_next = false;
    }
    if (!I(t, IXON))
        tty_set_stopped(t, false);
    wake_all(&t->read_wait);
}

static void put(struct tty *t, char c, bool mark)
{
    set_mark(t, t->head, mark);
    t->buf[slot(t->head)] = c;
    t->head++;
}

static bool full(const struct tty *t)
{
    return t->head - t->tail >= TTY_BUF - 1;
}

bool ldisc_has_room(const struct tty *t)
{
    return !full(t) || L(t, ICANON);
}

/* Columns that the current line takes before pos, for erasing a tab. */
static unsigned width_before(struct tty *t, uint32_t pos)
{
    unsigned col = t->erase_column;

    for (uint32_t i = t->canon; i != pos; i++) {
        char c = t->buf[slot(i)];

        if (c == '\t')
            col = (col | 7) + 1;
        else if (is_control(c))
            col += L(t, ECHOCTL) ? 2 : 0;
        else if (!I(t, IUTF8) || (c & 0xc0) != 0x80)
            col++;
    }
    return col;
}

static void rub_out(struct tty *t, unsigned columns)
{
    while (columns--) {
        echo_raw(t, '\b');
        echo_raw(t, ' ');
        echo_raw(t, '\b');
    }
}

/* Removes the last character of the line being typed; UTF-8 sequences go as one. */
static void erase_one(struct tty *t)
{
    unsigned before = t->column;
    char c;

    do {
        t->head--;
        c = t->buf[slot(t->head)];
    } while (I(t, IUTF8) && (c & 0xc0) == 0x80 && t->head != t->canon);
    if (!L(t, ECHO))
        return;
    if (!L(t, ECHOE)) {
        echo(t, CC(t, VERASE));
    } else if (c == '\t') {
        unsigned want = width_before(t, t->head);

        while (before-- > want)
            echo_raw(t, '\b');
    } else {
        rub_out(t, is_control(c) ? (L(t, ECHOCTL) ? 2 : 0) : 1);
    }
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (c & 0x80);
}

static void erase_word(struct tty *t)
{
    bool seen = false;

    while (t->head != t->canon) {
        bool word = is_word(t->buf[slot(t->head - 1)]);

        if (seen && !word)
            break;
        seen |= word;
        erase_one(t);
    }
}

static void erase_line(struct tty *t)
{
    if (L(t, ECHO) && !(L(t, ECHOK) && L(t, ECHOKE) && L(t, ECHOE))) {
        t->head = t->canon;
        echo(t, CC(t, VKILL));
        if (L(t, ECHOK))
            echo_raw(t, '\n');
        return;
    }
    while (t->head != t->canon)
        erase_one(t);
}

static void reprint(struct tty *t)
{
    echo(t, CC(t, VREPRINT));
    echo_raw(t, '\n');
    for (uint32_t i = t->canon; i != t->head; i++)
        echo(t, t->buf[slot(i)]);
}

static bool is_cc(struct tty *t, int which, char c)
{
    return CC(t, which) && (cc_t)c == CC(t, which);
}

static bool take_signal(struct tty *t, char c)
{
    int sig = is_cc(t, VINTR, c) ? SIGINT : is_cc(t, VQUIT, c) ? SIGQUIT : is_cc(t, VSUSP, c) ? SIGTSTP : 0;

    if (!sig)
        return false;
    if (!L(t, NOFLSH)) {
        ldisc_flush_input_locked(t);
        if (t->ops->flush_output)
            t->ops->flush_output(t);
    }
    tty_set_stopped(t, false);
    if (L(t, ECHO))
        echo(t, c);
    tty_signal(t, sig);
    return true;
}

static bool take_flow_control(struct tty *t, char c)
{
    bool stop = is_cc(t, VSTOP, c);

    if (!stop && !is_cc(t, VSTART, c))
        return false;
    tty_set_stopped(t, stop);
    return true;
}

/* Line editing; false: an ordinary character. */
static bool take_editing(struct tty *t, char c)
{
    bool at_start = t->head == t->canon;

    if (is_cc(t, VERASE, c)) {
        if (!at_start)
            erase_one(t);
    } else if (L(t, IEXTEN) && is_cc(t, VWERASE, c)) {
        if (!at_start)
            erase_word(t);
    } else if (is_cc(t, VKILL, c)) {
        if (!at_start)
            erase_line(t);
    } else if (L(t, IEXTEN) && is_cc(t, VLNEXT, c)) {
        t->literal_next = true;
        if (L(t, ECHO) && L(t, ECHOCTL)) {
            echo_raw(t, '^');
            echo_raw(t, '\b');
        }
    } else if (L(t, IEXTEN) && L(t, ECHO) && is_cc(t, VREPRINT, c)) {
        reprint(t);
    } else {
        return false;
    }
    return true;
}

static void end_line(struct tty *t)
{
    t->canon = t->head;
    wake_all(&t->read_wait);
}

static void receive_canonical(struct tty *t, char c)
{
    if (take_editing(t, c))
        return;
    if (c == '\n') {
        if (L(t, ECHO) || L(t, ECHONL))
            echo_raw(t, '\n');
        put(t, c, true);
        end_line(t);
        return;
    }
    if (is_cc(t, VEOF, c)) {
        put(t, '\0', true); /* a marked NUL is end of file: ends the read and is not returned */
        end_line(t);
        return;
    }
    if (full(t)) { /* the line is too long: what is typed is lost but for its end */
        if (I(t, IMAXBEL))
            echo_raw(t, '\a');
        return;
    }
    if (L(t, ECHO)) {
        if (t->head == t->canon)
            t->erase_column = t->column;
        echo(t, c);
    }
    if (is_cc(t, VEOL, c) || (L(t, IEXTEN) && is_cc(t, VEOL2, c))) {
        put(t, c, true);
        end_line(t);
        return;
    }
    put(t, c, false);
}

static void receive_char(struct tty *t, char c)
{
    if (I(t, ISTRIP))
        c &= 0x7f;
    if (t->literal_next) {
        t->literal_next = false;
        if (L(t, ECHO))
            echo(t, c);
        if (!full(t))
            put(t, c, false);
        return;
    }
    if (I(t, IXON) && take_flow_control(t, c))
        return;
    if (L(t, ISIG) && take_signal(t, c))
        return;
    if (c == '\r') {
        if (I(t, IGNCR))
            return;
        if (I(t, ICRNL))
            c = '\n';
    } else if (c == '\n' && I(t, INLCR)) {
        c = '\r';
    }
    if (I(t, IUCLC) && c >= 'A' && c <= 'Z')
        c += 32;
    if (L(t, ICANON)) {
        receive_canonical(t, c);
        return;
    }
    if (full(t))
        return;
    if (L(t, ECHO))
        echo(t, c);
    put(t, c, false);
    t->canon = t->head;
}

size_t ldisc_receive(struct tty *t, const char *buf, size_t len)
{
    size_t n = 0;

    mutex_lock(&t->lock);
    while (n < len && ldisc_has_room(t))
        receive_char(t, buf[n++]);
    if (!L(t, ICANON) && t->head != t->tail)
        wake_all(&t->read_wait);
    mutex_unlock(&t->lock);
    return n;
}

/* ---- reading ---- */

size_t ldisc_readable_locked(struct tty *t)
{
    return (L(t, ICANON) ? t->canon : t->head) - t->tail;
}

/* One line, or as much of it as fits; true when its end was reached. */
static bool copy_line_locked(struct tty *t, struct iov *v, ssize_t *done)
{
    while (t->tail != t->canon && v->count) {
        bool end = marked(t, t->tail);
        char c = t->buf[slot(t->tail)];

        set_mark(t, t->tail, false);
        t->tail++;
        if (end && c == '\0')
            return true;
        if (iov_put(v, &c, 1) != 1) {
            *done = *done ? *done : -EFAULT;
            return true;
        }
        ++*done;
        if (end)
            return true;
    }
    /* the buffer ended just before an end-of-file mark: it belongs to this read */
    if (!v->count && t->tail != t->canon && marked(t, t->tail) && !t->buf[slot(t->tail)]) {
        set_mark(t, t->tail, false);
        t->tail++;
    }
    return !v->count;
}

static void copy_raw_locked(struct tty *t, struct iov *v, ssize_t *done)
{
    while (t->tail != t->head && v->count) {
        size_t n = MIN(MIN(t->head - t->tail, TTY_BUF - slot(t->tail)), v->count);
        size_t got = iov_put(v, t->buf + slot(t->tail), n);

        t->tail += got;
        *done += got;
        if (got < n) {
            *done = *done ? *done : -EFAULT;
            break;
        }
    }
    t->canon = t->head;
}

/* Waits for input with the lock dropped; deadline as for VTIME. */
static int wait_input(struct tty *t, uint64_t deadline)
{
    int err;

    mutex_unlock(&t->lock);
    err = wait_event_until(&t->read_wait, t->hung_up || ldisc_readable_locked(t), deadline);
    mutex_lock(&t->lock);
    return err;
}

static ssize_t read_canonical_locked(struct tty *t, struct iov *v, bool nonblock)
{
    ssize_t done = 0;

    while (!ldisc_readable_locked(t)) {
        int err;

        if (t->hung_up)
            return 0;
        err = nonblock ? -EAGAIN : wait_input(t, TIME_NEVER);
        if (err)
            return err;
        if (!L(t, ICANON))
            break;
    }
    copy_line_locked(t, v, &done);
    return done;
}

/* The four combinations of VMIN and VTIME, termios(3). */
static ssize_t read_raw_locked(struct tty *t, struct iov *v, bool nonblock)
{
    size_t min = MIN((size_t)CC(t, VMIN), v->count);
    uint64_t gap = CC(t, VTIME) * (NSEC_PER_SEC / 10), deadline = TIME_NEVER;
    ssize_t done = 0;

    if (!min)
        deadline = clock_mono_ns() + gap;
    for (;;) {
        size_t before = done;
        int err;

        copy_raw_locked(t, v, &done);
        if (done < 0 || !v->count || (size_t)done >= MAX(min, (size_t)1) || t->hung_up)
            break;
        if (min && gap && (size_t)done > before)
            deadline = clock_mono_ns() + gap;
        if (!min && !gap && !done)
            return nonblock ? -EAGAIN : 0;
        err = nonblock ? -EAGAIN : wait_input(t, deadline);
        if (err == -ETIMEDOUT)
            break;
        if (err)
            return done ? done : err;
    }
    return done;
}

ssize_t ldisc_read(struct tty *t, struct file *f, struct iov *v)
{
    bool nonblock = (f->flags & O_NONBLOCK) || v->nonblock;
    ssize_t n = tty_check_foreground(t, SIGTTIN);

    if (n || !v->count || t->hung_up)
        return n;
    mutex_lock(&t->lock);
    n = L(t, ICANON) ? read_canonical_locked(t, v, nonblock) : read_raw_locked(t, v, nonblock);
    mutex_unlock(&t->lock);
    wake_all(&t->room_wait);
    return n;
}
