// SPDX-License-Identifier: GPL-2.0
/*
 * The text that comes in: whether there is room for it, what waits out of order,
 * what can be read, the urgent pointer and the FIN behind it all.
 */
#include "tcpx.h"

#define TCPX_COMPACT_SIZE SKB_WITH_OVERHEAD(SZ_4K)

/*
 * Text in order was promised room: it may take twice the buffer until it is
 * copied together. Text out of order may not.
 */
static bool rmem_room(struct sock *sk, struct sk_buff *skb)
{
	bool next = !tcpx_after(tcpx_cb(skb)->seq, tcpx_sk(sk)->tcb.rcv_nxt);
	unsigned int limit = READ_ONCE(sk->sk_rcvbuf);

	return atomic_read(&sk->sk_rmem_alloc) <= (next ? 2 * limit : limit) &&
	       sk_rmem_schedule(sk, skb, skb->truesize);
}

/*
 * Segments with little text in much memory: once they have taken half of the
 * buffer they are copied together. Returns what is to be queued.
 */
static struct sk_buff *compact(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *copy;

	if (skb->truesize < 2 * skb->len || skb->len > TCPX_COMPACT_SIZE / 2 ||
	    atomic_read(&sk->sk_rmem_alloc) <= READ_ONCE(sk->sk_rcvbuf) / 2)
		return skb;
	copy = alloc_skb(TCPX_COMPACT_SIZE, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy)
		return skb;
	if (!sk_rmem_schedule(sk, copy, copy->truesize) ||
	    skb_copy_bits(skb, 0, skb_put(copy, skb->len), skb->len)) {
		kfree_skb(copy);
		return skb;
	}
	*tcpx_cb(copy) = *tcpx_cb(skb);
	consume_skb(skb);
	return copy;
}

/* Into the room that compact() left behind the last one */
static bool copy_behind(struct sk_buff *tail, struct sk_buff *skb)
{
	if (skb_cloned(tail) || skb_is_nonlinear(tail) ||
	    skb_tailroom(tail) < (int)skb->len)
		return false;
	return !skb_copy_bits(skb, 0, skb_put(tail, skb->len), skb->len);
}

static void ooo_free(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	rb_erase(&skb->rbnode, &tp->ooo);
	TCPX_GAUGE_DEC(tp->tn, OOO_SKBS);
	kfree_skb(skb);
}

/**
 * tcpx_text_forget - free what did not come in order
 * @sk: the socket
 *
 * Context: socket locked or its last user.
 */
void tcpx_text_forget(struct sock *sk)
{
	struct rb_node *n;

	while ((n = rb_first(&tcpx_sk(sk)->ooo)))
		ooo_free(sk, rb_to_skb(n));
}

/*
 * Text is worth more the nearer it is to RCV.NXT: drop from the far end what
 * begins behind @skb.
 */
static bool ooo_prune(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct rb_node *n;

	while ((n = rb_last(&tp->ooo))) {
		if (!tcpx_after(tcpx_cb(rb_to_skb(n))->seq, tcpx_cb(skb)->seq))
			return false;
		ooo_free(sk, rb_to_skb(n));
		TCPX_INC(tp->tn, OOO_PRUNED);
		if (rmem_room(sk, skb))
			return true;
	}
	return false;
}

static u32 text_end(struct sk_buff *skb)
{
	return tcpx_cb(skb)->seq + skb->len;
}

/*
 * Behind the last one, merged with it where that saves memory. Octets before
 * RCV.NXT may come a second time: the reader skips them.
 */
static void rcv_append(struct sock *sk, struct sk_buff *skb)
{
	struct sk_buff *tail = skb_peek_tail(&sk->sk_receive_queue);
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 n = text_end(skb) - tp->tcb.rcv_nxt;
	bool stolen;
	int delta;

	tp->tcb.rcv_nxt += n;
	tp->tcb.rcv_wnd -= min(n, tp->tcb.rcv_wnd);
	tp->bytes_received += n;
	/* RCV.UP follows, or half the circle later nothing would be urgent. */
	if (tcpx_before(tp->tcb.rcv_up, tp->copied_seq))
		tp->tcb.rcv_up = tp->copied_seq;
	if (tail && text_end(tail) == tcpx_cb(skb)->seq) {
		if (copy_behind(tail, skb)) {
			TCPX_INC(tp->tn, RCV_COALESCED);
			consume_skb(skb);
			return;
		}
		if (skb_try_coalesce(tail, skb, &stolen, &delta)) {
			TCPX_INC(tp->tn, RCV_COALESCED);
			atomic_add(delta, &sk->sk_rmem_alloc);
			sk_mem_charge(sk, delta);
			kfree_skb_partial(skb, stolen);
			return;
		}
	}
	skb = compact(sk, skb);
	skb_set_owner_r(skb, sk);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
}

