/* SPDX-License-Identifier: BSD-2-Clause */
/* ops.c: the operations, one row each. */
#include "linux/io_uring/uring.h"

static int nop(struct ureq *req)
{
    return 0;
}

static int no_command(struct ureq *req)
{
    return -EOPNOTSUPP;
}

/* A LINK_TIMEOUT by itself: what it would limit completed before it could start. */
static int never(struct ureq *req)
{
    return -ECANCELED;
}

#define RW      (UO_FILE | UO_IOPRIO)
#define RECEIVE (UO_FILE | UO_IOPRIO | UO_POLLIN)
#define SEND    (UO_FILE | UO_IOPRIO | UO_POLLOUT)

const struct uring_op uring_ops[IORING_OP_LAST] = {
    [IORING_OP_NOP] = { NULL, nop },
    [IORING_OP_READV] = { uring_rw_prep, uring_read, uring_rw_cleanup, uring_rw_stabilize,
                          .flags = RW | UO_POLLIN | UO_SELECT },
    [IORING_OP_WRITEV] = { uring_rw_prep, uring_write, uring_rw_cleanup, uring_rw_stabilize,
                           .flags = RW | UO_POLLOUT },
    [IORING_OP_FSYNC] = { uring_fsync_prep, uring_fsync, .flags = UO_FILE },
    [IORING_OP_READ_FIXED] = { uring_rw_fixed_prep, uring_read, .flags = RW | UO_POLLIN },
    [IORING_OP_WRITE_FIXED] = { uring_rw_fixed_prep, uring_write, .flags = RW | UO_POLLOUT },
    [IORING_OP_POLL_ADD] = { uring_poll_prep, uring_poll_add, .flags = UO_FILE },
    [IORING_OP_POLL_REMOVE] = { uring_poll_remove_prep, uring_poll_remove },
    [IORING_OP_SYNC_FILE_RANGE] = { uring_sync_range_prep, uring_sync_range, .flags = UO_FILE },
    [IORING_OP_SENDMSG] = { uring_sendmsg_prep, uring_sendmsg, uring_msg_cleanup, uring_msg_stabilize,
                            .flags = SEND },
    [IORING_OP_RECVMSG] = { uring_sendmsg_prep, uring_recvmsg, uring_msg_cleanup, uring_msg_stabilize,
                            .flags = RECEIVE | UO_SELECT },
    [IORING_OP_TIMEOUT] = { uring_timeout_prep, uring_timeout },
    [IORING_OP_TIMEOUT_REMOVE] = { uring_timeout_remove_prep, uring_timeout_remove },
    [IORING_OP_ACCEPT] = { uring_accept_prep, uring_accept, .flags = RECEIVE },
    [IORING_OP_ASYNC_CANCEL] = { uring_async_cancel_prep, uring_async_cancel },
    [IORING_OP_LINK_TIMEOUT] = { uring_link_timeout_prep, never },
    [IORING_OP_CONNECT] = { uring_connect_prep, uring_connect, uring_connect_cleanup, uring_connect_stabilize,
                            .flags = UO_FILE | UO_POLLOUT },
    [IORING_OP_FALLOCATE] = { uring_fallocate_prep, uring_fallocate, .flags = UO_FILE },
    [IORING_OP_OPENAT] = { uring_openat_prep, uring_openat, uring_names_cleanup },
    [IORING_OP_CLOSE] = { uring_close_prep, uring_close },
    [IORING_OP_FILES_UPDATE] = { uring_files_op_prep, uring_files_op },
    [IORING_OP_STATX] = { uring_statx_prep, uring_statx, uring_names_cleanup },
    [IORING_OP_READ] = { uring_rw_prep, uring_read, .flags = RW | UO_POLLIN | UO_SELECT },
    [IORING_OP_WRITE] = { uring_rw_prep, uring_write, .flags = RW | UO_POLLOUT },
    [IORING_OP_FADVISE] = { uring_fadvise_prep, uring_fadvise, .flags = UO_FILE },
    [IORING_OP_MADVISE] = { uring_madvise_prep, uring_madvise },
    [IORING_OP_SEND] = { uring_send_prep, uring_send, .flags = SEND },
    [IORING_OP_RECV] = { uring_receive_prep, uring_receive, .flags = RECEIVE | UO_SELECT },
    [IORING_OP_OPENAT2] = { uring_openat2_prep, uring_openat, uring_names_cleanup },
    [IORING_OP_EPOLL_CTL] = { uring_epoll_prep, uring_epoll },
    [IORING_OP_SPLICE] = { uring_splice_prep, uring_splice, uring_splice_cleanup, .waits = uring_splice_waits,
                           .flags = UO_FILE | UO_POLLOUT },
    [IORING_OP_PROVIDE_BUFFERS] = { uring_provide_prep, uring_provide },
    [IORING_OP_REMOVE_BUFFERS] = { uring_remove_bufs_prep, uring_remove_bufs },
    [IORING_OP_TEE] = { uring_tee_prep, uring_tee, uring_splice_cleanup, .waits = uring_splice_waits,
                        .flags = UO_FILE | UO_POLLOUT },
    [IORING_OP_SHUTDOWN] = { uring_shutdown_prep, uring_shutdown, .flags = UO_FILE },
    [IORING_OP_RENAMEAT] = { uring_rename_prep, uring_rename, uring_names_cleanup },
    [IORING_OP_UNLINKAT] = { uring_unlink_prep, uring_unlink, uring_names_cleanup },
    [IORING_OP_MKDIRAT] = { uring_mkdir_prep, uring_mkdir, uring_names_cleanup },
    [IORING_OP_SYMLINKAT] = { uring_symlink_prep, uring_symlink, uring_names_cleanup },
    [IORING_OP_LINKAT] = { uring_link_prep, uring_link, uring_names_cleanup },
    [IORING_OP_MSG_RING] = { uring_msg_prep, uring_msg, .flags = UO_FILE },
    [IORING_OP_FSETXATTR] = { uring_fsetxattr_prep, uring_fsetxattr, uring_names_cleanup, .flags = UO_FILE },
    [IORING_OP_SETXATTR] = { uring_setxattr_prep, uring_setxattr, uring_names_cleanup },
    [IORING_OP_FGETXATTR] = { uring_fgetxattr_prep, uring_fgetxattr, uring_names_cleanup, .flags = UO_FILE },
    [IORING_OP_GETXATTR] = { uring_getxattr_prep, uring_getxattr, uring_names_cleanup },
    [IORING_OP_SOCKET] = { uring_socket_prep, uring_socket },
    [IORING_OP_URING_CMD] = { NULL, no_command, .flags = UO_FILE | UO_NETWORK },
    [IORING_OP_SEND_ZC] = { NULL, uring_no_socket_op, .flags = SEND | UO_NETWORK },
    [IORING_OP_SENDMSG_ZC] = { NULL, uring_no_socket_op, .flags = SEND | UO_NETWORK },
};
