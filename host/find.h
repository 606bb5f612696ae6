/* SPDX-License-Identifier: BSD-2-Clause */
/* find.h: from what the user typed to a program's path. */
#ifndef HOST_FIND_H
#define HOST_FIND_H

/*
 * The absolute path of an executable file by its name in a PATH, or NULL. Version managers' shims (pyenv, rbenv,
 * nodenv: ROOT/shims/NAME, a shell script that starts ROOT/versions/V/bin/NAME) are replaced by what they start.
 */
char *find_in_path(const char *name, const char *path);

/* Looks `name` up as a shell would (a name with a slash is a path). NULL after a message; *status is 126 or 127. */
char *find_program(const char *name, int *status);

/* 0 if the file exists, is regular and executable; otherwise an exit status after a message. for_script may be NULL. */
int find_check_program(const char *path, const char *for_script);

#endif
