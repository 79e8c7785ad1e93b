/*
 * sandbox_calls.c - a table of system calls as a filter of the kernel (see
 * sandbox.h), by libseccomp.
 *
 * A call that no row allows raises SIGSYS (mode best). The handler writes one
 * line and lets the call fail with EPERM, as if the kernel had refused it. It
 * may run inside any library call of any thread, so all it needs is made
 * before: the names of the calls as one text, found by number. The 1st, 2nd,
 * 4th, 8th ... violation by the same call is told.
 *
 * Threads must not block SIGSYS: the kernel kills a process that does.
 */
#include "common/sandbox_calls.h"

#include "common/buf.h"
#include "common/diag.h"
#include "common/sandbox.h"

#include "config.h"

#ifdef HAVE_SECCOMP

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__)
#define CONTEXT_RESULT(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define CONTEXT_RESULT(context) ((context)->uc_mcontext.regs[0])
#endif

#define CALLS_TOLD_MAX 480		/* a call of a higher number has no name in the line */
#define LINE_BYTES_MAX 160

/* ---- tables ---------------------------------------------------------------- */

/* What the C library, libevent and our loop do in every process. */
static const struct sandbox_call every_process[] = {
	/* memory: never executable */
	SANDBOX_CALL(brk),
	SANDBOX_CALL_IF(mmap, SANDBOX_ARGUMENT(2, PROT_EXEC, 0)),
	SANDBOX_CALL_IF(mprotect, SANDBOX_ARGUMENT(2, PROT_EXEC, 0)),
	SANDBOX_CALL(munmap), SANDBOX_CALL(mremap), SANDBOX_CALL(madvise),
	/* time and waiting */
	SANDBOX_CALL(clock_gettime), SANDBOX_CALL(gettimeofday), SANDBOX_CALL(time),
	SANDBOX_CALL(clock_nanosleep), SANDBOX_CALL(nanosleep), SANDBOX_CALL(restart_syscall),
	SANDBOX_CALL(epoll_wait), SANDBOX_CALL(epoll_pwait), SANDBOX_CALL(epoll_ctl),
	SANDBOX_CALL(timerfd_settime), SANDBOX_CALL(poll), SANDBOX_CALL(ppoll),
	SANDBOX_CALL(futex), SANDBOX_CALL(sched_yield),
	/* open descriptors */
	SANDBOX_CALL(read), SANDBOX_CALL(readv), SANDBOX_CALL(write), SANDBOX_CALL(writev),
	SANDBOX_CALL(pread64), SANDBOX_CALL(close), SANDBOX_CALL(lseek), SANDBOX_CALL(fstat),
	SANDBOX_CALL(recvfrom), SANDBOX_CALL(recvmsg), SANDBOX_CALL(sendto), SANDBOX_CALL(sendmsg),
	SANDBOX_CALL(shutdown),
	/* of what another process has sent, to close it without waiting */
	SANDBOX_CALL_IF(setsockopt, SANDBOX_IS(1, SOL_SOCKET), SANDBOX_IS(2, SO_LINGER)),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_GETFD)),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_SETFD)),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_GETFL)),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_SETFL)),
	SANDBOX_CALL_IF(fcntl, SANDBOX_IS(1, F_DUPFD_CLOEXEC)),
	SANDBOX_CALL_IF(ioctl, SANDBOX_IS(1, FIONREAD)),
	/* who we are, and our end */
	SANDBOX_CALL(getpid), SANDBOX_CALL(gettid), SANDBOX_CALL(getppid), SANDBOX_CALL(getuid),
	SANDBOX_CALL(geteuid), SANDBOX_CALL(getgid), SANDBOX_CALL(getegid), SANDBOX_CALL(uname),
	SANDBOX_CALL(getrusage), SANDBOX_CALL(sysinfo), SANDBOX_CALL(getrandom),
	SANDBOX_CALL_IF(prlimit64, SANDBOX_ARGUMENT(2, UINT64_MAX, 0)),
	SANDBOX_CALL(getrlimit),
	SANDBOX_CALL(rt_sigaction), SANDBOX_CALL(rt_sigprocmask), SANDBOX_CALL(rt_sigreturn),
	SANDBOX_CALL(sigaltstack), SANDBOX_CALL(exit), SANDBOX_CALL(exit_group),
	SANDBOX_CALL(sched_getaffinity), SANDBOX_CALL(membarrier),
	SANDBOX_CALL_IF(prctl, SANDBOX_IS(0, PR_SET_NAME)),
};

/* A process with a list of its own executes nothing. */
static const struct sandbox_call executions[] = {
	SANDBOX_CALL_NOT(execve, SANDBOX_KILL), SANDBOX_CALL_NOT(execveat, SANDBOX_KILL),
};

