/* actor NAME [WORD...]: a service that does as its words say, and tells what happens to it.
 *
 * Each happening is one line to the file that $ACTOR_LOG names (a FIFO of the test):
 *     MICROSECONDS-OF-CLOCK_MONOTONIC NAME WHAT
 * where WHAT is start, ready, signal N, end, or what a word below says. Words, in the order in which they are looked at:
 *
 *     print=TEXT        a line to stdout              warn=TEXT     a line to stderr
 *     env=NAME          logs "env NAME=VALUE"         facts         logs uid, gid, cwd, umask, nofile, nice, oom_score_adj
 *     kids=N            N children that obey          strays=N      N children, forked twice, in sessions of their own, deaf
 *     bomb=N            forks N deaf processes as a tree, as fast as it can
 *     deaf=A,B          signals (by number) that it logs and otherwise ignores
 *     fork              the parent ends once the daemon is set up; pid=PATH: written before that
 *     wait=MS           before it says that it is ready
 *     ready             sends READY=1                 send=TEXT     sends a notification ('+' for a newline)
 *     every=MS:TEXT     sends TEXT every MS
 *     touch=PATH        makes a file                  need=PATH     ends with 1 when there is no such file
 *     die=N             kills itself with signal N    exit=N        ends at once with status N
 *     run=MS            ends by itself after MS       code=N        with this status
 *     stop=MS           time it takes to end after a stop signal (SIGTERM, SIGINT, SIGQUIT, SIGABRT)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *name;
static int words;
static char **word;

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static void tell(const char *what) {
    const char *path = getenv("ACTOR_LOG");
    char line[1024];
    const int length = snprintf(line, sizeof line, "%lld %s %s\n", now(), name, what);
    const int fd = path ? open(path, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (write(fd, line, (size_t)length) != length) {
            _exit(99);
        }
        close(fd);
    }
}

/* The text behind "KEY=" in the words from `*from` on, or NULL; a word without '=' has the text "". */
static const char *next_value(const char *key, int *from) {
    const size_t length = strlen(key);
    for (int i = *from; i < words; ++i) {
        if (strncmp(word[i], key, length) == 0 && (word[i][length] == '=' || word[i][length] == '\0')) {
            *from = i + 1;
            return word[i] + length + (word[i][length] == '=');
        }
    }
    return NULL;
}

static const char *value(const char *key) {
    int from = 0;
    return next_value(key, &from);
}

static int number(const char *key, int absent) {
    const char *text = value(key);
    return text ? atoi(text) : absent;
}

static void notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    if (!path) {
        return;
    }
    char message[2048];
    snprintf(message, sizeof message, "%s", text);
    for (char *at = message; *at; ++at) {
        *at = *at == '+' ? '\n' : *at;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address.sun_path) + (path[0] != '@'));
    if (path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, size) < 0) {
        tell("notify failed");
    }
    close(fd);
}

static void pause_for_ever(void) {
    for (;;) {
        pause();
    }
}

static void make_children(void) {
    for (int i = number("kids", 0); i > 0; --i) {
        if (fork() == 0) {
            sigset_t none;
            sigemptyset(&none);
            sigprocmask(SIG_SETMASK, &none, NULL);
            pause_for_ever();
        }
    }
    for (int i = number("strays", 0); i > 0; --i) {
        if (fork() == 0) {
            setsid();
            if (fork() == 0) {
                setsid();
                pause_for_ever(); /* with every signal blocked, as inherited */
            }
            _exit(0);
        }
        wait(NULL);
    }
    /* A tree: each process forks off one half of what is left to make, and goes on with the other. */
    int is_child = 0;
    for (int left = number("bomb", 0); left > 0;) {
        const int half = (left + 1) / 2;
        if (fork() == 0) {
            is_child = 1;
            left = half - 1;
        } else {
            left -= half;
        }
    }
    if (is_child) {
        pause_for_ever();
    }
}

static void tell_facts(void) {
    struct rlimit files;
    char cwd[256] = "?";
    char line[700];
    char score[16] = "?";
    const mode_t mask = umask(0);
    umask(mask);
    getrlimit(RLIMIT_NOFILE, &files);
    if (!getcwd(cwd, sizeof cwd)) {
        strcpy(cwd, "?");
    }
    const int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
    const ssize_t got = read(fd, score, sizeof score - 1);
    score[got > 0 ? got - 1 : 0] = '\0';
    close(fd);
    snprintf(line, sizeof line, "facts uid=%d gid=%d cwd=%s umask=%03o nofile=%llu nice=%d oom=%s", (int)getuid(), (int)getgid(),
             cwd, (unsigned)mask, (unsigned long long)files.rlim_cur, getpriority(PRIO_PROCESS, 0), score);
    tell(line);
}

