// SPDX-License-Identifier: GPL-2.0
/*
 * The socket calls that open, close and wait: each locks the socket, asks the
 * law, does what the verdict says. The data path is in tcpx_stream.c.
 */
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/wait_bit.h>
#include <net/inet_common.h>
#include <net/xfrm.h>

#include "tcpx_info.h"
#include "tcpx_timer.h"

/* Sockets whose memory is not freed yet, in all namespaces. */
static atomic_t tcpx_socks = ATOMIC_INIT(0);

/**
 * tcpx_sock_count - a socket came to life, or its copy did
 * @sk: the socket
 *
 * Context: any.
 */
void tcpx_sock_count(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	atomic_inc(&tcpx_socks);
	TCPX_GAUGE_INC(tp->tn, SOCKETS);
	this_cpu_inc(tp->tn->mib->state[tp->tcb.state]);
}

static void tcpx_sock_destruct(struct sock *sk)
{
	struct tcpx_net *tn = tcpx_sk(sk)->tn;

	/* Who frees the socket gives back what make_orphan() gave back. */
	if (!tcpx_sk(sk)->pins_module)
		__module_get(THIS_MODULE);
	inet_sock_destruct(sk);
	TCPX_GAUGE_DEC(tn, SOCKETS);
	this_cpu_dec(tn->mib->state[TCPX_CLOSED]);
	if (atomic_dec_and_test(&tcpx_socks))
		wake_up_var(&tcpx_socks);
}

/**
 * tcpx_init_sock - socket()
 * @sk: new socket, all of its own part zero
 *
 * Context: process.
 * Return: 0
 */
int tcpx_init_sock(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_net *tn = tcpx_net(sock_net(sk));

	tp->pins_module = true;
	tp->tn = tn;
	tp->af = tcpx_afs[TCPX_AF_V4];
	tp->tcb.state = TCPX_CLOSED;
	INIT_HLIST_NODE(&tp->lsn_node);
	INIT_HLIST_NODE(&tp->port_node);
	INIT_LIST_HEAD(&tp->accept_node);
	tp->ooo = RB_ROOT;
	sk->tcp_rtx_queue = RB_ROOT;
	tp->rcv_mss = TCPX_MSS_DEFAULT;
	tp->peer_mss = TCPX_MSS_DEFAULT;
	tcpx_rto_init(&tp->rto, tcpx_param(tn, rto_init_ms) * USEC_PER_MSEC);
	tcpx_timer_init(sk);

	sk->sk_write_space = tcpx_write_space;
	sk->sk_destruct = tcpx_sock_destruct;
	sock_set_flag(sk, SOCK_USE_WRITE_QUEUE);
	/* Listeners and connections are looked up under RCU. */
	sock_set_flag(sk, SOCK_RCU_FREE);
	WRITE_ONCE(sk->sk_sndbuf, tcpx_param(tn, wmem_default));
	WRITE_ONCE(sk->sk_rcvbuf, tcpx_param(tn, rmem_default));
	sk_sockets_allocated_inc(sk);
	tcpx_sock_count(sk);
	return 0;
}

static void free_queues(struct sock *sk)
{
	__skb_queue_purge(&sk->sk_receive_queue);
	tcpx_free_dead(sk);
}

/**
 * tcpx_destroy_sock - an orphan has finished
 * @sk: the socket, in CLOSED
 *
 * Context: socket locked, the caller holds another reference.
 */
void tcpx_destroy_sock(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	DEBUG_NET_WARN_ON_ONCE(sk->sk_state != TCP_CLOSE);
	DEBUG_NET_WARN_ON_ONCE(!sock_flag(sk, SOCK_DEAD));

	tcpx_timer_disarm_all(sk);
	tcpx_hash_remove(sk);
	tcpx_port_release(sk);
	free_queues(sk);
	sk_stream_kill_queues(sk);
	xfrm_sk_free_policy(sk);
	atomic_dec(&tp->tn->orphans);
	TCPX_GAUGE_DEC(tp->tn, ORPHANS);
	sk_sockets_allocated_dec(sk);
	sock_put(sk);
}

