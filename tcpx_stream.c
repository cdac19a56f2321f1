// SPDX-License-Identifier: GPL-2.0
/*
 * The stream: send() fills the send queue, recv() empties the receive queue.
 */
#include <linux/uio.h>
#include <linux/sockios.h>
#include <net/inet_common.h>
#include <asm/ioctls.h>

#include "tcpx.h"
#include "tcpx_timer.h"

/*
 * Sending
 */

/* The law on a call that changes nothing: its verdict, or a negative errno. */
static int ask(struct sock *sk, enum tcpx_event event, u32 *acts)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct tcpx_verdict v;

	tcpx_fsm_event(&tp->tcb, tcpx_ctx(sk), event, 0, &v);
	tcpx_mib_verdict(tp->tn, &v);
	*acts = v.acts;
	return -v.err;
}

/* The segment that takes more text, or a new one; NULL if the buffer is full. */
static struct sk_buff *tail_segment(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (skb && skb->len < tcpx_sk(sk)->mss &&
	    !(tcpx_cb(skb)->flags & (TCPX_FIN | TCPX_URG)))
		return skb;
	if (!sk_stream_memory_free(sk))
		return NULL;
	skb = tcpx_skb_alloc(sk, sk->sk_allocation);
	if (skb)
		tcpx_queue_skb(sk, skb);
	return skb;
}

/* Copy into the page fragment of the task: octets copied, 0 if no memory. */
static int append(struct sock *sk, struct sk_buff *skb, struct msghdr *msg)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int copy, err;

	if (!sk_page_frag_refill(sk, pfrag))
		return 0;
	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS) {
		/* Full, whatever its length: what follows needs another. */
		return -ENOSPC;
	}
	copy = min_t(int, msg_data_left(msg), tcpx_sk(sk)->mss - skb->len);
	copy = min_t(int, copy, pfrag->size - pfrag->offset);
	if (!sk_wmem_schedule(sk, copy))
		return 0;
	err = skb_copy_to_page_nocache(sk, &msg->msg_iter, skb, pfrag->page,
				       pfrag->offset, copy);
	if (err)
		return err;
	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], copy);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, copy);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += copy;
	tcpx_cb(skb)->end += copy;
	tcpx_sk(sk)->write_seq += copy;
	return copy;
}

/* An empty segment that a failed copy left behind. */
static void drop_empty_tail(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb || skb->len || tcpx_cb(skb)->flags & TCPX_FIN)
		return;
	__skb_unlink(skb, &sk->sk_write_queue);
	tcpx_free_skb(sk, skb);
}

static void mark_push(struct sock *sk, int flags)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb)
		return;
	tp->more = flags & MSG_MORE;
	/* RFC 9293 3.9.1.2: no PUSH flag in the call, so the last segment has it. */
	if (!tp->more)
		tcpx_cb(skb)->flags |= TCPX_PSH;
	/* Text that follows an urgent octet goes into another segment. */
	if (flags & MSG_OOB) {
		tp->tcb.snd_up = tp->write_seq;
		tcpx_cb(skb)->flags |= TCPX_URG;
	}
}

static int send_ready(struct sock *sk, long *timeo)
{
	u32 acts;
	int err;

	if (READ_ONCE(sk->sk_err))
		return -EPIPE;
	err = ask(sk, TCPX_EV_SEND, &acts);
	if (err)
		return err;
	if (!(acts & TCPX_ACT_WAIT))
		return 0;
	return sk_stream_wait_connect(sk, timeo);
}

