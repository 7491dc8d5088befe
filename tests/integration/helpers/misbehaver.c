/* misbehaver FAULT [ARGUMENT]: a service that does one thing wrong when it is stopped, for the tests of svctl explain and
 * svctl doctor. It says READY=1 when it is set up (from which process ever), so that Type=notify waits for that. Faults:
 *
 *     ignore       ignores SIGTERM                       ignore-child   its child does
 *     block        blocks SIGTERM and never takes it     sockets        catches SIGTERM, has 3 sockets and goes on
 *     exit N       ends with status N on SIGTERM         abort          crashes on SIGTERM, with a core dump
 *     stopping     says STOPPING=1 on SIGTERM and hangs  extend USEC  asks for so much more on SIGTERM, and hangs
 *     zombie       never takes the exit status of a child; ignores SIGTERM
 *     double-fork  goes into the background as daemons did
 *         escape [deaf]  has a deaf grandchild in a session of its own; ends on SIGTERM, or is deaf, too
 *     traced       is held by a tracer                   stopped        is stopped again whenever it is continued
 *     child        has a child that obeys; ends on SIGTERM, without telling it
 *     respawn      starts a deaf child when it gets SIGTERM, and hangs
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *argument = "0";

static void notify(const char *text) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path != NULL && fd >= 0 && strlen(path) < sizeof address.sun_path) {
        strcpy(address.sun_path, path);
        if (sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&address, sizeof address) < 0) {
            perror("sendto");
        }
    }
    close(fd);
}

/* Returns when svcd has handled all that was before this message, the sending of the stop signal too: it closes the
 * descriptor that comes with BARRIER=1 then (sd_notify_barrier(3)). */
static void wait_for_svcd(void) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[] = "BARRIER=1";
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec data = {text, sizeof text - 1};
    struct msghdr message = {&address, sizeof address, &data, 1, control, sizeof control, 0};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    int ends[2];
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (path == NULL || fd < 0 || strlen(path) >= sizeof address.sun_path || pipe(ends) != 0) {
        _exit(1);
    }
    strcpy(address.sun_path, path);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
    if (sendmsg(fd, &message, 0) < 0) {
        _exit(1);
    }
    close(fd);
    close(ends[1]);
    while (read(ends[0], text, 1) < 0) {  /* until the other end is closed */
    }
    close(ends[0]);
}

static void hang(void) {
    for (;;) {
        pause();
    }
}

static void do_nothing(int number) {
    (void)number;
}

static void end(int number) {
    (void)number;
    _exit(atoi(argument));
}

static void crash(int number) {
    (void)number;
    abort();
}

static void say_stopping(int number) {
    (void)number;
    notify("STOPPING=1\nSTATUS=closing 3 connections");
}

static void ask_for_more(int number) {
    (void)number;
        char text[64];
    snprintf(text, sizeof text, "EXTEND_TIMEOUT_USEC=%s", argument);
    notify(text);
}

static void respawn(int number) {
    (void)number;
    wait_for_svcd();  /* or the signal might reach the child, too */
    if (fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        hang();
    }
    sleep(60);
}

/* The faults: each returns when the process is set up. */

static void ignore(void) {
    signal(SIGTERM, SIG_IGN);
}

static void ignore_child(void) {
    if (fork() == 0) {
        ignore();
        notify("READY=1");
        hang();
    }
}

static void block(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static void sockets(void) {
    int pair[2];
    signal(SIGTERM, do_nothing);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0) {
        _exit(1);
    }
}

static void leave_zombie(void) {
    const pid_t child = fork();
    siginfo_t info;
    ignore();
    if (child == 0) {
        _exit(0);
    }
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);  /* it is dead, and stays */
}

static void double_fork(void) {
    if (fork() > 0) {
        _exit(0);
    }
    setsid();
    if (fork() > 0) {
        _exit(0);
    }
}

/* It is ready when both are: the grandchild closes the pipe when it is deaf. */
static void escape(void) {
    int ends[2];
    char nothing;
    if (pipe(ends) != 0) {
        _exit(1);
    }
    const pid_t child = fork();
    if (child == 0) {
        setsid();
        if (fork() > 0) {
            _exit(0);
        }
        ignore();
        close(ends[1]);
        close(ends[0]);
        hang();
    }
    close(ends[1]);
    waitpid(child, NULL, 0);
    while (read(ends[0], &nothing, 1) < 0) {
    }
    close(ends[0]);
    if (strcmp(argument, "deaf") == 0) {
        ignore();
    }
}

static void be_traced(void) {
    const pid_t parent = getpid();
    if (fork() > 0) {
        hang();
    }
    ignore();
    if (ptrace(PTRACE_SEIZE, parent, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, parent, NULL, NULL) != 0) {
        perror("ptrace");
        _exit(1);
    }
    waitpid(parent, NULL, __WALL);
}

static void be_stopped(void) {
    const pid_t parent = getpid();
    signal(SIGTERM, do_nothing);
    if (fork() == 0) {
        ignore();
        notify("READY=1");
        for (;;) {
            kill(parent, SIGSTOP);
            usleep(1000);
        }
    }
}

static void have_child(void) {
    if (fork() == 0) {
        notify("READY=1");
        hang();
    }
}

static void on_sigterm(void (*handler)(int)) {
    signal(SIGTERM, handler);
}

int main(int count, char **words) {
    const char *fault = count > 1 ? words[1] : "";
    int somebody_else_says_it = 0;
    argument = count > 2 ? words[2] : argument;
    if (strcmp(fault, "ignore") == 0) {
        ignore();
    } else if (strcmp(fault, "ignore-child") == 0) {
        ignore_child();
        somebody_else_says_it = 1;
    } else if (strcmp(fault, "block") == 0) {
        block();
    } else if (strcmp(fault, "sockets") == 0) {
        sockets();
    } else if (strcmp(fault, "exit") == 0) {
        on_sigterm(end);
    } else if (strcmp(fault, "abort") == 0) {
        on_sigterm(crash);
    } else if (strcmp(fault, "stopping") == 0) {
        on_sigterm(say_stopping);
    } else if (strcmp(fault, "extend") == 0) {
        on_sigterm(ask_for_more);
    } else if (strcmp(fault, "zombie") == 0) {
        leave_zombie();
    } else if (strcmp(fault, "double-fork") == 0) {
        double_fork();
    } else if (strcmp(fault, "escape") == 0) {
        escape();
    } else if (strcmp(fault, "traced") == 0) {
        be_traced();
    } else if (strcmp(fault, "stopped") == 0) {
        be_stopped();
        somebody_else_says_it = 1;
    } else if (strcmp(fault, "child") == 0) {
        have_child();
        somebody_else_says_it = 1;
    } else if (strcmp(fault, "respawn") == 0) {
        on_sigterm(respawn);
    } else {
        fprintf(stderr, "misbehaver: there is no fault '%s'\n", fault);
        return 2;
    }
    if (!somebody_else_says_it) {
        notify("READY=1");
    }
    hang();
}