/**
 * tcpx_connect_start - the addresses are known: send the SYN
 * @sk: routed socket in the connection table
 *
 * Context: process, socket locked.
 */
void tcpx_connect_start(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_tcb *t = &tp->tcb;
	u8 offer = 0;

	if (tcpx_param(tp->tn, window_scaling))
		offer |= TCPX_TCB_WS;
	if (tcpx_param(tp->tn, timestamps))
		offer |= TCPX_TCB_TS;
	if (tcpx_param(tp->tn, sack))
		offer |= TCPX_TCB_SACK;

	*t = (struct tcpx_tcb){
		.state = TCPX_CLOSED,
		.flags = offer,
		.iss = tcpx_pick_isn(tp->tn, tp->hash, ktime_get_ns()),
	};
	t->snd_una = t->iss;
	t->snd_nxt = t->iss;
	t->snd_up = t->iss;
	if (offer & TCPX_TCB_WS)
		t->rcv_wscale = tcpx_pick_wscale(tp->tn, sk);
	tp->write_seq = t->iss;
	tp->rtx_nxt = t->iss;
	tp->snd_sml = t->iss;
	tp->syn_rtx = 0;
	tp->retries = 0;
	tp->probes = 0;
	tp->wnd_probes = 0;
	tp->urg_data = 0;
	tp->ts_offset = tcpx_pick_ts_offset(tp->tn, tp->hash);
	tp->ts_recent_at = jiffies;
	tp->rcv_at = jiffies;
	tp->peer_mss = U16_MAX;
	tcpx_rto_init(&tp->rto, tcpx_param(tp->tn, rto_init_ms) * USEC_PER_MSEC);
	tcpx_cong_init(&tp->cong, tp->mss, 1, t->iss, 0);
	tcpx_sync_mss(sk, tp->pmtu);
	WRITE_ONCE(sk->sk_err, 0);
	sock_reset_flag(sk, SOCK_DONE);
	TCPX_INC(tp->tn, ACTIVE_OPENS);
	tcpx_event(sk, TCPX_EV_OPEN_ACTIVE, 0, 0);
}

/*
 * Listening
 */

static struct tcpx_lsn *lsn_of(struct sock *sk)
{
	return rcu_dereference_protected(tcpx_sk(sk)->lsn,
					 lockdep_sock_is_held(sk));
}

static void lsn_set_backlog(struct sock *sk, struct tcpx_lsn *lsn, int backlog)
{
	u32 limit = min_t(u32, backlog, tcpx_param(tcpx_sk(sk)->tn, somaxconn));

	WRITE_ONCE(lsn->backlog_arg, limit);
	WRITE_ONCE(lsn->backlog, max(limit, 1U));
	WRITE_ONCE(sk->sk_max_ack_backlog, limit);
}

static struct tcpx_lsn *lsn_alloc(struct sock *sk)
{
	struct tcpx_lsn *lsn = kzalloc(sizeof(*lsn), GFP_KERNEL);

	if (!lsn)
		return NULL;
	lsn->sk = sk;
	lsn->cookie = tcpx_sock_cookie(sk);
	lsn->salt = get_random_u64();
	lsn->overflow = -1;
	spin_lock_init(&lsn->accept_lock);
	INIT_LIST_HEAD(&lsn->accept_queue);
	return lsn;
}