static int send_all(struct sock *sk, struct msghdr *msg, long *timeo,
		    ssize_t *copied)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;
	int n;

	while (msg_data_left(msg)) {
		if (sk->sk_err || sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		skb = tail_segment(sk);
		n = skb ? append(sk, skb, msg) : 0;
		if (n > 0) {
			*copied += n;
			/* The last one is still to be marked. */
			if (skb->len >= tp->mss && msg_data_left(msg))
				tcpx_push(sk, false);
			continue;
		}
		if (n == -ENOSPC) {
			skb = tcpx_skb_alloc(sk, sk->sk_allocation);
			if (skb) {
				tcpx_queue_skb(sk, skb);
				continue;
			}
			n = 0;
		}
		if (n < 0)
			return n;
		drop_empty_tail(sk);
		set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		tcpx_push(sk, false);
		n = sk_stream_wait_memory(sk, timeo);
		if (n)
			return n;
	}
	return 0;
}

/**
 * tcpx_sendmsg - send()
 * @sk: the socket
 * @msg: the text; MSG_OOB, MSG_MORE, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_EOR
 * @len: its length
 *
 * Context: process.
 * Return: octets taken, or a negative errno
 */
int tcpx_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	int flags = msg->msg_flags;
	ssize_t copied = 0;
	long timeo;
	int err;

	lock_sock(sk);
	timeo = sock_sndtimeo(sk, flags & MSG_DONTWAIT);
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	err = send_ready(sk, &timeo);
	if (!err)
		err = send_all(sk, msg, &timeo, &copied);
	drop_empty_tail(sk);
	if (copied) {
		mark_push(sk, flags);
		tcpx_push(sk, flags & MSG_OOB);
		err = 0;
	}
	if (err) {
		err = sk_stream_error(sk, flags, err);
		/* Edge-triggered epoll must hear of room again. */
		if (err == -EAGAIN)
			sk->sk_write_space(sk);
	}
	release_sock(sk);
	return copied ?: err;
}

/*
 * Receiving
 */

/**
 * tcpx_inq - octets that recv() could read now
 * @sk: the socket
 *
 * Context: any; a moment's view without the lock.
 * Return: octets
 */
int tcpx_inq(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	/* Without the lock a reader may overtake us between the two. */
	s32 n = READ_ONCE(tp->tcb.rcv_nxt) - READ_ONCE(tp->copied_seq);

	if ((1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV))
		return 0;
	/* The FIN has a number and is no octet. */
	if (sock_flag(sk, SOCK_DONE))
		n--;
	return max(n, 0);
}

/**
 * tcpx_window_opened - the application has read: tell the peer if it matters
 * @sk: the socket
 *
 * RFC 9293 3.8.6.2.2: the window may have grown by a segment or half the buffer.
 *
 * Context: process, socket locked.
 */
void tcpx_window_opened(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 wnd = tcpx_new_window(sk);

	if (sk->sk_shutdown & RCV_SHUTDOWN || sk->sk_state == TCP_CLOSE)
		return;
	if (wnd > tp->tcb.rcv_wnd && wnd >= 2 * tp->tcb.rcv_wnd)
		tcpx_send_ack(sk);
}

static struct sk_buff *first_unread(struct sock *sk, u32 seq, u32 *offset)
{
	struct sk_buff *skb;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		*offset = seq - tcpx_cb(skb)->seq;
		if (*offset < skb->len)
			return skb;
	}
	return NULL;
}

static void free_read(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;

	while ((skb = skb_peek(&sk->sk_receive_queue)) &&
	       !tcpx_after(tcpx_cb(skb)->seq + skb->len, tp->copied_seq)) {
		__skb_unlink(skb, &sk->sk_receive_queue);
		__kfree_skb(skb);
	}
}

static int recv_oob(struct sock *sk, struct msghdr *msg, int len, int flags)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u8 octet = tp->urg_data;

	if (sock_flag(sk, SOCK_URGINLINE) || !tp->urg_data ||
	    tp->urg_data == TCPX_URG_READ)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;
	if (tp->urg_data & TCPX_URG_VALID) {
		if (!(flags & MSG_PEEK))
			WRITE_ONCE(tp->urg_data, TCPX_URG_READ);
		msg->msg_flags |= MSG_OOB;
		if (!len) {
			msg->msg_flags |= MSG_TRUNC;
			return 0;
		}
		if (!(flags & MSG_TRUNC) && memcpy_to_msg(msg, &octet, 1))
			return -EFAULT;
		return 1;
	}
	if (sk->sk_state == TCP_CLOSE || sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return -EAGAIN;
}

