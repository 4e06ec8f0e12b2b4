// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_resolver.c - a profd-resolver that does to profd what a file says: hangs, dies, lies. The
 * first word of the file that it is given is what it does; as long as it is told nothing, it
 * behaves.
 */
#include "packet.h"
#include "unwind_blob.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORD_BYTES 32
#define FILES_MAX  64

struct fake {
	struct packet request, answer;
	struct {
		uint32_t number;
		char word[WORD_BYTES];
	} files[FILES_MAX];
	unsigned int n_files;
};

static void read_word(int fd, char word[WORD_BYTES])
{
	ssize_t n = pread(fd, word, WORD_BYTES - 1, 0);

	word[n < 0 ? 0 : n] = '\0';
	word[strcspn(word, " \n")] = '\0';
}

static const char *word_of(const struct fake *fake, uint32_t number)
{
	for (unsigned int i = 0; i < fake->n_files; i++)
		if (fake->files[i].number == number)
			return fake->files[i].word;
	return "";
}

/* Descriptors that it was started with: its socket and no other. */
static unsigned int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		(void)closedir(dir);
	return n - 3; /* ".", ".." and the directory's own */
}

static void end_by(int number)
{
	(void)prctl(PR_SET_DUMPABLE, 0); /* leaves no core */
	(void)signal(number, SIG_DFL);
	(void)kill(getpid(), number);
}

/* The next process that is given the file behaves. */
static void forget_word(const struct fake *fake)
{
	(void)!pwrite(fake->request.fds[0], "good ", 5, 0);
}

/* What is about the process, whatever was asked. */
static void misbehave(struct fake *fake, const char *word)
{
	volatile bool forever = true;

	if (strcmp(word, "die") == 0)
		end_by(SIGSYS);
	if (strcmp(word, "killed") == 0)
		end_by(SIGKILL);
	if (strcmp(word, "leave") == 0)
		_exit(3);
	if (strcmp(word, "killed_once") == 0) {
		forget_word(fake);
		end_by(SIGKILL);
	}
	if (strcmp(word, "leave_once") == 0) {
		forget_word(fake);
		_exit(3);
	}
	while (forever && strcmp(word, "spin") == 0)
		;
	while (strcmp(word, "sleep") == 0)
		pause();
	if (strcmp(word, "kind") == 0)
		fake->answer.head.kind = 77;
	if (strcmp(word, "error") == 0)
		fake->answer.head.error = 1;
	if (strcmp(word, "descriptor") == 0) {
		fake->answer.fds[0] = 0;
		fake->answer.n_fds = 1;
	}
}

static void add(struct fake *fake)
{
	struct resolver_identity body = {.is_build_id = 1, .len = 4, .bytes = "fake"};
	char word[WORD_BYTES];

	read_word(fake->request.fds[0], word);
	if (fake->n_files < FILES_MAX) {
		fake->files[fake->n_files].number = fake->request.head.file;
		memcpy(fake->files[fake->n_files++].word, word, sizeof(word));
	}
	if (strcmp(word, "descriptors") == 0)
		body.bytes[0] = (uint8_t)count_descriptors();
	if (strcmp(word, "long_identity") == 0)
		body.len = 33;
	if (strcmp(word, "again") == 0)
		fake->answer.head.error = -EAGAIN;
	memcpy(fake->answer.body, &body, sizeof(body));
	fake->answer.size = sizeof(body) - (strcmp(word, "short_identity") == 0);
	if (strncmp(word, "names_", 6) != 0)
		misbehave(fake, word);
}

/* One name a packet. */
static void answer_name(struct fake *fake, const struct resolver_ask *ask)
{
	struct resolver_name_head head = {.len = 4};
	const char *word = word_of(fake, ask->file);
	char name[] = "fine";

	fake->answer.head.n = 1;
	if (strcmp(word, "names_long") == 0)
		head.len = 4000000000u;
	if (strcmp(word, "names_nul") == 0)
		name[2] = '\0';
	if (strcmp(word, "names_many") == 0)
		fake->answer.head.n = 5000;
	memcpy(fake->answer.body, &head, sizeof(head));
	memcpy(fake->answer.body + sizeof(head), name, 4);
	fake->answer.size = sizeof(head) + 4;
	if (strncmp(word, "names_", 6) == 0)
		misbehave(fake, word + 6);
	(void)packet_send(RESOLVER_SOCKET_FD, &fake->answer, 0);
}

static void names(struct fake *fake)
{
	for (uint32_t i = 0; i < fake->request.head.n; i++) {
		struct resolver_ask ask;

		memcpy(&ask, fake->request.body + i * sizeof(ask), sizeof(ask));
		answer_name(fake, &ask);
	}
}

/* A table of three rows whose second one begins at this process's number: whether it is another
 * process can be seen in it. */
static void rows(struct fake *fake)
{
	struct unwind_row row[3] = {{.pc = 0, .kind = UNWIND_CFA_SP},
				    {.pc = (uint32_t)getpid(), .kind = UNWIND_CFA_FP},
				    {.pc = UINT32_MAX - 1, .kind = UNWIND_CFA_STOP}};
	struct unwind_table table = {.source = UNWIND_SOURCE_EH_FRAME,
				     .n_rows = 3,
				     .rows = row,
				     .n_fdes = 1,
				     .n_segments = 1,
				     .segments = {{.size = UINT32_MAX}}};
	struct unwind_key key;
	char word[WORD_BYTES];
	int fd = fake->request.fds[1];

	read_word(fake->request.fds[0], word);
	memcpy(&key, fake->request.body, sizeof(key));
	if (strcmp(word, "other_key") == 0)
		key.trust_uid ^= 1;
	if (strcmp(word, "nothing") != 0)
		(void)unwind_blob_write(fd, &table, &key);
	if (strcmp(word, "truncated") == 0)
		(void)!ftruncate(fd, UNWIND_BLOB_HEAD_SIZE + 8);
	if (strcmp(word, "damaged") == 0)
		(void)!pwrite(fd, "x", 1, UNWIND_BLOB_HEAD_SIZE + 1);
	if (strcmp(word, "huge") == 0)
		(void)!ftruncate(fd, (off_t)1 << 40);
	if (strcmp(word, "emfile") == 0)
		fake->answer.head.error = -EMFILE;
	if (strcmp(word, "again") == 0)
		fake->answer.head.error = -EAGAIN;
	misbehave(fake, word);
}

static void serve(struct fake *fake)
{
	fake->answer = (struct packet){
		.head = {.kind = fake->request.head.kind, .file = fake->request.head.file}};
	switch (fake->request.head.kind) {
	case PACKET_ADD:
		add(fake);
		break;
	case PACKET_ROWS:
		rows(fake);
		break;
	case PACKET_NAMES:
		names(fake);
		return;
	default:
		break;
	}
	(void)packet_send(RESOLVER_SOCKET_FD, &fake->answer, 0);
}

int main(void)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake)
		return 1;
	fake->answer.head =
		(struct resolver_head){.kind = PACKET_READY, .n = RESOLVER_PROTOCOL_VERSION};
	(void)packet_send(RESOLVER_SOCKET_FD, &fake->answer, 0);
	while (packet_receive(RESOLVER_SOCKET_FD, &fake->request, 0) == 0) {
		serve(fake);
		packet_close(&fake->request);
	}
	free(fake);
	return 0;
}