static int listen_start(struct sock *sk, int backlog)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_lsn *lsn;
	int err;

	err = tcpx_synq_create(tp->tn, tcpx_synq_due);
	if (err)
		return err;
	if (!tp->port) {
		err = sk->sk_prot->get_port(sk, 0);
		if (err)
			return err == -ENOMEM ? err : -EADDRINUSE;
		inet_sk(sk)->inet_sport = htons(inet_sk(sk)->inet_num);
	}
	lsn = lsn_alloc(sk);
	if (!lsn)
		return -ENOMEM;
	lsn_set_backlog(sk, lsn, backlog);

	/* LISTEN first: of two that listen at once one must see the other. */
	tcpx_event(sk, TCPX_EV_OPEN_PASSIVE, 0, 0);
	rcu_assign_pointer(tp->lsn, lsn);
	err = tcpx_port_listen(sk) ?: tcpx_hash_listen(sk);
	if (err) {
		RCU_INIT_POINTER(tp->lsn, NULL);
		tcpx_state_set(sk, TCPX_CLOSED);
		kfree_rcu(lsn, rcu);
		return err;
	}
	TCPX_GAUGE_INC(tp->tn, LISTENERS);
	return 0;
}

/**
 * tcpx_listen - listen()
 * @sock: the socket
 * @backlog: half-open entries and, one more, connections waiting for accept()
 *
 * Context: process.
 * Return: 0, -EINVAL in a wrong state, -EADDRINUSE, -ENOMEM
 */
int tcpx_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM)
		goto out;
	if (sk->sk_state == TCP_LISTEN) {
		tcpx_event(sk, TCPX_EV_OPEN_PASSIVE, 0, 0);
		lsn_set_backlog(sk, lsn_of(sk), backlog);
		err = 0;
	} else if (sk->sk_state == TCP_CLOSE) {
		err = listen_start(sk, backlog);
	}
out:
	release_sock(sk);
	return err;
}

static struct sock *accept_pop(struct tcpx_lsn *lsn)
{
	struct tcpx_sock *child;

	spin_lock_bh(&lsn->accept_lock);
	child = list_first_entry_or_null(&lsn->accept_queue, struct tcpx_sock,
					 accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		child->parent = NULL;
		atomic_dec(&lsn->acceptq);
	}
	spin_unlock_bh(&lsn->accept_lock);
	return (struct sock *)child;
}

static int accept_wait(struct sock *sk, long *timeo)
{
	DEFINE_WAIT(wait);
	bool empty;

	prepare_to_wait_exclusive(sk_sleep(sk), &wait, TASK_INTERRUPTIBLE);
	/* The lsn is ours only as long as the lock is. */
	empty = list_empty_careful(&lsn_of(sk)->accept_queue);
	release_sock(sk);
	if (empty)
		*timeo = schedule_timeout(*timeo);
	sched_annotate_sleep();
	lock_sock(sk);
	finish_wait(sk_sleep(sk), &wait);

	if (sk->sk_state != TCP_LISTEN)
		return -EINVAL;
	/* First of all: the wake-up for it went to us and to nobody else. */
	if (!list_empty_careful(&lsn_of(sk)->accept_queue))
		return 0;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	return *timeo ? 0 : -EAGAIN;
}

/**
 * tcpx_accept - accept()
 * @sk: the listener
 * @flags: O_NONBLOCK counts
 * @err: set to 0, -EINVAL if @sk does not listen, -EAGAIN, -EINTR, -ERESTARTSYS
 *
 * Context: process.
 * Return: the oldest connection, or NULL
 */
struct sock *tcpx_accept(struct sock *sk, int flags, int *err)
{
	struct sock *child = NULL;
	long timeo;

	lock_sock(sk);
	*err = -EINVAL;
	if (sk->sk_state != TCP_LISTEN)
		goto out;
	timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	*err = 0;
	while (!(child = accept_pop(lsn_of(sk)))) {
		*err = timeo ? accept_wait(sk, &timeo) : -EAGAIN;
		if (*err)
			goto out;
	}
	*err = 0;
	tcpx_promote(tcpx_sk(sk)->tn, lsn_of(sk));
out:
	release_sock(sk);
	return child;
}

/*
 * A socket holds the module by its struct proto. An orphan does not, or a peer
 * that vanished would keep the module in; tcpx_sock_exit() ends it.
 */
static void make_orphan(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->pins_module) {
		tp->pins_module = false;
		module_put(THIS_MODULE);
	}
	sock_orphan(sk);
	atomic_inc(&tp->tn->orphans);
	TCPX_GAUGE_INC(tp->tn, ORPHANS);
}

