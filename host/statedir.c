/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/statedir.h"
#include "host/msg.h"
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define STATE_BYTES 512
#define MAX_CONFIG  (4 << 20)
#define MAX_NAME    63

static int make_dirs(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = 0;
        int err = mkdir(path, 0700);

        *p = '/';
        if (err < 0 && errno != EEXIST && errno != EROFS && errno != EACCES)
            return -1;
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

const char *state_dir(void)
{
    static char *dir;
    const char *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (dir)
        return dir;
    if (xdg && *xdg == '/')
        dir = xasprintf("%s/proa", xdg);
    else if (geteuid() == 0)
        dir = xstrdup("/var/lib/proa");
    else if (home && *home == '/')
        dir = xasprintf("%s/.local/state/proa", home);
    else
        dir = xasprintf("/tmp/proa-state-%u", geteuid());
    _cleanup_free_ char *vms = xasprintf("%s/vms", dir);

    if (make_dirs(vms) || access(vms, W_OK) < 0) {
        msg_error("the folder %s cannot be made or used: %s (XDG_STATE_HOME names another place)", vms,
                  strerror(errno));
        *dir = 0;
    }
    return dir;
}

/* ---- locks: of the open file, so that a supervisor inherits its parent's, and testable without taking them ---- */

static int lock_op(int fd, int op, struct flock *fl)
{
    *fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
    while (fcntl(fd, op, fl) < 0)
        if (errno != EINTR)
            return -1;
    return 0;
}

static int open_lock(const char *dir)
{
    _cleanup_free_ char *path = xasprintf("%s/lock", dir);

    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static bool is_locked(const char *dir)
{
    _cleanup_free_ char *path = xasprintf("%s/lock", dir);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock fl;

    return fd >= 0 && lock_op(fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

int vm_lock(const struct vm *vm)
{
    int fd = open_lock(vm->dir);
    struct stat ours, there;
    struct flock fl;
    _cleanup_free_ char *path = xasprintf("%s/lock", vm->dir);

    if (fd >= 0 && lock_op(fd, F_OFD_SETLK, &fl) == 0 && fstat(fd, &ours) == 0 && stat(path, &there) == 0 &&
        ours.st_ino == there.st_ino)
        return fd;
    if (fd >= 0)
        close(fd);
    return access(vm->dir, F_OK) < 0 ? msg_error("%s: there is no such VM any more", vm->service.name)
                                     : msg_error("%s: it runs", vm->service.name);
}

/* ---- files ---- */

static int write_file(const char *dir, const char *name, const char *text, size_t len)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, text, len) == (ssize_t)len;

    if (!good && !errno)
        errno = ENOSPC;
    return (fd < 0 || close(fd) == 0) && good ? 0 : msg_error("%s: %s", path, strerror(errno));
}

static char *read_file(const char *dir, const char *name, size_t *len)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", dir, name);
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size > MAX_CONFIG)
        return NULL;
    char *text = xmalloc(st.st_size + 1);
    ssize_t n = read(fd, text, st.st_size);

    *len = n < 0 ? 0 : n;
    text[*len] = 0;
    return text;
}

static const char *const statuses[] = { "created", "running", "restarting", "exited" };

int vm_write_state(const char *dir, const struct vm_state *s)
{
    _cleanup_free_ char *path = xasprintf("%s/state", dir);
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char text[STATE_BYTES];

    memset(text, ' ', sizeof(text));
    int n = snprintf(text, sizeof(text),
                     "{\"status\":\"%s\",\"pid\":%d,\"pidStart\":%llu,\"started\":%lld,\"finished\":%lld,"
                     "\"exit\":%d,\"restarts\":%u}",
                     statuses[s->status], s->pid, (unsigned long long)s->pid_start, (long long)s->started,
                     (long long)s->finished, s->exit, s->restarts);
    text[n] = ' ';
    text[sizeof(text) - 1] = '\n';
    if (fd >= 0 && pwrite(fd, text, sizeof(text), 0) == (ssize_t)sizeof(text))
        return 0;
    return msg_error("%s: %s", path, strerror(errno));
}

static int64_t number(const json_object *o, const char *key)
{
    json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_int64(v) : 0;
}

int vm_read_state(const char *dir, struct vm_state *s)
{
    size_t len;
    _cleanup_free_ char *text = read_file(dir, "state", &len);
    json_object *o = text ? json_tokener_parse(text) : NULL, *v;

    *s = (struct vm_state){ 0 };
    if (!json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        return -1;
    }
    for (size_t i = 0; json_object_object_get_ex(o, "status", &v) && i < sizeof(statuses) / sizeof(*statuses);
         i++)
        if (!strcmp(json_object_get_string(v), statuses[i]))
            s->status = i;
    s->pid = number(o, "pid");
    s->pid_start = number(o, "pidStart");
    s->started = number(o, "started");
    s->finished = number(o, "finished");
    s->exit = number(o, "exit");
    s->restarts = number(o, "restarts");
    json_object_put(o);
    return 0;
}

