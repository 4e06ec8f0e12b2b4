/* temporary */
#ifndef PROFD_ROWS_CLIENT_H
#define PROFD_ROWS_CLIENT_H
#include "profile.h"
#include "unwind_row.h"
struct rows_client;
struct rows_answer {
	uint32_t file;
	int error;
	struct unwind_table *table;
};
int rows_client_new(struct rows_client **ret);
struct rows_client *rows_client_free(struct rows_client *client);
int rows_client_fd(const struct rows_client *client);
int rows_client_ask(struct rows_client *client, uint32_t file, int take_fd);
int rows_client_take(struct rows_client *client, struct rows_answer *ret);
#endif