/* A connection that nobody accepted and nobody will. */
static void child_abort(struct sock *child)
{
	sock_hold(child);
	local_bh_disable();
	bh_lock_sock(child);
	make_orphan(child);
	if (child->sk_state == TCP_CLOSE)
		tcpx_destroy_sock(child);
	else
		tcpx_event(child, TCPX_EV_CLEANUP, 0, 0);
	bh_unlock_sock(child);
	local_bh_enable();
	sock_put(child);
}

/**
 * tcpx_listen_stop - end listening
 * @sk: socket in LISTEN, its state is changed by the caller
 *
 * When this returns there is no entry of the listener and none will come: no
 * SYN-ACK follows but one that another CPU is about to send at this moment.
 *
 * Context: process, socket locked.
 */
void tcpx_listen_stop(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_lsn *lsn = lsn_of(sk);
	struct sock *child;

	tcpx_hash_unlisten(sk);
	WRITE_ONCE(lsn->dead, true);
	tcpx_synq_sweep(tp->tn, lsn);
	RCU_INIT_POINTER(tp->lsn, NULL);
	while ((child = accept_pop(lsn)))
		child_abort(child);
	TCPX_GAUGE_DEC(tp->tn, LISTENERS);
	kfree_rcu(lsn, rcu);
}

/*
 * Closing
 */

static bool closing(const struct sock *sk)
{
	return (1 << sk->sk_state) &
	       (TCPF_FIN_WAIT1 | TCPF_CLOSING | TCPF_LAST_ACK);
}

/* SO_LINGER: wait until our FIN is acknowledged. */
static void wait_close(struct sock *sk, long timeout)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!timeout)
		return;
	add_wait_queue(sk_sleep(sk), &wait);
	while (timeout && !signal_pending(current))
		if (sk_wait_event(sk, &timeout, !closing(sk), &wait))
			break;
	remove_wait_queue(sk_sleep(sk), &wait);
}

static bool drop_unread(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool unread = false;
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&sk->sk_receive_queue))) {
		if (tcpx_after(tcpx_cb(skb)->seq + skb->len, tp->copied_seq))
			unread = true;
		__kfree_skb(skb);
	}
	return unread;
}

static void close_connection(struct sock *sk, long timeout)
{
	bool unread = drop_unread(sk);

	if (sk->sk_state == TCP_CLOSE)
		return;
	if (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime && !unread)
		tcpx_event(sk, TCPX_EV_ABORT, 0, 0);
	else
		tcpx_event(sk, TCPX_EV_CLOSE, unread ? TCPX_CTX_UNREAD : 0, 0);
	wait_close(sk, timeout);
}

/* SEC-23: many closed sockets with full send queues must not hold all memory. */
static bool too_many_orphans(const struct sock *sk)
{
	const struct tcpx_net *tn = tcpx_sk(sk)->tn;

	return atomic_read(&tn->orphans) > tcpx_param(tn, max_orphans) ||
	       (sk->sk_wmem_queued > SOCK_MIN_SNDBUF &&
		atomic_long_read(sk->sk_prot->memory_allocated) >
		sk_prot_mem_limits(sk, 2));
}

/* What becomes of a connection that nobody owns any more. */
static void adopt_orphan(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	int ms = tp->linger2_ms ?: tcpx_param(tp->tn, fin_timeout_ms);

	if (too_many_orphans(sk) ||
	    (tp->tcb.state == TCPX_FIN_WAIT2 && ms < 0)) {
		if (ms >= 0)
			TCPX_INC(tp->tn, ORPHAN_FULL);
		tcpx_event(sk, TCPX_EV_ABORT, 0, 0);
	} else if (tp->tcb.state == TCPX_FIN_WAIT2) {
		tcpx_timer_arm_keep(sk, msecs_to_jiffies(ms));
	}
}

/**
 * tcpx_close - close()
 * @sk: the socket, whose last reference of a user goes
 * @timeout: SO_LINGER in jiffies
 *
 * Context: process.
 */