/* ---- all of them ---- */

void vm_refresh(struct vm *vm)
{
    /* Alive first: one that ends in between has its end in the state that is read then. */
    vm->alive = is_locked(vm->dir);
    vm_read_state(vm->dir, &vm->state);
}

static bool load(const char *id, struct vm *vm)
{
    size_t len;

    *vm = (struct vm){ .dir = xasprintf("%s/vms/%s", state_dir(), id) };
    _cleanup_free_ char *text = read_file(vm->dir, "config", &len);

    if (!text && errno == ENOENT) { /* it has just gone */
        vm_free(vm);
        return false;
    }
    if (!text || service_parse(&vm->service, text, len, vm->dir)) {
        service_free(&vm->service);
        vm->damaged = true;
        snprintf(vm->service.id, sizeof(vm->service.id), "%s", id);
        vm->service.name = xstrdup(id);
        vm->service.program = xstrdup("?");
    }
    vm_refresh(vm);
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct vm *x = a, *y = b;

    if (x->service.created != y->service.created)
        return x->service.created < y->service.created ? -1 : 1;
    return strcmp(x->service.id, y->service.id);
}

size_t vm_list(struct vm **all)
{
    _cleanup_free_ char *path = xasprintf("%s/vms", state_dir());
    _cleanup_closedir_ DIR *dir = *state_dir() ? opendir(path) : NULL;
    struct dirent *de;
    size_t n = 0;

    *all = NULL;
    while (dir && (de = readdir(dir))) {
        if (strlen(de->d_name) != SERVICE_ID_LEN || de->d_name[0] == '.')
            continue;
        *all = xrealloc(*all, (n + 1) * sizeof(**all));
        n += load(de->d_name, *all + n);
    }
    if (n)
        qsort(*all, n, sizeof(**all), by_age);
    return n;
}

int vm_find(const char *name, struct vm *vm)
{
    struct vm *all;
    size_t n = vm_list(&all), hits = 0, hit = n, len = strlen(name);

    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].service.name, name))
            hit = i, hits = 1;
    for (size_t i = 0; hit == n && len && i < n; i++)
        hits += !strncmp(all[i].service.id, name, len);
    for (size_t i = 0; hit == n && hits == 1 && i < n; i++)
        if (!strncmp(all[i].service.id, name, len))
            hit = i;
    for (size_t i = 0; i < n; i++)
        if (i != hit)
            vm_free(&all[i]);
    if (hit < n)
        *vm = all[hit];
    free(all);
    if (hit < n)
        return 0;
    if (!*state_dir())
        return -1;
    return hits ? msg_error("%s: several VMs' ids begin so", name) : msg_error("%s: no such VM", name);
}

void vm_free(struct vm *vm)
{
    free(vm->dir);
    service_free(&vm->service);
    *vm = (struct vm){ 0 };
}

/* ---- making and removing ---- */

static int check_name(const char *name)
{
    size_t len = strlen(name);
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    if (len && len <= MAX_NAME && !name[strspn(name, chars)] && !strchr("_.-", name[0]))
        return 0;
    return msg_error("--name %s: expected at most %d letters, digits, and _ . - after the first", name,
                     MAX_NAME);
}

static void choose_id(char id[SERVICE_ID_LEN + 1])
{
    uint64_t random = (uint64_t)time(NULL) << 16 ^ getpid();

    if (getrandom(&random, sizeof(random), 0) < 0)
        msg_verbose("no random numbers: %s", strerror(errno));
    snprintf(id, SERVICE_ID_LEN + 1, "%012llx", (unsigned long long)random & 0xffffffffffff);
}

/* The program's name and four digits of the id. */
static char *default_name(const struct service *v)
{
    const char *slash = strrchr(v->program, '/'), *base = slash ? slash + 1 : v->program;
    char *name = xasprintf("%.40s-%.4s", base, v->id);

    for (char *p = name; *p; p++)
        if (!strchr("_.-", *p) && (*p < '0' || (*p > '9' && *p < 'A') || (*p > 'Z' && *p < 'a') || *p > 'z'))
            *p = '-';
    if (strchr("_.-", *name))
        *name = 'x';
    return name;
}

static bool name_taken(const char *name)
{
    struct vm *all;
    size_t n = vm_list(&all);
    bool taken = false;

    for (size_t i = 0; i < n; i++) {
        if (!strcmp(all[i].service.name, name)) {
            msg_error("the name %s is taken by %s (%s); `proa rm %s%s` frees it", name, all[i].service.id,
                      all[i].alive ? "running" : "not running", all[i].alive ? "-f " : "", name);
            taken = true;
        }
        vm_free(&all[i]);
    }
    free(all);
    return taken;
}

