// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - profd: options, configuration, privileges, signals, exit code.
 *
 * Privileges are given up before the first thread is started, as each thread has its own; what
 * needs more is done before, or by the child that is forked first (capture/perf_server.h).
 */
#include "capabilities.h"
#include "capture/perf_opener.h"
#include "config.h"
#include "control_client.h"
#include "log.h"
#include "probe.h"
#include "profiler.h"
#include "service.h"
#include "store.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>

#define EXIT_REFUSED	    5 /* by what this machine is: starting profd again changes nothing */
#define EXIT_USAGE	    2
#define CONFIG_DEFAULT_PATH PROFD_CONFIG_PATH
#define LARGE_BLOCK_BYTES   (256 * 1024)
#define OPEN_FILES	    16384 /* descriptors: two per mapped file, one per CPU */

const char *argp_program_version = "profd " PROFD_VERSION;

enum option_key {
	OPTION_DEBUG = 256,
	OPTION_CONTROL,
	OPTION_CONTROL_DIRECTORY,
	OPTION_CACHE_DIRECTORY,
	OPTION_PROBE
};

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "read FILE instead of " CONFIG_DEFAULT_PATH, 0},
	{"store", 's', "DIR", 0, "write to DIR instead of /var/lib/profd", 0},
	{"frequency", 'F', "HZ", 0, "samples a second and CPU: 19 to 999, by default 49", 0},
	{"bucket", 'b', "SECONDS", 0,
	 "width of a bucket: a divisor of 3600 up to 600, by default 10", 0},
	{"control", OPTION_CONTROL, "REQUEST", 0,
	 "ask the profd that is running, print its answer, and end: flush writes what was sampled "
	 "until now, status says how it goes",
	 0},
	{"control-directory", OPTION_CONTROL_DIRECTORY, "DIR", 0,
	 "where the control socket is, instead of /run/profd", 0},
	{"cache-directory", OPTION_CACHE_DIRECTORY, "DIR", 0,
	 "where unwind tables are kept, instead of /var/cache/profd; '': nowhere", 0},
	{"debug", OPTION_DEBUG, NULL, 0, "say more, also what libbpf says", 0},
	{"probe", OPTION_PROBE, NULL, 0,
	 "print as JSON what this machine lets profd do, and end: 0 when it could run, 5 when not",
	 0},
	{},
};

struct arguments {
	const char *config;
	const char *store;
	const char *frequency;
	const char *bucket;
	const char *control; /* NULL: be a profd */
	const char *control_directory;
	const char *cache_directory;
	int log_level;
	bool probe;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->config = arg;
		return 0;
	case 's':
		arguments->store = arg;
		return 0;
	case 'F':
		arguments->frequency = arg;
		return 0;
	case 'b':
		arguments->bucket = arg;
		return 0;
	case OPTION_CONTROL:
		arguments->control = arg;
		return 0;
	case OPTION_CONTROL_DIRECTORY:
		arguments->control_directory = arg;
		return 0;
	case OPTION_CACHE_DIRECTORY:
		arguments->cache_directory = arg;
		return 0;
	case OPTION_DEBUG:
		arguments->log_level = LOG_DEBUG;
		return 0;
	case OPTION_PROBE:
		arguments->probe = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument '%s'", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* A relative directory on the command line is meant from where one stands. */
static int set_directory(struct config *config, const char *section, const char *key,
			 const char *dir, const char *option, struct config_error *error)
{
	char path[CONFIG_PATH_MAX], here[PATH_MAX];

	if (dir[0] == '/' || !*dir)
		return config_set(config, section, key, dir, option, error);
	if (!getcwd(here, sizeof(here)) ||
	    snprintf(path, sizeof(path), "%s/%s", here, dir) >= (int)sizeof(path)) {
		(void)snprintf(error->text, sizeof(error->text),
			       "%s: the path '%s' is too long; give an absolute one", option, dir);
		return -EINVAL;
	}
	return config_set(config, section, key, path, option, error);
}

static int make_config(const struct arguments *arguments, struct config *ret,
		       struct config_error *error)
{
	int r = 0;

	config_init(ret);
	/* Without --config the file may be missing; one that is there must be right. */
	if (arguments->config || access(CONFIG_DEFAULT_PATH, F_OK) == 0)
		r = config_read(ret, arguments->config ? arguments->config : CONFIG_DEFAULT_PATH,
				error);
	if (r == 0 && arguments->store)
		r = set_directory(ret, "store", "directory", arguments->store, "--store", error);
	if (r == 0 && arguments->control_directory)
		r = set_directory(ret, "service", "control_directory", arguments->control_directory,
				  "--control-directory", error);
	if (r == 0 && arguments->cache_directory)
		r = set_directory(ret, "unwind", "cache_directory", arguments->cache_directory,
				  "--cache-directory", error);
	if (r == 0 && arguments->frequency)
		r = config_set(ret, "cpu", "frequency_hz", arguments->frequency, "--frequency",
			       error);
	if (r == 0 && arguments->bucket)
		r = config_set(ret, "store", "bucket_s", arguments->bucket, "--bucket", error);
	return r;
}

/* `profd --control REQUEST`: asks another profd, which is all that this process does. */
static int ask(const struct config *config, const char *request)
{
	_cleanup_free_ char *answer = NULL;
	struct control_error error;
	enum control_exit code = control_ask(config->control_directory, request,
					     CONTROL_CLIENT_TIMEOUT_MS, &answer, &error);

	if (!answer)
		log_error("%s", error.text);
	else if (puts(answer) < 0 || fflush(stdout) != 0)
		return EXIT_FAILURE;
	return (int)code;
}

/* What signals are about. */
struct running {
	const struct arguments
		*arguments; /* hold over the file, also over one that is read again */
	struct profiler *profiler;
};

static void reload(const struct running *running)
{
	struct profiler_error error;
	struct config_error config_error;
	struct config next;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	service_reloading((uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec);
	error.text[0] = '\0';
	if (make_config(running->arguments, &next, &config_error) < 0)
		(void)snprintf(error.text, sizeof(error.text),
			       "not reloaded, the configuration of before stays in force: %s",
			       config_error.text);
	else
		(void)profiler_reload(running->profiler, &next, &error);
	if (*error.text)
		log_error("%s", error.text);
	profiler_say_ready(running->profiler, *error.text ? error.text : NULL);
}

static int on_signal(struct event_source *source)
{
	const struct running *running = source->ctx;
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGHUP) {
		reload(running);
		return 0;
	}
	log_info("%s: writing the open bucket", strsignal((int)info.ssi_signo));
	event_loop_stop(profiler_loop(running->profiler));
	return 0;
}

/* Blocks the signals before any thread starts, so that they all come by the descriptor. */
static int open_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit on a file's size is a full disk */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(const struct arguments *arguments, const struct config *config,
	       struct perf_opener *perf_opener)
{
	_cleanup_(profiler_freep) struct profiler *profiler = NULL;
	_cleanup_close_ int signal_fd = open_signals();
	struct running running = {.arguments = arguments};
	struct event_source signals = {.fd = signal_fd, .ready = on_signal, .ctx = &running};
	struct profiler_error error = {};
	int r = profiler_new(config, perf_opener, &profiler, &error);