/* Move what is in order now out of the queue; true when a FIN came with it. */
static bool ooo_drain(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct sk_buff *skb;
	bool fin = false;

	while (!fin && (skb = skb_rb_first(&tp->ooo))) {
		u32 end = text_end(skb);

		if (tcpx_after(tcpx_cb(skb)->seq, tp->tcb.rcv_nxt))
			break;
		fin = tcpx_cb(skb)->flags & TCPX_FIN &&
		      !tcpx_before(end, tp->tcb.rcv_nxt);
		if (!tcpx_after(end, tp->tcb.rcv_nxt)) {
			ooo_free(sk, skb);
			continue;
		}
		rb_erase(&skb->rbnode, &tp->ooo);
		TCPX_GAUGE_DEC(tp->tn, OOO_SKBS);
		/* The node shared its place with these. */
		skb->next = NULL;
		skb->prev = NULL;
		skb->dev = NULL;
		skb_orphan(skb);
		rcv_append(sk, skb);
	}
	return fin;
}

/**
 * tcpx_text_next - text in order has come
 * @sk: the socket
 * @skb: the text, consumed; tcpx_fit() has found room for it
 *
 * Context: socket locked.
 * Return: true if a FIN that waited behind a hole is in order now
 */
bool tcpx_text_next(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->rcv_mss = max_t(u32, tp->rcv_mss, min(skb->len, 65535U));
	rcv_append(sk, skb);
	if (RB_EMPTY_ROOT(&tp->ooo))
		return false;
	/* RFC 5681 4.2: an ACK at once for what fills a hole. */
	tp->ack_now = true;
	return ooo_drain(sk);
}

/*
 * Sorted by sequence number; none covers another. Each step is O(log n),
 * whatever a peer sends. The octet that came first wins.
 */
static bool ooo_insert(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	struct rb_node **p = &tp->ooo.rb_node, *parent = NULL;
	struct sk_buff *other;

	while (*p) {
		parent = *p;
		other = rb_to_skb(parent);
		if (tcpx_before(tcpx_cb(skb)->seq, tcpx_cb(other)->seq)) {
			p = &parent->rb_left;
			continue;
		}
		if (!tcpx_after(tcpx_cb(skb)->end, tcpx_cb(other)->end))
			return false;
		p = &parent->rb_right;
	}
	rb_link_node(&skb->rbnode, parent, p);
	rb_insert_color(&skb->rbnode, &tp->ooo);
	TCPX_GAUGE_INC(tp->tn, OOO_SKBS);

	while ((other = skb_rb_next(skb)) &&
	       !tcpx_after(tcpx_cb(other)->end, tcpx_cb(skb)->end))
		ooo_free(sk, other);
	return true;
}

/**
 * tcpx_text_later - text, or a FIN, has come before what precedes it
 * @sk: the socket
 * @skb: the text, consumed; tcpx_fit() has found room for it
 *
 * Context: socket locked.
 */
void tcpx_text_later(struct sock *sk, struct sk_buff *skb)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->ooo_last = tcpx_cb(skb)->seq;
	if (!ooo_insert(sk, skb)) {
		consume_skb(skb);
		return;
	}
	skb_set_owner_r(skb, sk);
	TCPX_INC(tp->tn, OOO_QUEUED);
}

/**
 * tcpx_cut - cut off the end of a segment's text, and with it the FIN
 * @skb: the segment
 * @hlen: octets of header that are still in front of the text
 * @seg: the segment, changed with @skb
 * @len: octets of text that stay
 *
 * Context: any.
 * Return: false if there was no memory to cut
 */
bool tcpx_cut(struct sk_buff *skb, u32 hlen, struct tcpx_seg *seg, u32 len)
{
	if (pskb_trim(skb, hlen + len))
		return false;
	seg->len = len;
	seg->flags &= ~TCPX_FIN;
	seg->end = seg->seq + len;
	tcpx_cb(skb)->flags = seg->flags;
	tcpx_cb(skb)->end = seg->end;
	return true;
}

