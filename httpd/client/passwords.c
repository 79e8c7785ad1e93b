/*
 * passwords.c - see passwords.h. The only code of the workers with threads.
 *
 * A job is in the queue, in the hands of a thread, or in the list of those that are done; the
 * lock guards these places and nothing else. A thread touches only the texts of its own job.
 * Threads block every signal but SIGSYS, which a refused system call raises.
 */
#include "httpd/client/passwords.h"

#include "common/xmem.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* bcrypt takes some KiB; sanitizers make them more. */
#define STACK_BYTES (256 * KIB)
#define LOWEST_PRIORITY 19
/* As 2.x: about a twentieth of a second. */
#define HASH_PREFIX "$2b$"
#define HASH_ROUNDS 10
#define HASH_BYTES 60
/* What a password is held against that is nobody's. */
#define NOBODY_HASH "$2b$10$abcdefghijklmnopqrstuu5Lo0g67CiD3M4RpN1BmBb4Crp5w7dbK"

struct password_job {
	TAILQ_ENTRY(password_job) link;
	bool make;			/* else compare */
	bool nobody;
	char password[AUTH_PASSWORD_BYTES_MAX + 1];
	char hash[HASH_BYTES + 1];	/* to compare with; or the one that was made */
	bool right;			/* or: it was made */
	password_done done;
	void *argument;
};

TAILQ_HEAD(job_list, password_job);

struct passwords {
	struct loop_io *io;
	int fd;				/* readable: some are done */
	pthread_t threads[PASSWORDS_AT_ONCE];
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock: */
	struct job_list queued, working, finished;
	int running;			/* threads that have begun */
	bool ending;
};

static void
job_free(struct password_job *job)
{
	OPENSSL_cleanse(job, sizeof(*job));
	free(job);
}

/* ---- in a thread -------------------------------------------------------------------- */

static void
compare(struct password_job *job, struct crypt_data *data)
{
	const char *made = crypt_r(job->password, job->nobody ? NOBODY_HASH : job->hash, data);

	job->right = made != NULL && !job->nobody && strlen(made) == HASH_BYTES &&
	    CRYPTO_memcmp(made, job->hash, HASH_BYTES) == 0;
}

static void
make(struct password_job *job, struct crypt_data *data)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *made = NULL;

	if (crypt_gensalt_rn(HASH_PREFIX, HASH_ROUNDS, NULL, 0, setting, sizeof(setting)) != NULL)
		made = crypt_r(job->password, setting, data);
	job->right = made != NULL && strlen(made) == HASH_BYTES;
	if (job->right)
		memcpy(job->hash, made, strlen(made) + 1);
}

static void
work(struct passwords *passwords, struct crypt_data *data)
{
	static const uint64_t one = 1;
	struct password_job *job = TAILQ_FIRST(&passwords->queued);
	ssize_t written;

	TAILQ_REMOVE(&passwords->queued, job, link);
	TAILQ_INSERT_TAIL(&passwords->working, job, link);
	pthread_mutex_unlock(&passwords->lock);
	if (job->make)
		make(job, data);
	else
		compare(job, data);
	OPENSSL_cleanse(data, sizeof(*data));
	pthread_mutex_lock(&passwords->lock);
	TAILQ_REMOVE(&passwords->working, job, link);
	TAILQ_INSERT_TAIL(&passwords->finished, job, link);
	/* Full it is readable all the same. */
	written = write(passwords->fd, &one, sizeof(one));
	ASSERT(written == (ssize_t)sizeof(one) || errno == EAGAIN);
}