	if (r == 0) {
		running.profiler = profiler;
		r = signal_fd < 0 ? signal_fd : event_loop_add(profiler_loop(profiler), &signals);
		if (r < 0)
			(void)snprintf(error.text, sizeof(error.text), "signals: %s", strerror(-r));
	}
	if (r == 0)
		r = profiler_run(profiler, &error);
	if (r < 0)
		log_error("%s", error.text);
	return r == -ENOTSUP ? EXIT_REFUSED : r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void raise_limit(__rlimit_resource_t resource, rlim_t wanted)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	if (limit.rlim_max < wanted) {
		struct rlimit higher = {.rlim_cur = wanted, .rlim_max = wanted};

		if (setrlimit(resource, &higher) == 0)
			return;
		wanted = limit.rlim_max;
	}
	limit.rlim_cur = wanted;
	(void)setrlimit(resource, &limit);
}

static void set_limits(void)
{
	/* One arena for all threads: profd allocates little, and each arena holds on to its own. */
	(void)mallopt(M_ARENA_MAX, 1);
	/* Unwind tables are given back when they are installed. Without a word glibc takes blocks
	 * of up to 32 MB from the heap once one of that size was freed, and holds on to them. */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
	raise_limit(RLIMIT_NOFILE, OPEN_FILES);
	raise_limit(RLIMIT_MEMLOCK, RLIM_INFINITY); /* BPF maps count before Linux 5.11 */
}

/* Whoever starts profd without a capability it wants is told once. */
static void say_what_is_missing(uint64_t have)
{
	const struct capability *table;
	char names[256] = "";
	size_t n, len = 0;

	table = capability_table(&n);
	for (size_t i = 0; i < n && len < sizeof(names); i++)
		if (table[i].use == CAPABILITY_RUNNING && !(have & CAPABILITY_BIT(table[i].number)))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s",
						len ? ", " : "", table[i].name);
	if (len)
		log_warning("without %s; what that costs says profd --probe", names);
}

/* The last moment with all privileges. What cannot be prepared is said when the store is opened,
 * after what would keep profd from running at all. */
static int give_up_privileges(const struct config *config)
{
	bool foreign_store = false;
	int r;

	if (config)
		(void)store_prepare_dir(config->directory, NULL, &foreign_store, NULL);
	if (foreign_store && geteuid() == 0)
		log_info("%s belongs to another user: CAP_DAC_OVERRIDE and CAP_FOWNER are kept to "
			 "write it; chown -R root: it to run profd without them",
			 config->directory);
	r = capabilities_keep(capability_kept_set(foreign_store));
	if (r < 0)
		log_error("cannot give privileges up: %s; nothing may forbid profd capset(2) and "
			  "prctl(2)",
			  strerror(-r));
	return r;
}

static int run_unprivileged(const struct arguments *arguments, const struct config *config)
{
	_cleanup_(perf_opener_freep) struct perf_opener *perf_opener = NULL;
	uint64_t have = 0;
	int r = capabilities_read(&have);

	if (r == 0)
		r = perf_opener_new(&perf_opener);
	if (r < 0) {
		log_error("cannot start the child that opens perf events: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	set_limits();
	if (give_up_privileges(arguments->probe ? NULL : config) < 0)
		return EXIT_FAILURE;
	if (arguments->probe)
		return probe(perf_opener, have, stdout);
	say_what_is_missing(have);
	return run(arguments, config, perf_opener);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = parse_option,
		.doc = "Samples what the CPUs of this machine do, and keeps it in a store for "
		       "profctl.\vSIGTERM and SIGINT write the bucket being filled and end profd.",
	};
	struct arguments arguments = {.log_level = LOG_INFO};
	struct config_error error;
	struct config config;

	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &arguments))
		return EXIT_USAGE;
	log_init(arguments.log_level);
	/* A configuration that is wrong does not keep the machine from being probed. */
	if (!arguments.probe && make_config(&arguments, &config, &error) < 0) {
		log_error("%s", error.text);
		return EXIT_USAGE;
	}
	if (arguments.control)
		return ask(&config, arguments.control);
	return run_unprivileged(&arguments, &config);
}