/*
 * Octets before the urgent one are read first and end the call there; the
 * urgent one itself is skipped unless SO_OOBINLINE.
 */
static u32 until_urgent(struct sock *sk, u32 seq, u32 n, bool *skip)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 dist = tp->urg_seq - seq;

	*skip = false;
	if (!tp->urg_data || dist >= n)
		return n;
	if (dist)
		return dist;
	*skip = !sock_flag(sk, SOCK_URGINLINE);
	return *skip ? 0 : n;
}

struct recv_state {
	u32 seq;	/* next octet to read */
	int copied;
	int target;
	int flags;
	long timeo;
	u8 state;	/* where the law was asked */
	u32 acts;	/* its verdict */
	int err;
};

/* The law on this recv(), asked once for each state that the call sees. */
static int may_receive(struct sock *sk, struct recv_state *r)
{
	if (r->state != sk->sk_state) {
		r->state = sk->sk_state;
		r->err = ask(sk, TCPX_EV_RECEIVE, &r->acts);
	}
	return r->err;
}

/* What recv() returns when there is nothing to read; 0 to wait. */
static int recv_idle(struct sock *sk, struct recv_state *r, bool *stop)
{
	*stop = true;
	if (r->copied && (sk->sk_err || sk->sk_state == TCP_CLOSE ||
			  sk->sk_shutdown & RCV_SHUTDOWN || !r->timeo ||
			  signal_pending(current)))
		return 0;
	if (!r->copied) {
		if (sock_flag(sk, SOCK_DONE))
			return 0;
		if (sk->sk_err)
			return sock_error(sk);
		if (may_receive(sk, r))
			return r->err;
		if (r->acts & TCPX_ACT_EOF || sk->sk_shutdown & RCV_SHUTDOWN)
			return 0;
		if (!r->timeo)
			return -EAGAIN;
		if (signal_pending(current))
			return sock_intr_errno(r->timeo);
	}
	*stop = false;
	return 0;
}

/* Where a call begins to read; SO_PEEK_OFF moves where it begins to peek. */
static u32 recv_start(struct sock *sk, int flags)
{
	return tcpx_sk(sk)->copied_seq + max(sk_peek_offset(sk, flags), 0);
}

static void read_up_to(struct sock *sk, const struct recv_state *r)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (r->flags & MSG_PEEK)
		return;
	WRITE_ONCE(tp->copied_seq, r->seq);
	if (tp->urg_data && tcpx_after(r->seq, tp->urg_seq))
		WRITE_ONCE(tp->urg_data, 0);
	free_read(sk);
}

/* One piece from the queue: octets, 0 if the call ends, negative errno. */
static int recv_piece(struct sock *sk, struct msghdr *msg, struct sk_buff *skb,
		      u32 offset, int len, struct recv_state *r, bool *end)
{
	u32 n = min_t(u32, skb->len - offset, len);
	bool skip;
	int err;

	n = until_urgent(sk, r->seq, n, &skip);
	if (skip) {
		/* At the mark: a call that has read something ends before it. */
		if (r->copied) {
			*end = true;
			return 0;
		}
		r->seq++;
		read_up_to(sk, r);
		return 0;
	}
	if (!(r->flags & MSG_TRUNC)) {
		err = skb_copy_datagram_msg(skb, offset, msg, n);
		if (err) {
			*end = true;
			return r->copied ? 0 : -EFAULT;
		}
	}
	r->seq += n;
	r->copied += n;
	if (r->flags & MSG_PEEK)
		sk_peek_offset_fwd(sk, n);
	else
		sk_peek_offset_bwd(sk, n);
	read_up_to(sk, r);
	return n;
}