void tcpx_close(struct sock *sk, long timeout)
{
	int before;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_shutdown, SHUTDOWN_MASK);
	if (sk->sk_state == TCP_LISTEN) {
		tcpx_listen_stop(sk);
		tcpx_event(sk, TCPX_EV_CLOSE, 0, 0);
	} else {
		close_connection(sk, timeout);
	}

	before = sk->sk_state;
	sock_hold(sk);
	make_orphan(sk);
	/* The backlog runs here and may finish the connection. */
	release_sock(sk);

	local_bh_disable();
	bh_lock_sock(sk);
	if (sk->sk_state == TCP_CLOSE) {
		if (before == TCP_CLOSE)
			tcpx_destroy_sock(sk);
	} else {
		adopt_orphan(sk);
	}
	bh_unlock_sock(sk);
	local_bh_enable();
	sock_put(sk);
}

/**
 * tcpx_sock_exit - end what sockets left behind
 *
 * Resets every orphan, then waits until the last socket is freed: one whose
 * segment stands in a queue of the kernel lives until that is sent.
 *
 * Context: process. No socket is open, no segment and no socket() comes in.
 */
void tcpx_sock_exit(void)
{
	struct sock *sk;

	while ((sk = tcpx_hash_any())) {
		local_bh_disable();
		bh_lock_sock(sk);
		if (sk->sk_state != TCP_CLOSE)
			tcpx_event(sk, TCPX_EV_CLEANUP, 0, 0);
		bh_unlock_sock(sk);
		local_bh_enable();
		sock_put(sk);
		cond_resched();
	}
	wait_var_event(&tcpx_socks, !atomic_read(&tcpx_socks));
}

/**
 * tcpx_forget_addrs - forget the peer, and the own address unless bind() gave it
 * @sk: the socket, in no table of connections
 *
 * Context: process, socket locked.
 */
void tcpx_forget_addrs(struct sock *sk)
{
	struct tcpx_tuple *tuple = &tcpx_sk(sk)->tuple;

	__sk_dst_reset(sk);
	inet_sk(sk)->inet_dport = 0;
	tuple->raddr = in6addr_any;
	tuple->rport = 0;
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK)) {
		inet_reset_saddr(sk);
		ipv6_addr_set_v4mapped(0, &tuple->laddr);
	}
}

/**
 * tcpx_disconnect - make a socket as good as new
 * @sk: the socket
 * @flags: unused
 *
 * connect(AF_UNSPEC), and shutdown() of a listener or of a socket in SYN-SENT.
 *
 * Context: process, socket locked.
 * Return: 0
 */
int tcpx_disconnect(struct sock *sk, int flags)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u8 old = sk->sk_state;

	if (old == TCP_LISTEN) {
		tcpx_listen_stop(sk);
		tcpx_event(sk, TCPX_EV_CLOSE, 0, 0);
	} else if (old != TCP_CLOSE) {
		tcpx_event(sk, TCPX_EV_ABORT, 0, 0);
		/* Who ended it himself is told so; the law's errno is for others. */
		if (!((1 << old) & (TCPF_CLOSING | TCPF_LAST_ACK)))
			WRITE_ONCE(sk->sk_err, ECONNRESET);
	}

	tcpx_timer_disarm_all(sk);
	free_queues(sk);
	tcpx_forget_addrs(sk);
	WRITE_ONCE(sk->sk_shutdown, 0);
	sock_reset_flag(sk, SOCK_DONE);
	sk_set_peek_off(sk, -1);
	tp->tcb = (struct tcpx_tcb){ .state = TCPX_CLOSED };
	tp->write_seq = 0;
	tp->copied_seq = 0;
	tp->urg_data = 0;
	tp->ack_pending = false;
	tp->ack_now = false;
	tp->window_clamp = 0;
	tp->bytes_acked = 0;
	tp->bytes_received = 0;
	tp->segs_in = 0;
	tp->segs_out = 0;
	tp->total_retrans = 0;
	WRITE_ONCE(sk->sk_err_soft, 0);
	sk_error_report(sk);
	return 0;
}