/**
 * tcpx_fit - make a segment one that can be stored as it is
 * @sk: the socket
 * @skb: the segment, its data is the text
 * @seg: the segment, changed with @skb
 *
 * Text behind the window is cut off (RFC 9293 3.10.7.4), and all of it if there
 * is no room. A FIN goes with the text before it.
 *
 * Context: socket locked.
 * Return: false if there was no memory to cut
 */
bool tcpx_fit(struct sock *sk, struct sk_buff *skb, struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 edge = tp->tcb.rcv_nxt + tp->tcb.rcv_wnd;
	u32 len = seg->len;
	bool room;

	if (seg->flags & (TCPX_SYN | TCPX_RST) || !tcpx_before(seg->seq, edge))
		return true;
	/* A FIN alone needs memory only if it must wait. */
	if (!len && (!(seg->flags & TCPX_FIN) ||
		     !tcpx_after(seg->seq, tp->tcb.rcv_nxt)))
		return true;
	if (tcpx_after(seg->seq + len, edge))
		len = edge - seg->seq;
	/* What the law will refuse takes no room from anybody. */
	if (!tcpx_seq_acceptable(&tp->tcb, seg->seq, len ?: 1))
		return true;
	room = rmem_room(sk, skb) || ooo_prune(sk, skb);
	if (!room) {
		TCPX_REASON(tp->tn, TCPX_R_RCVBUF);
		WRITE_ONCE(tp->last_reason, TCPX_R_RCVBUF);
		tp->ack_now = true;
		len = 0;
	}
	if (room && len == seg->len)
		return true;
	return tcpx_cut(skb, 0, seg, len);
}

/*
 * An urgent octet that is the next to read is not read with the stream. With a
 * new mark nothing would tell it from text any more: it goes now.
 */
static void skip_urgent(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	if (tp->urg_data && tp->urg_seq == tp->copied_seq &&
	    tcpx_before(tp->copied_seq, tp->tcb.rcv_nxt) &&
	    !sock_flag(sk, SOCK_URGINLINE))
		WRITE_ONCE(tp->copied_seq, tp->copied_seq + 1);
}

/**
 * tcpx_text_urgent - take the urgent pointer of a segment
 * @sk: the socket
 * @skb: the text of the segment
 * @seg: the segment
 *
 * RFC 9293 3.8.5: the pointer names the octet behind the urgent one (MUST-62).
 *
 * Context: socket locked.
 */
void tcpx_text_urgent(struct sock *sk, struct sk_buff *skb,
		      const struct tcpx_seg *seg)
{
	struct tcpx_sock *tp = tcpx_sk(sk);
	u32 up = seg->seq + seg->urg;
	u8 octet;

	if (tcpx_after(up, tp->tcb.rcv_up) &&
	    tcpx_after(up, tp->copied_seq)) {
		skip_urgent(sk);
		tp->tcb.rcv_up = up;
		tp->urg_seq = up - 1;
		WRITE_ONCE(tp->urg_data, TCPX_URG_NOTYET);
		sk_send_sigurg(sk);
	}
	if (tp->urg_data == TCPX_URG_NOTYET &&
	    tcpx_between(tp->urg_seq, seg->seq, seg->seq + seg->len - 1) &&
	    seg->len && !skb_copy_bits(skb, tp->urg_seq - seg->seq, &octet, 1)) {
		WRITE_ONCE(tp->urg_data, TCPX_URG_VALID | octet);
		if (!sock_flag(sk, SOCK_DEAD))
			sk->sk_data_ready(sk);
	}
}

/**
 * tcpx_text_end - the FIN of the peer is next
 * @sk: the socket
 *
 * Context: socket locked.
 */
void tcpx_text_end(struct sock *sk)
{
	struct tcpx_sock *tp = tcpx_sk(sk);

	tp->tcb.rcv_nxt++;
	tp->tcb.rcv_wnd -= !!tp->tcb.rcv_wnd;
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
	sock_set_flag(sk, SOCK_DONE);
	tcpx_text_forget(sk);
	if (sock_flag(sk, SOCK_DEAD))
		return;
	sk->sk_state_change(sk);
	sk_wake_async(sk, SOCK_WAKE_WAITD,
		      sk->sk_shutdown == SHUTDOWN_MASK ? POLL_HUP : POLL_IN);
}
