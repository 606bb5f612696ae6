/* SPDX-License-Identifier: BSD-2-Clause */
/* The console driver over a device of our own: the handshake, data both ways, ends, lies. */
#include "test.h"

#include "abi/control.h"
#include "drivers/virtio/console.c"
#include "drivers/virtio/console_port.c"
#include "drivers/virtio/virtio.c"
#include "drivers/virtio/virtqueue.c"
#include "fake_virtio.h"
#include "shim.h"

const struct driver *const drivers[] = { &virtio_console_driver, NULL };

#define CTL_RX 2
#define CTL_TX 3
static struct fake *f;

static void control(uint32_t id, uint16_t event, uint16_t value, const char *name)
{
    uint8_t msg[80];
    struct virtio_console_control c = { id, event, value };
    size_t len = sizeof(c) + (name ? strlen(name) : 0);
    int head = fake_take(f, CTL_RX);

    CHECK(head >= 0);
    memcpy(msg, &c, sizeof(c));
    memcpy(msg + sizeof(c), name ? name : "", len - sizeof(c));
    fake_give(f, CTL_RX, head, fake_copy(f, CTL_RX, head, msg, len, true));
}

/* The next message of the driver. */
static struct virtio_console_control heard(void)
{
    struct virtio_console_control c = { ~0u, 0xffff, 0xffff };
    int head = fake_take(f, CTL_TX);

    if (head >= 0) {
        fake_copy(f, CTL_TX, head, &c, sizeof(c), false);
        fake_give(f, CTL_TX, head, 0);
    }
    return c;
}

static bool hears(uint32_t id, uint16_t event, uint16_t value)
{
    struct virtio_console_control c = heard();

    return c.id == id && c.event == event && c.value == value;
}

static void interrupt(void)
{
    shim_irqs_off = true;
    virtio_interrupt(&f->vd);
    shim_irqs_off = false;
}

static struct port *named(const char *name)
{
    struct con *c = f->vd.driver;

    for (unsigned i = 0; i < c->nr_ports; i++)
        if (c->ports[i] && c->ports[i]->named && !strcmp(c->ports[i]->port.name, name))
            return &c->ports[i]->port;
    return NULL;
}

static void setup(unsigned nr_ports)
{
    uint32_t max = nr_ports;

    f = fake_new(VIRTIO_ID_CONSOLE, VIRTIO_CONSOLE_F_MULTIPORT | VIRTIO_F_EVENT_IDX);
    memcpy(f->config + VIRTIO_CONSOLE_CFG_MAX_PORTS, &max, 4);
    CHECK(virtio_probe(&f->vd) == 0);
    CHECK(fake_notified(f, CTL_TX) && hears(0, VIRTIO_CONSOLE_DEVICE_READY, 1));
}

