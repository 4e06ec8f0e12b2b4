/* temporary */
#include "symbols/rows_client.h"
#include "mailbox.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
struct msg {
	struct mail mail;
	uint32_t file;
	int fd;
	int error;
	struct unwind_table *table;
};
struct rows_client {
	struct mailbox in, out;
	pthread_t thread;
};
static void *run(void *ctx)
{
	struct rows_client *c = ctx;
	struct msg *m;
	while ((m = (struct msg *)mailbox_wait(&c->in))) {
		m->table = calloc(1, sizeof(*m->table));
		m->error = unwind_table_read(m->fd, m->table);
		close(m->fd);
		mailbox_put(&c->out, &m->mail);
	}
	return NULL;
}
int rows_client_new(struct rows_client **ret)
{
	struct rows_client *c = calloc(1, sizeof(*c));
	mailbox_init(&c->in, 8192);
	mailbox_init(&c->out, 8192);
	pthread_create(&c->thread, NULL, run, c);
	*ret = c;
	return 0;
}
struct rows_client *rows_client_free(struct rows_client *c)
{
	if (!c)
		return NULL;
	mailbox_close(&c->in);
	pthread_join(c->thread, NULL);
	free(c);
	return NULL;
}
int rows_client_fd(const struct rows_client *c)
{
	return mailbox_fd(&c->out);
}
int rows_client_ask(struct rows_client *c, uint32_t file, int take_fd)
{
	struct msg *m = calloc(1, sizeof(*m));
	m->file = file;
	m->fd = take_fd;
	return mailbox_put(&c->in, &m->mail);
}
int rows_client_take(struct rows_client *c, struct rows_answer *ret)
{
	struct msg *m = (struct msg *)mailbox_take(&c->out);
	if (!m)
		return 0;
	*ret = (struct rows_answer){m->file, m->error, m->table};
	free(m);
	return 1;
}
