/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only file that knows kernel versions. Each entry says what changed, and
 * goes when the older side is no longer supported. Supported: 6.1, 6.12, 7.3.
 */
#ifndef _TCPX_COMPAT_H
#define _TCPX_COMPAT_H

#include <linux/version.h>
#include <net/net_namespace.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "tcpx needs Linux 6.1 or newer"
#endif

/*
 * 6.6: a sysctl table is registered with its size; an empty entry at its end,
 * which 6.1 needs, must not be counted. The table may be a pointer here.
 */
#ifdef register_net_sysctl
#define tcpx_register_sysctl(net, path, table, n) \
	register_net_sysctl_sz(net, path, table, n)
#else
#define tcpx_register_sysctl(net, path, table, n) \
	register_net_sysctl(net, path, table)
#endif

/* 6.11: the table is const for a sysctl handler. */
#define TCPX_CTL_TABLE							\
	typeof(*__builtin_choose_expr(					\
		__builtin_types_compatible_p(proc_handler,		\
			int(const struct ctl_table *, int, void *,	\
			    size_t *, loff_t *)),			\
		(const struct ctl_table *)NULL, (struct ctl_table *)NULL))

/* TCPX_HAVE_*: Kbuild looks for what changed in the kernel's own headers. */

/* An address of a socket call, no longer passed as struct sockaddr. */
#ifdef TCPX_HAVE_SOCKADDR_UNSIZED
#define tcpx_sockaddr sockaddr_unsized
#else
#define tcpx_sockaddr sockaddr
#endif

/* proto.recvmsg and inet_recv_error() lost the length of the address. */
#ifdef TCPX_HAVE_RECVMSG_ADDR_LEN
#define TCPX_PROTO_RECVMSG(name)						\
static int name(struct sock *sk, struct msghdr *msg, size_t len, int flags, \
		int *addr_len)						\
{									\
	return tcpx_recv(sk, msg, len, flags);				\
}

#define tcpx_recv_error(sk, msg, len)					\
	({ int __addr_len = 0; inet_recv_error(sk, msg, len, &__addr_len); })
#else
#define TCPX_PROTO_RECVMSG(name)						\
static int name(struct sock *sk, struct msghdr *msg, size_t len, int flags) \
{									\
	return tcpx_recv(sk, msg, len, flags);				\
}

#define tcpx_recv_error(sk, msg, len) inet_recv_error(sk, msg, len)
#endif

/* proto.accept takes its arguments in a struct. */
#ifdef TCPX_HAVE_PROTO_ACCEPT_ARG
#define TCPX_PROTO_ACCEPT(name)						\
static struct sock *name(struct sock *sk, struct proto_accept_arg *arg)	\
{									\
	return tcpx_accept(sk, arg->flags, &arg->err);			\
}
#else
#define TCPX_PROTO_ACCEPT(name)						\
static struct sock *name(struct sock *sk, int flags, int *err, bool kern) \
{									\
	return tcpx_accept(sk, flags, err);				\
}
#endif

/* proto.ioctl hands over a kernel int instead of a user pointer. */
#ifdef TCPX_HAVE_PROTO_IOCTL_KARG
#define TCPX_PROTO_IOCTL(name)						\
static int name(struct sock *sk, int cmd, int *karg)			\
{									\
	return tcpx_ioctl(sk, cmd, karg);				\
}
#else
#define TCPX_PROTO_IOCTL(name)						\
static int name(struct sock *sk, int cmd, unsigned long arg)		\
{									\
	int val = 0;							\
	int err = tcpx_ioctl(sk, cmd, &val);				\
									\
	return err ?: put_user(val, (int __user *)arg);			\
}
#endif

/* 6.12: moved out of asm/. */
#ifdef TCPX_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _TCPX_COMPAT_H */