/**
 * tcpx_shutdown - shutdown()
 * @sk: the socket, sk_shutdown is set already
 * @how: SEND_SHUTDOWN sends a FIN
 *
 * Context: process, socket locked.
 */
void tcpx_shutdown(struct sock *sk, int how)
{
	if (how & SEND_SHUTDOWN &&
	    (1 << sk->sk_state) & (TCPF_ESTABLISHED | TCPF_SYN_SENT |
				   TCPF_SYN_RECV | TCPF_CLOSE_WAIT))
		tcpx_event(sk, TCPX_EV_CLOSE, 0, 0);
}

/*
 * Waiting
 */

/**
 * tcpx_write_space - wake who waits for room in the send buffer
 * @sk: the socket
 *
 * Context: any.
 */
void tcpx_write_space(struct sock *sk)
{
	struct socket *sock = sk->sk_socket;
	struct socket_wq *wq;

	/* The room that was made, before the bit: pairs with poll_write(). */
	smp_mb();
	if (!sock || !test_bit(SOCK_NOSPACE, &sock->flags) ||
	    !sk_stream_is_writeable(sk))
		return;
	clear_bit(SOCK_NOSPACE, &sock->flags);
	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM |
						      EPOLLWRBAND);
	if (wq && wq->fasync_list && !(sk->sk_shutdown & SEND_SHUTDOWN))
		sock_wake_async(wq, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

static bool readable(struct sock *sk)
{
	const struct tcpx_sock *tp = tcpx_sk(sk);
	int target = sock_rcvlowat(sk, 0, INT_MAX);
	int n = tcpx_inq(sk);

	/* recv() skips the urgent octet. */
	if (n && READ_ONCE(tp->urg_data) && !sock_flag(sk, SOCK_URGINLINE) &&
	    READ_ONCE(tp->urg_seq) == READ_ONCE(tp->copied_seq))
		n--;
	/* SO_RCVLOWAT must not wait for what a shut window keeps out. */
	return n >= target ||
	       (n && (READ_ONCE(tp->tcb.rcv_wnd) <= READ_ONCE(tp->rcv_mss) ||
		      atomic_read(&sk->sk_rmem_alloc) >
			      READ_ONCE(sk->sk_rcvbuf) / 2));
}

static __poll_t poll_write(struct sock *sk, struct socket *sock)
{
	if (sk->sk_shutdown & SEND_SHUTDOWN || sk_stream_is_writeable(sk))
		return EPOLLOUT | EPOLLWRNORM;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sock->flags);
	/* An ACK may have made room before the bit was set. */
	smp_mb__after_atomic();
	return sk_stream_is_writeable(sk) ? EPOLLOUT | EPOLLWRNORM : 0;
}

/**
 * tcpx_poll - poll(), select(), epoll
 * @file: the file
 * @sock: the socket
 * @wait: who waits
 *
 * Context: process, socket not locked.
 * Return: EPOLL* mask
 */
__poll_t tcpx_poll(struct file *file, struct socket *sock,
		   struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_lsn *lsn;
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);
	state = inet_sk_state_load(sk);
	if (state == TCP_LISTEN) {
		rcu_read_lock();
		lsn = rcu_dereference(tp->lsn);
		if (lsn && !list_empty_careful(&lsn->accept_queue))
			mask = EPOLLIN | EPOLLRDNORM;
		rcu_read_unlock();
		return mask;
	}

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCP_CLOSE)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (state != TCP_SYN_SENT && state != TCP_SYN_RECV) {
		if (readable(sk))
			mask |= EPOLLIN | EPOLLRDNORM;
		mask |= poll_write(sk, sock);
		if (READ_ONCE(tp->urg_data) & TCPX_URG_VALID)
			mask |= EPOLLPRI;
	}
	/* Pairs with the barrier of who reported the error. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}
