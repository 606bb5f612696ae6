/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uart8250.c: the serial line at its fixed port: the log's sink, and the port ttyS0.
 *
 * Nothing but a test of presence touches the device until somebody writes or reads: most boots never do.
 */
#include "abi/errno.h"
#include "arch/io.h"
#include "drivers/drivers.h"
#include "kernel/acpi.h"
#include "kernel/irq.h"
#include "kernel/lock.h"
#include "kernel/log.h"
#include "kernel/port.h"
#include "lib/atomic.h"
#include "lib/string.h"

#define COM1     0x3f8
#define COM1_IRQ 4

enum { R_DATA = 0, R_IER = 1, R_FCR = 2, R_LCR = 3, R_MCR = 4, R_LSR = 5 }; /* PC16550D §8 */
#define IER_RX    0x01
#define IER_TX    0x02
#define FCR_RESET 0x07 /* FIFOs on and empty */
#define LCR_8N1   0x03
#define LCR_DLAB  0x80
#define MCR_ON    0x0b /* DTR, RTS, OUT2: interrupts pass */
#define LSR_RX    0x01
#define LSR_THRE  0x20
#define LSR_TEMT  0x40
#define LSR_NONE  0xff
#define FIFO      16
#define RX_BUF    256 /* a power of two */

static struct uart { /* [l] lock */
    struct spinlock lock;
    bool ready;          /* [l] initialised */
    bool listening;      /* [l] interrupts in use */
    uint32_t head, tail; /* [l] of rx */
    uint8_t rx[RX_BUF];
    struct port port;
} uart = { .lock = SPINLOCK_INIT(RANK_CONSOLE) };

static uint8_t rd(unsigned reg)
{
    return inb(COM1 + reg);
}

static void wr(unsigned reg, uint8_t v)
{
    outb(COM1 + reg, v);
}

static void uart_start(struct uart *u)
{
    if (u->ready)
        return;
    u->ready = true;
    wr(R_LCR, LCR_DLAB | LCR_8N1);
    wr(R_DATA, 1); /* 115200 baud */
    wr(R_IER, 0);
    wr(R_LCR, LCR_8N1);
    wr(R_FCR, FCR_RESET);
    wr(R_MCR, MCR_ON);
}

/* Writes what fits without waiting; one look at the status buys a whole FIFO. */
static size_t uart_put(struct uart *u, const char *buf, size_t len)
{
    size_t n = 0;

    uart_start(u);
    while (n < len && (rd(R_LSR) & LSR_THRE))
        for (unsigned room = FIFO; room && n < len; room--)
            wr(R_DATA, buf[n++]);
    return n;
}

/* ---- the log ---- */

static void sink_put(const char *buf, size_t len)
{
    while (len) {
        size_t n = uart_put(&uart, buf, len);

        buf += n;
        len -= n;
    }
}

/* Terminals want \r\n. */
static void sink_write(const char *buf, size_t len)
{
    unsigned long flags = arch_irq_save();
    bool locked = false;

    /* In a panic its holder may never let go: after some tries the message matters more. */
    for (unsigned tries = 0; !locked && tries < 100000; tries++)
        locked = spin_trylock(&uart.lock);
    while (len) {
        const char *end = memchr(buf, '\n', len);
        size_t n = end ? (size_t)(end - buf) : len;

        sink_put(buf, n);
        if (end) {
            sink_put("\r\n", 2);
            n++;
        }
        buf += n;
        len -= n;
    }
    if (locked)
        spin_unlock(&uart.lock);
    arch_irq_restore(flags);
}

static struct log_sink sink = { .write = sink_write };

bool uart8250_present(void)
{
    return rd(R_LSR) != LSR_NONE;
}

void uart8250_console_init(void)
{
    if (uart8250_present())
        log_add_sink(&sink);
}

/* ---- the port ---- */

static void uart_interrupt(void *arg)
{
    struct uart *u = arg;
    bool got = false, room;

    spin_lock(&u->lock);
    while (rd(R_LSR) & LSR_RX) {
        uint8_t c = rd(R_DATA);

        if (u->head - u->tail < RX_BUF) /* full: lost, as on any serial line without flow control */
            u->rx[u->head++ % RX_BUF] = c;
        got = true;
    }
    room = rd(R_LSR) & LSR_THRE;
    if (room)
        wr(R_IER, IER_RX);
    spin_unlock(&u->lock);
    if (got)
        wake_all(&u->port.readable);
    if (room)
        wake_all(&u->port.writable);
}

/* First use: interrupts on. */
static void uart_listen(struct uart *u)
{
    unsigned gsi;
    bool level;
    unsigned long flags;

    if (atomic_xchg(&u->listening, true))
        return;
    acpi_isa_irq(COM1_IRQ, &gsi, &level);
    if (irq_request_line(gsi, level, uart_interrupt, u))
        log_err("ttyS0: no interrupt, no input");
    flags = spin_lock_irqsave(&u->lock);
    uart_start(u);
    wr(R_IER, IER_RX);
    spin_unlock_irqrestore(&u->lock, flags);
}

static ssize_t uart_write(struct port *p, const void *buf, size_t len)
{
    struct uart *u = p->driver;
    unsigned long flags;
    size_t n;

    uart_listen(u);
    flags = spin_lock_irqsave(&u->lock);
    n = uart_put(u, buf, len);
    if (n < len)
        wr(R_IER, IER_RX | IER_TX); /* tells when there is room */
    spin_unlock_irqrestore(&u->lock, flags);
    return n;
}

static ssize_t uart_read(struct port *p, void *buf, size_t len)
{
    struct uart *u = p->driver;
    unsigned long flags;
    size_t n = 0;

    uart_listen(u);
    flags = spin_lock_irqsave(&u->lock);
    while (n < len && u->tail != u->head)
        ((uint8_t *)buf)[n++] = u->rx[u->tail++ % RX_BUF];
    spin_unlock_irqrestore(&u->lock, flags);
    return n;
}

static bool uart_can_write(struct port *p)
{
    return rd(R_LSR) & LSR_THRE;
}

static bool uart_can_read(struct port *p)
{
    struct uart *u = p->driver;

    uart_listen(u);
    return READ_ONCE(u->head) != READ_ONCE(u->tail);
}

static void uart_drain(struct port *p)
{
    for (unsigned tries = 0; tries < 1000000 && !(rd(R_LSR) & LSR_TEMT); tries++)
        arch_pause();
}

static void uart_port_listen(struct port *p)
{
    uart_listen(p->driver);
}

static const struct port_ops uart_ops = {
    .write = uart_write,
    .read = uart_read,
    .can_write = uart_can_write,
    .can_read = uart_can_read,
    .listen = uart_port_listen,
    .drain = uart_drain,
};

void uart8250_port_init(void)
{
    struct port *p = &uart.port;

    if (!uart8250_present())
        return;
    p->ops = &uart_ops;
    p->driver = &uart;
    str_copy(p->name, "ttyS0", sizeof(p->name));
    waitq_init(&p->readable);
    waitq_init(&p->writable);
    port_add(p);
}