/* What no process of ours needs and every attacker wants. */
static const struct sandbox_call no_process[] = {
	SANDBOX_CALL_NOT(ptrace, SANDBOX_KILL),
	SANDBOX_CALL_NOT(process_vm_readv, SANDBOX_KILL),
	SANDBOX_CALL_NOT(process_vm_writev, SANDBOX_KILL),
	SANDBOX_CALL_NOT(mount, SANDBOX_KILL), SANDBOX_CALL_NOT(umount2, SANDBOX_KILL),
	SANDBOX_CALL_NOT(pivot_root, SANDBOX_KILL), SANDBOX_CALL_NOT(move_mount, SANDBOX_KILL),
	SANDBOX_CALL_NOT(open_tree, SANDBOX_KILL), SANDBOX_CALL_NOT(fsopen, SANDBOX_KILL),
	SANDBOX_CALL_NOT(fsmount, SANDBOX_KILL), SANDBOX_CALL_NOT(mount_setattr, SANDBOX_KILL),
	SANDBOX_CALL_NOT(bpf, SANDBOX_KILL), SANDBOX_CALL_NOT(perf_event_open, SANDBOX_KILL),
	SANDBOX_CALL_NOT(keyctl, SANDBOX_KILL), SANDBOX_CALL_NOT(add_key, SANDBOX_KILL),
	SANDBOX_CALL_NOT(request_key, SANDBOX_KILL),
	SANDBOX_CALL_NOT(userfaultfd, SANDBOX_KILL),
	SANDBOX_CALL_NOT(io_uring_setup, SANDBOX_KILL),
	SANDBOX_CALL_NOT(io_uring_enter, SANDBOX_KILL),
	SANDBOX_CALL_NOT(io_uring_register, SANDBOX_KILL),
	SANDBOX_CALL_NOT(kexec_load, SANDBOX_KILL), SANDBOX_CALL_NOT(kexec_file_load, SANDBOX_KILL),
	SANDBOX_CALL_NOT(init_module, SANDBOX_KILL), SANDBOX_CALL_NOT(finit_module, SANDBOX_KILL),
	SANDBOX_CALL_NOT(delete_module, SANDBOX_KILL), SANDBOX_CALL_NOT(reboot, SANDBOX_KILL),
};

/* ---- violations -------------------------------------------------------------- */

#ifdef CONTEXT_RESULT

/* A signal handler gets no argument, so this has to be found without one. */
static struct {
	const char *program;
	char *names;				/* one after the other, each with its NUL */
	uint16_t places[CALLS_TOLD_MAX];	/* in names; 0: has none */
	atomic_uint times[CALLS_TOLD_MAX];
} violations;

static void
learn_names(void)
{
	struct buf names = BUF_INIT;

	buf_append_byte(&names, '\0');
	for (int number = 0; number < CALLS_TOLD_MAX; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

		if (name == NULL)
			continue;
		violations.places[number] = (uint16_t)names.size;
		buf_append(&names, name, strlen(name) + 1);
		free(name);
	}
	/* Kept for the life of the process, which may be trapped in its last call. */
	violations.names = (char *)names.data;
}

static size_t
put_text(char *line, size_t size, const char *text)
{
	while (*text != '\0' && size < LINE_BYTES_MAX - 1)
		line[size++] = *text++;
	return size;
}

static size_t
put_number(char *line, size_t size, unsigned long number)
{
	char digits[24];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	return put_text(line, size, digits + at);
}

static void
tell(int number, unsigned times)
{
	char line[LINE_BYTES_MAX];
	size_t size = put_text(line, 0, violations.program);

	size = put_text(line, size, "[");
	size = put_number(line, size, (unsigned long)getpid());
	size = put_text(line, size, "] error sandbox: call refused: name=");
	if (number < CALLS_TOLD_MAX && violations.places[number] != 0)
		size = put_text(line, size, violations.names + violations.places[number]);
	else
		size = put_text(line, size, "unknown");
	size = put_text(line, size, " number=");
	size = put_number(line, size, (unsigned long)number);
	size = put_text(line, size, " times=");
	size = put_number(line, size, times);
	line[size++] = '\n';
	/* Nobody is left to be told that nobody listens. */
	if (write(STDERR_FILENO, line, size) == -1)
		return;
}

static void
violated(int signal_number, siginfo_t *info, void *argument)
{
	ucontext_t *context = argument;
	int number = info->si_syscall;
	int saved = errno;
	unsigned times = 1;

	(void)signal_number;
	if (number >= 0 && number < CALLS_TOLD_MAX)
		times = atomic_fetch_add(&violations.times[number], 1) + 1;
	if ((times & (times - 1)) == 0)
		tell(number, times);
	CONTEXT_RESULT(context) = -EPERM;
	errno = saved;
}

