/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * rng.c: virtio entropy device (virtio 1.2 §5.4). One buffer is asked for at boot and mixed in when it comes; nobody
 * waits for it. What the device says is not trusted to be secret: it only adds to what the generator has.
 */
#include "abi/errno.h"
#include "drivers/drivers.h"
#include "drivers/virtio/virtio.h"
#include "kernel/page.h"
#include "kernel/random.h"
#include "kernel/slab.h"

#define SEED_BYTES 32 /* as much as the generator's key */

static void rng_done(struct virtq *vq)
{
    uint8_t *seed;
    uint32_t len;

    while ((seed = virtq_get(vq, &len))) {
        random_add(seed, len, len * 8);
        kfree(seed);
    }
}

static int rng_probe(void *dev)
{
    struct virtio_device *vd = dev;
    int err = virtio_begin(vd, 0);
    uint8_t *seed;
    struct virtq *vq;

    if (err)
        return err;
    seed = kmalloc(SEED_BYTES);
    vq = seed ? virtq_new(vd, 0, 1, rng_done) : NULL;
    err = vq ? virtio_ready(vd) : -ENOMEM;
    if (!err)
        err = virtq_open(vq, 1);
    if (err) {
        virtio_fail(vd);
        kfree(seed);
        return err;
    }
    virtq_push(vq, virt_phys(seed), SEED_BYTES, true);
    virtq_close(vq, seed);
    virtq_kick(vq);
    return 0;
}

const struct driver virtio_rng_driver = { "virtio-rng", BUS_VIRTIO, VIRTIO_ID_RNG, rng_probe };