static struct port *open_port(uint32_t id, const char *name)
{
    control(id, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    interrupt();
    CHECK(hears(id, VIRTIO_CONSOLE_PORT_READY, 1));
    control(id, VIRTIO_CONSOLE_PORT_NAME, 1, name);
    control(id, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
    interrupt();
    CHECK(hears(id, VIRTIO_CONSOLE_PORT_OPEN, 1));
    return named(name);
}

TEST(ports_get_their_names)
{
    setup(5);
    for (unsigned i = 1; i < 5; i++)
        control(i, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    interrupt();
    for (unsigned i = 1; i < 5; i++)
        CHECK(hears(i, VIRTIO_CONSOLE_PORT_READY, 1));
    control(1, VIRTIO_CONSOLE_PORT_NAME, 1, PORT_STDIN);
    control(2, VIRTIO_CONSOLE_PORT_NAME, 1, PORT_STDOUT);
    control(3, VIRTIO_CONSOLE_CONSOLE_PORT, 1, NULL);
    control(3, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
    interrupt();
    CHECK(named(PORT_STDIN) && named(PORT_STDOUT) && named("hvc3") && !named("vport4"));
    for (int i = 0; i < 3; i++)
        heard();
    interrupt(); /* all is taken and nothing comes: the announcement is over */
    CHECK(named("vport4") && !((struct con *)f->vd.driver)->announcing);
    CHECK(port_find(PORT_STDIN) == named(PORT_STDIN));
    CHECK(!port_find("nobody"));
}

TEST(output_waits_for_the_host_and_then_flows)
{
    static char big[200000], got[8192];
    struct port *p;
    size_t sent = 0, received = 0;

    setup(2);
    control(1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    control(1, VIRTIO_CONSOLE_PORT_NAME, 1, PORT_STDOUT);
    interrupt();
    p = named(PORT_STDOUT);
    CHECK(p && p->ops->write(p, "x", 1) == 0 && !p->ops->can_write(p));
    control(1, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
    interrupt();
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = i * 7 + i / 4096;
    while (received < sizeof(big)) {
        if (sent < sizeof(big)) {
            ssize_t n = p->ops->write(p, big + sent, sizeof(big) - sent);

            CHECK(n >= 0 && (n > 0 || !p->ops->can_write(p)));
            sent += n;
        }
        int head = fake_take(f, 5);

        CHECK(head >= 0);
        size_t n = fake_copy(f, 5, head, got, sizeof(got), false);

        CHECK(!memcmp(got, big + received, n));
        received += n;
        fake_give(f, 5, head, 0);
    }
    p->ops->drain(p);
    control(1, VIRTIO_CONSOLE_PORT_OPEN, 0, NULL);
    interrupt();
    CHECK(p->ops->write(p, "x", 1) == -EPIPE && p->ops->can_write(p));
}

static void input(unsigned q, const void *data, size_t len)
{
    int head = fake_take(f, q);

    CHECK(head >= 0);
    fake_give(f, q, head, fake_copy(f, q, head, (void *)data, len, true));
}

TEST(input_ends_after_its_last_byte)
{
    char buf[16];

    setup(2);
    struct port *p = open_port(1, PORT_STDIN);

    CHECK(fake_take(f, 4) == -1); /* no buffers before somebody reads */
    CHECK(!p->ops->can_read(p) && p->ops->read(p, buf, sizeof(buf)) == 0);
    input(4, "hello, ", 7);
    input(4, "", 0);
    input(4, "world", 5);
    CHECK(p->ops->can_read(p));
    CHECK(p->ops->read(p, buf, 3) == 3 && !memcmp(buf, "hel", 3));
    control(1, VIRTIO_CONSOLE_PORT_OPEN, 0, NULL);
    interrupt();
    CHECK(p->eof && p->ops->read(p, buf, sizeof(buf)) == 9 && !memcmp(buf, "lo, world", 9));
    CHECK(p->ops->can_read(p) && p->ops->read(p, buf, sizeof(buf)) == -EPIPE);
    control(1, VIRTIO_CONSOLE_PORT_OPEN, 1, NULL);
    interrupt();
    CHECK(!p->eof && p->ops->read(p, buf, sizeof(buf)) == 0);
    for (int i = 0; i < 100; i++) { /* buffers go round */
        input(4, &i, sizeof(i));
        CHECK(p->ops->read(p, buf, sizeof(buf)) == sizeof(i) && !memcmp(buf, &i, sizeof(i)));
    }
}

TEST(a_single_port_console_is_always_open)
{
    char buf[4];

    f = fake_new(VIRTIO_ID_CONSOLE, 0);
    CHECK(virtio_probe(&f->vd) == 0);
    struct port *p = named("hvc0");

    CHECK(p && p->ops->write(p, "hi", 2) == 2);
    CHECK(fake_copy(f, 1, fake_take(f, 1), buf, 4, false) == 2 && !memcmp(buf, "hi", 2));
}

TEST(nonsense_on_the_control_queue_does_no_harm)
{
    setup(3);
    control(99, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    control(1, VIRTIO_CONSOLE_PORT_NAME, 1, "before it is there");
    control(1, 77, 1, NULL);
    control(1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    control(1, VIRTIO_CONSOLE_PORT_ADD, 1, NULL);
    control(1, VIRTIO_CONSOLE_PORT_NAME, 1, "a name that is longer than any name of a port has ever to be");
    control(1, VIRTIO_CONSOLE_PORT_REMOVE, 1, NULL);
    int head = fake_take(f, CTL_RX);

    fake_give(f, CTL_RX, head, 3); /* too short for a message */
    interrupt();
    CHECK(named("a name that is longer than any ")->eof);
}

TEST(a_liar_ends_its_ports)
{
    char buf[4];

    setup(2);
    struct port *p = open_port(1, PORT_STDIN);

    CHECK(p->ops->read(p, buf, 4) == 0);
    fake_give(f, 4, 1000, 4);
    CHECK(p->ops->read(p, buf, 4) == -EIO && p->ops->write(p, buf, 4) == -EIO);
    CHECK(p->ops->can_read(p) && p->ops->can_write(p) && f->nr_resets == 2);
}

TEST(probing_survives_every_lack_of_memory)
{
    int err;

    for (int n = 0;; n++) {
        uint32_t max = 3;

        f = fake_new(VIRTIO_ID_CONSOLE, VIRTIO_CONSOLE_F_MULTIPORT);
        memcpy(f->config + VIRTIO_CONSOLE_CFG_MAX_PORTS, &max, 4);
        fail_alloc_at(n);
        err = virtio_probe(&f->vd);
        if (!alloc_did_fail())
            break;
        CHECK(err == -ENOMEM);
    }
    fail_alloc_at(-1);
    CHECK(!err);
}
