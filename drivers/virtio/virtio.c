/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio.c: bringing a virtio device up (virtio 1.2 §3.1) and its interrupt, whatever the transport. */
#include "drivers/virtio/virtio.h"
#include "abi/errno.h"
#include "kernel/driver.h"
#include "kernel/log.h"

#define RING_FEATURES  (VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC)
#define CONFIG_LOOK_NS (100 * NSEC_PER_MS)

int virtio_begin(struct virtio_device *vd, uint64_t wanted)
{
    uint64_t offered;

    vd->ops->set_status(vd, 0);
    /* §3.1.1 names two steps; a device that has not seen features yet cannot tell them from one. */
    vd->ops->set_status(vd, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER);
    offered = vd->ops->features(vd);
    if (!vd->legacy && !(offered & VIRTIO_F_VERSION_1))
        return -ENODEV;
    vd->features = offered & (wanted | RING_FEATURES | VIRTIO_F_VERSION_1);
    vd->ops->accept(vd, vd->features);
    if (vd->legacy)
        return 0;
    vd->ops->set_status(vd, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_FEATURES_OK);
    if (vd->ops->status(vd) & VIRTIO_S_FEATURES_OK)
        return 0;
    log_err("virtio: device type %u refuses features %llx", vd->id, (unsigned long long)vd->features);
    return -ENODEV;
}

static void look_at_config(struct timer *t)
{
    struct virtio_device *vd = container_of(t, struct virtio_device, config_timer);

    if (!vd->broken)
        vd->config_changed(vd);
}

int virtio_ready(struct virtio_device *vd)
{
    int err;

    timer_init(&vd->config_timer, look_at_config);
    err = vd->ops->enable_irq(vd);
    if (err)
        return err;
    vd->ops->set_status(vd, VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER | VIRTIO_S_DRIVER_OK |
                                (vd->legacy ? 0 : VIRTIO_S_FEATURES_OK));
    return 0;
}

void virtio_fail(struct virtio_device *vd)
{
    vd->broken = true;
    vd->ops->set_status(vd, 0); /* after this it writes to our memory no more */
}

uint64_t virtio_config64(struct virtio_device *vd, unsigned offset)
{
    return vd->ops->config(vd, offset, 4) | (uint64_t)vd->ops->config(vd, offset + 4, 4) << 32;
}

void virtio_interrupt(struct virtio_device *vd)
{
    bool news = false;

    for (struct virtq *vq = vd->queues; vq; vq = vq->next) {
        if (!virtq_pending(vq))
            continue;
        news = true;
        vq->nr_irqs++;
        vq->callback(vq);
    }
    /* No register is read that would tell, as each is an exit: an interrupt without other reason is about the configuration.
     * One that has others may be, too, which is looked at later, once for all that came meanwhile. */
    if (!vd->config_changed)
        return;
    if (!news)
        vd->config_changed(vd);
    else if (!READ_ONCE(vd->config_timer.armed))
        timer_arm(&vd->config_timer, clock_mono_ns() + CONFIG_LOOK_NS);
}

int virtio_probe(struct virtio_device *vd)
{
    const struct driver *drv = driver_find(BUS_VIRTIO, vd->id);
    int err;

    if (!drv)
        return -ENODEV;
    err = drv->probe(vd);
    if (err)
        log_err("%s: device not usable (error %d)", drv->name, -err);
    return err;
}
