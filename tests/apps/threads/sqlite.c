/* SPDX-License-Identifier: BSD-2-Clause */
/* SQLite by several threads: one shared connection, and one each on one database file (rollback journal and WAL). */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *path;
static sqlite3 *common;

static sqlite3 *open_db(void)
{
    sqlite3 *db;

    if (sqlite3_open(path, &db) != SQLITE_OK)
        exit(1);
    sqlite3_busy_timeout(db, 60000);
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    char *err = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &err) != SQLITE_OK) {
        printf("%s: %s\n", sql, err);
        exit(1);
    }
}

static void *insert(void *arg)
{
    sqlite3 *db = common ? common : open_db();
    char sql[100];

    for (int i = 0; i < 25; i++) {
        snprintf(sql, sizeof(sql), "%s INSERT INTO t VALUES (%ld, %d); %s", common ? "" : "BEGIN IMMEDIATE;",
                 (long)arg, i, common ? "" : "COMMIT");
        run(db, sql);
    }
    if (!common)
        sqlite3_close(db);
    return NULL;
}

static int show(void *unused, int n, char **v, char **names)
{
    for (int i = 0; i < n; i++)
        printf("%s%c", v[i], i < n - 1 ? ' ' : '\n');
    return 0;
}

static void round_of(const char *name)
{
    pthread_t t[4];
    sqlite3 *db = open_db();

    run(db, "DELETE FROM t");
    for (long i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, insert, (void *)i);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("%s: ", name);
    fflush(stdout);
    sqlite3_exec(db, "SELECT count(*), sum(a), sum(b), count(DISTINCT a) FROM t", show, NULL, NULL);
    sqlite3_exec(db, "PRAGMA integrity_check", show, NULL, NULL);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    sqlite3 *db;

    path = argv[1];
    db = open_db();
    run(db, "CREATE TABLE t (a INTEGER, b INTEGER)");
    round_of("a connection each");
    run(db, "PRAGMA journal_mode = WAL");
    round_of("write-ahead log");
    sqlite3_close(db);
    common = open_db();
    round_of("one connection");
    sqlite3_close(common);
    return 0;
}
