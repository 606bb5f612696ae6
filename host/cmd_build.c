/* SPDX-License-Identifier: BSD-2-Clause */
#include "abi/control.h"
#include "host/commands.h"
#include "host/msg.h"
#include "host/options.h"
#include "host/process.h"
#include "host/request.h"
#include "host/size.h"
#include <sys/stat.h>

struct build_options {
    struct request request;
    struct process_options process;
    const char *output;
    bool quiet, verbose, help;
};

#define O(field) offsetof(struct build_options, field)
static const struct option_row rows[] = {
    { 'o', "output", "IMAGE", OPTION_STRING, O(output), "the image file to write" },
    { 0, "root", "DIR", OPTION_STRING, O(request.root), "start from this folder as the guest's root" },
    { 0, "add", "PATH[:GUEST]", OPTION_LIST, O(request.adds),
      "add a file (with the libraries it loads) or a folder" },
    { 'v', "volume", "HOST:GUEST[:ro]", OPTION_LIST, O(request.volumes),
      "copy a file or folder into the image" },
    { 0, "package", "NAME", OPTION_LIST, O(request.packages),
      "add an installed Debian package and what it needs" },
    { 0, "no-packages", NULL, OPTION_FLAG, O(request.no_packages), "add nothing but what the loader loads" },
    { 0, "compress", NULL, OPTION_FLAG, O(request.compress),
      "compress the image (LZ4): smaller, slower to read" },
    { 'e', "env", "NAME[=VALUE]", OPTION_LIST, O(process.env), "set an environment variable" },
    { 0, "env-file", "FILE", OPTION_LIST, O(process.env_files), "read environment variables from a file" },
    { 'w', "workdir", "DIR", OPTION_STRING, O(process.workdir), "working directory (default /)" },
    { 'u', "user", "UID[:GID]", OPTION_STRING, O(process.user), "run as this user (default 0:0)" },
    { 0, "entrypoint", "PROGRAM", OPTION_STRING, O(process.entrypoint),
      "the program to execute, with --root" },
    { 0, "hostname", "NAME", OPTION_STRING, O(process.hostname), "the guest's host name (default proa)" },
    { 'q', "quiet", NULL, OPTION_FLAG, O(quiet), "no warnings, no summary" },
    { 0, "verbose", NULL, OPTION_FLAG, O(verbose), "say what is packed and why" },
    { 'h', "help", NULL, OPTION_FLAG, O(help), "this text" },
    { 0 },
};

static int help(void)
{
    printf("Usage: proa build -o IMAGE [OPTIONS] [--] [PROGRAM [ARGS...]]\n\n"
           "Writes an image: an EROFS file system with the program, what it needs, and its configuration.\n"
           "With --root DIR the program is DIR's where it has it; without PROGRAM, name it by --entrypoint\n"
           "here or when running.\n\nOptions:\n");
    options_help(rows);
    return 0;
}

static int configure(struct build_options *o, const char *name, struct config *config)
{
    const char *program = name ? name : o->process.entrypoint;

    if (!program && !o->request.root) {
        msg_error("nothing to build from: give a PROGRAM or --root DIR; see proa build --help");
        return EXIT_FAILED;
    }
    int status = request_find_program(&o->request, program);

    if (!status)
        request_config(&o->request, program, config);
    return status;
}

int cmd_build(int argc, char **argv)
{
    struct build_options o = { 0 };
    int first = options_parse(rows, argc, argv, &o);
    _cleanup_config_ struct config config = { 0 };
    struct stat st;
    char size[16];

    if (first < 0)
        return EXIT_FAILED;
    if (o.help)
        return help();
    msg_level = o.quiet ? MSG_QUIET : o.verbose ? MSG_VERBOSE : MSG_NORMAL;
    if (!o.output) {
        msg_error("where to? give -o IMAGE; see proa build --help");
        return EXIT_FAILED;
    }
    char **rest = first < argc ? argv + first + 1 : argv + argc;
    int status = configure(&o, first < argc ? argv[first] : NULL, &config);

    if (status)
        return status;
    if (process_apply(&o.process, rest, &config))
        return EXIT_FAILED;
    status = request_build(&o.request, &config, o.output);
    if (!status && stat(o.output, &st) == 0)
        msg_note("%s: %s", o.output, size_format(st.st_size, size));
    return status;
}