static void *
run(void *argument)
{
	struct passwords *passwords = argument;
	struct crypt_data *data = xzalloc(sizeof(*data));

	/* Who is served goes first, as far as the kernel lets a thread say so. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOWEST_PRIORITY);
	pthread_mutex_lock(&passwords->lock);
	passwords->running++;
	pthread_cond_broadcast(&passwords->changed);
	while (!passwords->ending) {
		if (TAILQ_EMPTY(&passwords->queued))
			pthread_cond_wait(&passwords->changed, &passwords->lock);
		else
			work(passwords, data);
	}
	pthread_mutex_unlock(&passwords->lock);
	free(data);
	return NULL;
}

/* ---- in the loop ---------------------------------------------------------------------- */

static struct password_job *
take_finished(struct passwords *passwords)
{
	struct password_job *job;

	pthread_mutex_lock(&passwords->lock);
	job = TAILQ_FIRST(&passwords->finished);
	if (job != NULL)
		TAILQ_REMOVE(&passwords->finished, job, link);
	pthread_mutex_unlock(&passwords->lock);
	return job;
}

static void
ready(void *argument, unsigned events UNUSED)
{
	struct passwords *passwords = argument;
	struct password_job *job;
	uint64_t count;

	if (read(passwords->fd, &count, sizeof(count)) == -1)
		ASSERT(errno == EAGAIN || errno == EINTR);
	while ((job = take_finished(passwords)) != NULL) {
		job->done(job->argument, job->right,
		    job->make && job->right ? job->hash : NULL);
		job_free(job);
	}
}

static void
ask(struct passwords *passwords, struct password_job *job, struct slice password,
    password_done done, void *argument)
{
	ASSERT(passwords->started);
	ASSERT(password.size <= AUTH_PASSWORD_BYTES_MAX);
	if (password.size > 0)
		memcpy(job->password, password.data, password.size);
	job->done = done;
	job->argument = argument;
	pthread_mutex_lock(&passwords->lock);
	TAILQ_INSERT_TAIL(&passwords->queued, job, link);
	pthread_cond_signal(&passwords->changed);
	pthread_mutex_unlock(&passwords->lock);
}

/* As it is made here, or with less work: others could ask for years of it. */
static bool
is_own_form(struct slice hash)
{
	const uint8_t *rounds = hash.data + sizeof(HASH_PREFIX) - 1;

	return hash.size == HASH_BYTES && slice_starts_with(hash, SLICE_LITERAL(HASH_PREFIX)) &&
	    memchr(hash.data, '\0', hash.size) == NULL && rounds[2] == '$' &&
	    ((rounds[0] == '0' && rounds[1] >= '4' && rounds[1] <= '9') ||
		(rounds[0] == '1' && rounds[1] == '0'));
}

_Static_assert(HASH_ROUNDS == 10, "is_own_form knows that");

void
passwords_check(struct passwords *passwords, struct slice password, struct slice hash,
    password_done done, void *argument)
{
	struct password_job *job = xzalloc(sizeof(*job));

	job->nobody = !is_own_form(hash);
	if (!job->nobody)
		memcpy(job->hash, hash.data, hash.size);
	ask(passwords, job, password, done, argument);
}

void
passwords_hash(struct passwords *passwords, struct slice password, password_done done,
    void *argument)
{
	struct password_job *job = xzalloc(sizeof(*job));

	job->make = true;
	ask(passwords, job, password, done, argument);
}

/* ---- life -------------------------------------------------------------------------------- */

struct passwords *
passwords_new(struct loop *loop)
{
	struct passwords *passwords = xzalloc(sizeof(*passwords));

	passwords->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ASSERT(passwords->fd != -1);
	MUST(pthread_mutex_init(&passwords->lock, NULL) == 0);
	MUST(pthread_cond_init(&passwords->changed, NULL) == 0);
	TAILQ_INIT(&passwords->queued);
	TAILQ_INIT(&passwords->working);
	TAILQ_INIT(&passwords->finished);
	passwords->io = loop_io_new(loop, passwords->fd, ready, passwords);
	loop_io_want(passwords->io, LOOP_READ);
	return passwords;
}

void
passwords_start(struct passwords *passwords)
{
	pthread_attr_t attributes;
	sigset_t all, before;

	ASSERT(!passwords->started);
	sigfillset(&all);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 0; i < PASSWORDS_AT_ONCE; i++)
		MUST(pthread_create(&passwords->threads[i], &attributes, run, passwords) == 0);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* What they need of the system to begin they may not ask for later. */
	pthread_mutex_lock(&passwords->lock);
	while (passwords->running < PASSWORDS_AT_ONCE)
		pthread_cond_wait(&passwords->changed, &passwords->lock);
	pthread_mutex_unlock(&passwords->lock);
	passwords->started = true;
}

static void
list_free(struct job_list *list)
{
	struct password_job *job;

	while ((job = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, job, link);
		job_free(job);
	}
}

void
passwords_free(struct passwords **freed)
{
	struct passwords *passwords = *freed;

	*freed = NULL;
	if (passwords == NULL)
		return;
	pthread_mutex_lock(&passwords->lock);
	passwords->ending = true;
	pthread_cond_broadcast(&passwords->changed);
	pthread_mutex_unlock(&passwords->lock);
	for (int i = 0; passwords->started && i < PASSWORDS_AT_ONCE; i++)
		MUST(pthread_join(passwords->threads[i], NULL) == 0);
	list_free(&passwords->queued);
	list_free(&passwords->working);
	list_free(&passwords->finished);
	loop_io_free(&passwords->io);
	close(passwords->fd);
	pthread_cond_destroy(&passwords->changed);
	pthread_mutex_destroy(&passwords->lock);
	free(passwords);
}