static void
catch_violations(const char *program)
{
	struct sigaction action = { .sa_sigaction = violated, .sa_flags = SA_SIGINFO | SA_NODEFER };

	violations.program = program;
	learn_names();
	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGSYS, &action, NULL);
}

static uint32_t
violation_answer(enum sandbox_mode mode)
{
	return mode == SANDBOX_ON ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_TRAP;
}

#else

static void
catch_violations(const char *program)
{
	(void)program;
}

/* Where we do not know how to answer for the kernel it is left to it, silently. */
static uint32_t
violation_answer(enum sandbox_mode mode)
{
	return mode == SANDBOX_ON ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM);
}

#endif

/* ---- the filter ----------------------------------------------------------------- */

static uint32_t
action_of(enum sandbox_answer answer)
{
	switch (answer) {
	case SANDBOX_ALLOW:
		return SCMP_ACT_ALLOW;
	case SANDBOX_UNKNOWN:
		return SCMP_ACT_ERRNO(ENOSYS);
	case SANDBOX_KILL:
		break;
	}
	return SCMP_ACT_KILL_PROCESS;
}

/* 0, or a negative errno as libseccomp gives it. */
static int
add_call(scmp_filter_ctx filter, const struct sandbox_call *call)
{
	struct scmp_arg_cmp tests[SANDBOX_TESTS_MAX];
	int number = seccomp_syscall_resolve_name(call->name);
	uint32_t action = action_of(call->answer);
	uint32_t others;
	unsigned count = 0;

	if (number == __NR_SCMP_ERROR || number < 0)
		return 0;
	/* Not taken as a rule if it is what becomes of every other call. */
	if (seccomp_attr_get(filter, SCMP_FLTATR_ACT_DEFAULT, &others) != 0 || action == others)
		return 0;
	for (size_t i = 0; i < SANDBOX_TESTS_MAX; i++) {
		const struct sandbox_test *test = &call->tests[i];

		if (test->mask != 0)
			tests[count++] = (struct scmp_arg_cmp){ test->argument, SCMP_CMP_MASKED_EQ,
				test->mask, test->value };
	}
	return seccomp_rule_add_array(filter, action, number, count, tests);
}

static int
add_calls(scmp_filter_ctx filter, const struct sandbox_call *calls, size_t count)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		result = add_call(filter, &calls[i]);
	return result;
}

/* Signals to ourselves only: what abort() and raise() send. */
static int
add_own_signals(scmp_filter_ctx filter)
{
	const struct sandbox_call calls[] = {
		SANDBOX_CALL_IF(tgkill, SANDBOX_IS(0, getpid())),
		SANDBOX_CALL_IF(kill, SANDBOX_IS(0, getpid())),
	};

	return add_calls(filter, calls, ARRAY_COUNT(calls));
}

static int
install(enum sandbox_mode mode, const struct sandbox_calls *calls, const char *program)
{
	scmp_filter_ctx filter = seccomp_init(calls->others_allowed ? SCMP_ACT_ALLOW :
	    violation_answer(mode));
	int result;

	if (filter == NULL)
		return -ENOMEM;
	result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (result == 0)
		result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (result == 0)
		result = add_calls(filter, calls->calls, calls->count);
	if (result == 0)
		result = add_calls(filter, no_process, ARRAY_COUNT(no_process));
	if (result == 0 && !calls->others_allowed) {
		result = add_calls(filter, every_process, ARRAY_COUNT(every_process));
		if (result == 0)
			result = add_calls(filter, executions, ARRAY_COUNT(executions));
		if (result == 0)
			result = add_own_signals(filter);
		if (result == 0 && mode != SANDBOX_ON)
			catch_violations(program);
	}
	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result;
}

const char *
sandbox_calls_missing(void)
{
	static const uint32_t needed[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP,
		SECCOMP_RET_ERRNO };

	for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &needed[i]) != 0)
			return "seccomp (not in this kernel)";
	}
	return NULL;
}

enum err
sandbox_calls(enum sandbox_mode mode, const struct sandbox_calls *calls, const char *program)
{
	int result;

	if (mode == SANDBOX_OFF)
		return ERR_NONE;
	if (sandbox_calls_missing() != NULL)
		return mode == SANDBOX_ON ? ERR_UNSUPPORTED : ERR_NONE;
	result = install(mode, calls, program);
	if (result == 0)
		return ERR_NONE;
	if (mode == SANDBOX_ON)
		return err_from_errno(-result);
	diag_warn("sandbox", "cannot filter system calls: error=%s", strerror(-result));
	return ERR_NONE;
}

#else

const char *
sandbox_calls_missing(void)
{
	return "seccomp (not in this build)";
}

enum err
sandbox_calls(enum sandbox_mode mode, const struct sandbox_calls *calls, const char *program)
{
	(void)calls;
	(void)program;
	return mode == SANDBOX_ON ? ERR_UNSUPPORTED : ERR_NONE;
}

#endif