/* Becomes a daemon; the caller's parent ends when `finish_fork` is called. */
static int fork_pipe = -1;
static void begin_fork(void) {
    int ends[2];
    if (!value("fork") || pipe2(ends, O_CLOEXEC) < 0) {
        return;
    }
    if (fork() != 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    fork_pipe = ends[1];
    setsid();
    if (value("pid")) {
        FILE *file = fopen(value("pid"), "we");
        if (file) {
            fprintf(file, "%d\n", (int)getpid());
            fclose(file);
        }
    }
}

static void finish_fork(void) {
    if (fork_pipe >= 0) {
        if (write(fork_pipe, "x", 1) != 1) {
            _exit(98);
        }
        close(fork_pipe);
    }
}

static void say_things(void) {
    int from = 0;
    for (const char *text; (text = next_value("print", &from));) {
        printf("%s\n", text);
    }
    fflush(stdout);
    from = 0;
    for (const char *text; (text = next_value("warn", &from));) {
        fprintf(stderr, "%s\n", text);
    }
    from = 0;
    for (const char *variable; (variable = next_value("env", &from));) {
        char line[700];
        const char *content = getenv(variable);
        snprintf(line, sizeof line, "env %s%s%s", variable, content ? "=" : " unset", content ? content : "");
        tell(line);
    }
    if (value("facts")) {
        tell_facts();
    }
}

static void end_early(void) {
    if (value("touch")) {
        close(open(value("touch"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
    if (value("need") && access(value("need"), F_OK) != 0) {
        tell("missing");
        _exit(1);
    }
    if (value("die")) {
        const int signal_number = number("die", SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        signal(signal_number, SIG_DFL);
        sigprocmask(SIG_SETMASK, &none, NULL);
        kill(getpid(), signal_number);
        pause_for_ever();
    }
    if (value("exit")) {
        _exit(number("exit", 0));
    }
}

static int is_deaf_to(int signal_number) {
    const char *list = value("deaf");
    while (list && *list) {
        char *rest;
        if (strtol(list, &rest, 10) == signal_number) {
            return 1;
        }
        list = *rest == ',' ? rest + 1 : NULL;
    }
    return 0;
}

static _Noreturn void live(int signals) {
    const char *every = value("every");
    const long long period = every ? atoll(every) * 1000 : 0;
    long long next = every ? now() + period : 0;
    long long end = value("run") ? now() + number("run", 0) * 1000LL : 0;
    for (;;) {
        const long long first = next && (!end || next < end) ? next : end;
        long long left = first ? first - now() : 0;
        struct pollfd wanted = {.fd = signals, .events = POLLIN};
        if (first && left < 0) {
            left = 0;
        }
        poll(&wanted, 1, first ? (int)((left + 999) / 1000) : -1);
        if (wanted.revents) {
            struct signalfd_siginfo info;
            if (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
                const int got = (int)info.ssi_signo;
                char line[64];
                snprintf(line, sizeof line, "signal %d", got);
                tell(line);
                if ((got == SIGTERM || got == SIGINT || got == SIGQUIT || got == SIGABRT) && !is_deaf_to(got)) {
                    end = now() + number("stop", 0) * 1000LL;
                }
            }
        }
        if (next && now() >= next) {
            notify(strchr(every, ':') + 1);
            next += period;
        }
        if (end && now() >= end) {
            tell("end");
            _exit(number("code", 0));
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        return 2;
    }
    name = argv[1];
    words = argc - 2;
    word = argv + 2;
    /* SIGCHLD stays away: children are the supervisor's business here, not ours. */
    sigset_t all;
    sigfillset(&all);
    sigdelset(&all, SIGCHLD);
    sigprocmask(SIG_SETMASK, &all, NULL);
    begin_fork();
    const int signals = signalfd(-1, &all, SFD_CLOEXEC);
    say_things();
    make_children();
    tell("start");
    end_early();
    if (value("wait")) {
        poll(NULL, 0, number("wait", 0));
    }
    finish_fork();
    if (value("ready")) {
        tell("ready");
        notify("READY=1");
    }
    int from = 0;
    for (const char *text; (text = next_value("send", &from));) {
        notify(text);
    }
    live(signals);
}