/* Half-made folders are of those who died making them: we hold the lock that they would hold. */
static void sweep(void)
{
    _cleanup_free_ char *path = xasprintf("%s/vms", state_dir());
    _cleanup_closedir_ DIR *dir = opendir(path);
    struct dirent *de;

    while (dir && (de = readdir(dir))) {
        if (de->d_name[0] != '.' || !strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
            continue;
        _cleanup_free_ char *left = xasprintf("%s/%s", path, de->d_name);

        vm_remove(left);
    }
}

/* A cached image may be forgotten by the cache; a link keeps it. Across file systems it is copied. */
static int keep_image(struct service *v, const char *dir, const char *final)
{
    _cleanup_free_ char *path = xasprintf("%s/image", dir);
    struct stat st;

    if (link(v->spec.image, path) < 0) {
        _cleanup_close_ int from = open(v->spec.image, O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        off_t at = 0;

        if (from < 0 || to < 0 || fstat(from, &st) < 0)
            return msg_error("%s: %s", path, strerror(errno));
        while (at < st.st_size)
            if (sendfile(to, from, &at, st.st_size - at) <= 0)
                return msg_error("%s: %s", path, strerror(errno ? errno : EIO));
    }
    strv_addf(&v->strings, "%s/image", final);
    v->spec.image = v->strings.v[v->strings.n - 1];
    return 0;
}

static int fill(struct service *v, const char *dir, const char *final, bool cached, int *lock)
{
    struct vm_state state = { .status = VM_CREATED };
    struct flock fl;

    if (mkdir(dir, 0700) < 0)
        return msg_error("%s: %s", dir, strerror(errno));
    *lock = open_lock(dir);
    if (*lock < 0 || lock_op(*lock, F_OFD_SETLK, &fl))
        return msg_error("%s: its lock: %s", dir, strerror(errno));
    if (cached && keep_image(v, dir, final))
        return -1;
    _cleanup_free_ char *text = service_text(v);

    if (vm_write_state(dir, &state) || write_file(dir, "log", "", 0) ||
        write_file(dir, "config", text, strlen(text)))
        return -1;
    return rename(dir, final) < 0 ? msg_error("%s: %s", final, strerror(errno)) : 0;
}

int vm_create(struct service *v, bool cached, char **dir, int *lock)
{
    _cleanup_close_ int all = *state_dir() ? open_lock(state_dir()) : -1;
    struct flock fl;

    *lock = -1;
    *dir = NULL;
    if (v->name && check_name(v->name))
        return -1;
    if (!*state_dir())
        return -1;
    if (all < 0 || lock_op(all, F_OFD_SETLKW, &fl))
        return msg_error("%s/lock: %s", state_dir(), strerror(errno));
    sweep();
    choose_id(v->id);
    if (!v->name)
        v->name = default_name(v);
    v->spec.name = v->name;
    if (name_taken(v->name))
        return -1;
    _cleanup_free_ char *tmp = xasprintf("%s/vms/.%s", state_dir(), v->id);

    *dir = xasprintf("%s/vms/%s", state_dir(), v->id);
    if (!fill(v, tmp, *dir, cached, lock))
        return 0;
    vm_remove(tmp);
    free(*dir);
    if (*lock >= 0)
        close(*lock);
    *lock = -1;
    *dir = NULL;
    return -1;
}

/* Out of sight first, so that nobody finds half of it. */
int vm_remove(const char *dir)
{
    static const char *const files[] = { "config", "state", "log", "log.1", "image", "lock" };
    const char *slash = strrchr(dir, '/');
    _cleanup_free_ char *gone = xasprintf("%.*s/.gone-%s", (int)(slash - dir), dir, slash + 1);

    if (slash[1] != '.' && rename(dir, gone) < 0)
        return msg_error("%s: %s", dir, strerror(errno));
    const char *now = slash[1] == '.' ? dir : gone;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", now, files[i]);

        if (unlink(path) < 0 && errno != ENOENT)
            return msg_error("%s: %s", path, strerror(errno));
    }
    return rmdir(now) < 0 ? msg_error("%s: %s", now, strerror(errno)) : 0;
}

/* ---- processes ---- */

uint64_t process_start(pid_t pid)
{
    char path[40], text[1024];
    unsigned long long start = 0;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    _cleanup_fclose_ FILE *f = fopen(path, "re");

    if (!f || !fgets(text, sizeof(text), f))
        return 0;
    char *p = strrchr(text, ')'); /* the name may hold anything; field 22 is the 20th after it */

    for (int i = 0; p && i < 20; i++)
        p = strchr(p + 1, ' ');
    return p && sscanf(p, " %llu", &start) == 1 ? start : 0;
}

int vm_pidfd(const struct vm *vm)
{
    int fd = vm->alive && vm->state.pid > 0 ? (int)syscall(SYS_pidfd_open, vm->state.pid, 0) : -1;

    /* With the descriptor in hand the number cannot change its meaning any more. */
    if (fd >= 0 && process_start(vm->state.pid) != vm->state.pid_start) {
        close(fd);
        return -1;
    }
    return fd;
}