static int recv_loop(struct sock *sk, struct msghdr *msg, int len,
		     struct recv_state *r)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;
	bool stop = false;
	u32 offset;
	int n;

	/* A call for no octets waits for some too. */
	do {
		/* Stop at urgent data, so that SIOCATMARK can tell the place. */
		if (tp->urg_data && tp->urg_seq == r->seq && r->copied)
			break;
		skb = first_unread(sk, r->seq, &offset);
		if (skb) {
			n = recv_piece(sk, msg, skb, offset, len, r, &stop);
			if (n < 0)
				return n;
			len -= n;
			continue;
		}
		if (r->copied >= r->target)
			break;
		n = recv_idle(sk, r, &stop);
		if (stop)
			return n;
		tcpx_window_opened(sk);
		sk_wait_data(sk, &r->timeo,
			     skb_peek_tail(&sk->sk_receive_queue));
		/* The stream may have begun, or another reader may have read. */
		if (!(r->flags & MSG_PEEK) || !r->copied)
			r->seq = recv_start(sk, r->flags);
	} while (len && !stop);
	return 0;
}

/**
 * tcpx_recv - recv()
 * @sk: the socket
 * @msg: where to
 * @len: how much at most
 * @flags: MSG_PEEK, MSG_WAITALL, MSG_DONTWAIT, MSG_OOB, MSG_TRUNC
 *
 * Context: process.
 * Return: octets read, 0 at the end of the stream, or a negative errno
 */
int tcpx_recv(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct recv_state r = { .flags = flags };
	int err;

	if (unlikely(flags & MSG_ERRQUEUE))
		return tcpx_recv_error(sk, msg, len);
	lock_sock(sk);
	len = min_t(size_t, len, INT_MAX);
	err = may_receive(sk, &r);
	if (sk->sk_state == TCP_LISTEN)
		goto out;
	if (flags & MSG_OOB) {
		err = recv_oob(sk, msg, len, flags);
		r.copied = max(err, 0);
		goto out;
	}
	r.seq = recv_start(sk, flags);
	r.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT);
	r.target = sock_rcvlowat(sk, flags & MSG_WAITALL, len);
	err = recv_loop(sk, msg, len, &r);
	if (!(flags & MSG_PEEK))
		tcpx_window_opened(sk);
out:
	release_sock(sk);
	return r.copied ?: err;
}

/**
 * tcpx_ioctl - ioctl() of a stream
 * @sk: the socket
 * @cmd: SIOCINQ, SIOCATMARK, SIOCOUTQ, SIOCOUTQNSD
 * @arg: the answer
 *
 * Context: process.
 * Return: 0, -EINVAL for a listener, -ENOIOCTLCMD for what is not ours
 */
int tcpx_ioctl(struct sock *sk, int cmd, int *arg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	bool opening;
	int n = 0;

	if (cmd != SIOCINQ && cmd != SIOCATMARK && cmd != SIOCOUTQ &&
	    cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	if (sk->sk_state == TCP_LISTEN && cmd != SIOCATMARK)
		return -EINVAL;

	lock_sock(sk);
	opening = (1 << sk->sk_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV);
	switch (cmd) {
	case SIOCINQ:
		n = tcpx_inq(sk);
		/* Up to the mark, as the next read would; at it nothing. */
		if (tp->urg_data && !sock_flag(sk, SOCK_URGINLINE) &&
		    !tcpx_after(tp->copied_seq, tp->urg_seq))
			n = min_t(u32, n, tp->urg_seq - tp->copied_seq);
		break;
	case SIOCATMARK:
		n = tp->urg_data && tp->urg_seq == tp->copied_seq;
		break;
	case SIOCOUTQ:
		n = opening ? 0 : tp->write_seq - tp->tcb.snd_una;
		break;
	case SIOCOUTQNSD:
		n = opening ? 0 : tp->write_seq - tp->tcb.snd_nxt;
		break;
	}
	release_sock(sk);
	*arg = n;
	return 0;
}
