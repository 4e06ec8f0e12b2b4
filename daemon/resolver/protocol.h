/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * protocol.h - what profd and profd-resolver say to each other over a SOCK_SEQPACKET socket.
 *
 * One question at a time. Each packet, either way, is a head and a body; descriptors come with it
 * (SCM_RIGHTS). Both are built together, so there is one version, which READY carries. What the
 * other end says is foreign input for profd: daemon/symbols/resolver_process.h checks heads,
 * who asked checks bodies. There is no path in it, and never will be.
 */
#ifndef PROFD_RESOLVER_PROTOCOL_H
#define PROFD_RESOLVER_PROTOCOL_H

#include <stdint.h>

#define RESOLVER_PROTOCOL_VERSION 2
#define RESOLVER_SOCKET_FD	  0 /* the only descriptor it begins with */
#define RESOLVER_FILES_MAX	  4096
#define RESOLVER_QUESTIONS_MAX	  1024	/* of one NAMES */
#define RESOLVER_NAME_MAX	  4096	/* bytes, with a NUL that is not sent */
#define RESOLVER_BODY_MAX	  32768 /* fits into the buffer of a socket by default */
#define RESOLVER_FDS_MAX	  2

enum packet_kind {
	PACKET_READY = 1,  /* sent unasked, once, when it is in its sandbox; n: the version */
	PACKET_ADD = 2,	   /* file, its descriptor; answer: struct resolver_identity */
	PACKET_REMOVE = 3, /* file */
	PACKET_NAMES = 4,  /* n times struct resolver_ask; answer: several packets in the order of
			    * the questions, each with n times struct resolver_name_head and the
			    * name's bytes. What was found of one file is sent before another
			    * file is looked at, so that profd knows which one is being read. */
	PACKET_ROWS = 5,   /* struct unwind_key, descriptors of the file and of an empty memfd;
			    * answer: the blob (unwind_blob.h) is in the memfd */
};

struct resolver_head {
	uint32_t kind;
	int32_t error; /* of an answer: 0 or negative errno */
	uint32_t file;
	uint32_t n;
};

struct resolver_identity {
	uint8_t is_build_id, len;
	uint8_t bytes[32];
};

struct resolver_ask {
	uint64_t offset;
	uint32_t file;
	uint32_t zero;
};

struct resolver_name_head {
	int32_t error; /* of symbol_files_name() */
	uint32_t len;
};

#endif
