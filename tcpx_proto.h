/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The law of tcpx: what a TCP segment, state, event and verdict are.
 *
 * Floor 1. Nothing here or in the files that implement it (tcpx_fsm.c,
 * tcpx_opt.c, tcpx_rto.c, tcpx_cong.c, tcpx_cookie.c) knows an skb, a socket, a
 * lock, jiffies or an allocator: time, keys and randomness are arguments. The
 * same objects run in the module, in KUnit and in a user-space program.
 */
#ifndef _TCPX_PROTO_H
#define _TCPX_PROTO_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include "tcpx_user.h"
#endif

#define TCPX_HLEN_MIN		20	/* RFC 9293 3.1: data offset 5 */
#define TCPX_HLEN_MAX		60
#define TCPX_OPT_SPACE		40
#define TCPX_WSCALE_MAX		14	/* RFC 7323 2.3 */
#define TCPX_MSS_DEFAULT	536U	/* RFC 9293 3.7.1, IPv4, MUST-15 */
#define TCPX_SACK_MAX		4	/* blocks that fit into 40 bytes */
#define TCPX_WAITS		16	/* SYN-ACK waits: first + 15 retries */

/* Bits of byte 13 of the header, RFC 9293 3.1 and RFC 3168. */
enum tcpx_flags {
	TCPX_FIN = 0x01,
	TCPX_SYN = 0x02,
	TCPX_RST = 0x04,
	TCPX_PSH = 0x08,
	TCPX_ACK = 0x10,
	TCPX_URG = 0x20,
	TCPX_ECE = 0x40,
	TCPX_CWR = 0x80,
};

/* Sequence numbers live on a circle of 2^32, RFC 9293 3.4. */
static inline bool tcpx_before(u32 a, u32 b)
{
	return (s32)(a - b) < 0;
}

static inline bool tcpx_after(u32 a, u32 b)
{
	return tcpx_before(b, a);
}

/* @low <= @seq <= @high on the circle */
static inline bool tcpx_between(u32 seq, u32 low, u32 high)
{
	return high - low >= seq - low;
}

/*
 * X(id, number, name): the states of RFC 9293 3.3.2 with the numbers that Linux
 * gives them. SYN-RECEIVED is two of them: a half-open entry of a listener
 * (NEW_SYN_RECV, shown as SYN-RECEIVED) and a socket that came from SYN-SENT.
 */
#define TCPX_STATE_LIST(X)						\
	X(ESTABLISHED, 1, "ESTABLISHED")				\
	X(SYN_SENT, 2, "SYN-SENT")					\
	X(SYN_RECV, 3, "SYN-RECEIVED")					\
	X(FIN_WAIT1, 4, "FIN-WAIT-1")					\
	X(FIN_WAIT2, 5, "FIN-WAIT-2")					\
	X(TIME_WAIT, 6, "TIME-WAIT")					\
	X(CLOSED, 7, "CLOSED")						\
	X(CLOSE_WAIT, 8, "CLOSE-WAIT")					\
	X(LAST_ACK, 9, "LAST-ACK")					\
	X(LISTEN, 10, "LISTEN")						\
	X(CLOSING, 11, "CLOSING")					\
	X(NEW_SYN_RECV, 12, "SYN-RECEIVED")

enum tcpx_state {
#define X(id, nr, name) TCPX_##id = (nr),
	TCPX_STATE_LIST(X)
#undef X
	TCPX_NSTATES = 13,	/* rows are indexed 1..12 */
};

/**
 * DOC: events
 *
 * X(id, name, meaning): what can happen to a connection, a row of the table
 * each. A segment is one to four events, taken in this order; the first event
 * that discards the segment ends it.
 *
 * Without a TCB to compare with (CLOSED and LISTEN) there is exactly one event:
 * RST is RST_OUT; else SYN+ACK is SYN_ACK; SYN is SYN; no ACK is NONE; FIN is
 * FIN_ACK; text is TEXT; what remains is ACK.
 *
 * SYN_SENT (RFC 9293 3.10.7.3): RST with an acceptable ACK is RST, without an
 * ACK RST_WND, with a bad one RST_OUT. SYN+ACK is SYN_ACK, SYN is SYN, each
 * followed by TEXT and FIN if the segment has them; a SYN+ACK with a good ACK
 * whose TSecr echoes nothing that was sent is PAWS. Without SYN: no ACK is NONE,
 * SEG.ACK == ISS is ACK_DUP, other unacceptable ones are ACK_BAD, else ACK.
 *
 * All other states:
 *  1. RST: SEG.SEQ == RCV.NXT is RST, inside the window RST_WND, else RST_OUT
 *     (RFC 5961 3.2). In CLOSE_WAIT, CLOSING and LAST_ACK
 *     SEG.SEQ == RCV.NXT - 1 counts as exact too: the peer may not yet have
 *     counted its FIN.
 *  2. SYN or SYN_ACK, whatever SEG.SEQ is (RFC 5961 4.2). In SYN_RECV and
 *     NEW_SYN_RECV step 5 comes first, unless a SYN_ACK has a bad ACK.
 *  3. No ACK bit: NONE.
 *  4. SYN_RECV and NEW_SYN_RECV only: an ACK outside (SND.UNA, SND.NXT] is
 *     ACK_DUP if SEG.ACK == SND.UNA, else ACK_BAD, and comes before PAWS and SEQ
 *     (RFC 9293 3.5.2, group 2).
 *  5. PAWS: TSval older than TS.Recent (RFC 7323 5.3), or in SYN_RECV and
 *     NEW_SYN_RECV an ACK with a TSecr outside the TSvals sent.
 *  6. SEQ_BAD: not acceptable, see tcpx_seq_acceptable(); but a FIN without text
 *     is taken at SEG.SEQ == RCV.NXT even if the window is closed. With RCV.WND == 0 and
 *     SEG.SEQ == RCV.NXT the ACK and URG steps still follow (MUST-66).
 *  7. The ACK: ACK for (SND.UNA, SND.NXT], ACK_DUP for
 *     [SND.UNA - MAX.SND.WND, SND.UNA], else ACK_BAD (RFC 5961 5.2). In
 *     TIME_WAIT, where SND.UNA == SND.NXT, an ACK of exactly SND.NXT is ACK. If
 *     the ACK covers our FIN and the segment has an in-order FIN, steps 7 and
 *     10 are the one event FIN_ACK, after step 9.
 *  8. URG, if set.
 *  9. TEXT if the first new octet is RCV.NXT, TEXT_OOO if it, or a FIN without
 *     text, comes later.
 * 10. FIN, if set and in order once the text is taken. In FIN_WAIT2, and where
 *     this segment's ACK covers our FIN, it is FIN_ACK.
 */
#define TCPX_EVENT_LIST(X)						\
	X(OPEN_PASSIVE, "listen", "listen()")				\
	X(OPEN_ACTIVE, "connect", "connect()")				\
	X(SEND, "send", "send()")					\
	X(RECEIVE, "receive", "recv()")					\
	X(CLOSE, "close", "close() or shutdown(SHUT_WR)")		\
	X(ABORT, "abort", "linger 0, AF_UNSPEC, destroyed by an administrator") \
	X(STATUS, "status", "TCP_INFO or a dump")			\
	X(SYN, "SYN", "SYN without ACK")				\
	X(SYN_ACK, "SYN+ACK", "SYN and ACK")				\
	X(ACK, "ACK", "acknowledges something new")			\
	X(ACK_DUP, "ACK dup", "acknowledges nothing new, not too old")	\
	X(ACK_BAD, "ACK bad", "acknowledges the unsent or the long past") \
	X(RST, "RST exact", "RST at RCV.NXT")				\
	X(RST_WND, "RST in window", "RST in the window, not at RCV.NXT")\
	X(RST_OUT, "RST outside", "RST out of the window")		\
	X(TEXT, "text", "text in order")				\
	X(TEXT_OOO, "text ooo", "text in the window, out of order")	\
	X(SEQ_BAD, "SEQ bad", "segment not acceptable, no RST")		\
	X(FIN, "FIN", "FIN in order, our FIN not acknowledged")		\
	X(FIN_ACK, "FIN+ACK", "FIN, and our FIN is acknowledged")	\
	X(NONE, "none", "neither SYN, ACK nor RST")			\
	X(URG, "URG", "urgent pointer")					\
	X(PAWS, "PAWS", "timestamp refused")				\
	X(T_RTX, "rtx timer", "retransmission timeout")			\
	X(T_LIFE, "half-open timer", "last wait of a half-open entry over") \
	X(T_USER, "user timer", "user timeout")				\
	X(T_2MSL, "2MSL timer", "2MSL, or FIN_WAIT2 of an orphan, over")\
	X(T_KEEP, "keepalive timer", "keepalive due")			\
	X(T_PERSIST, "persist timer", "zero-window probe due")		\
	X(T_DELACK, "delack timer", "delayed ACK due")			\
	X(ICMP_HARD, "ICMP hard", "protocol or port unreachable")	\
	X(ICMP_SOFT, "ICMP soft", "host or network unreachable")	\
	X(ICMP_PTB, "ICMP PTB", "packet too big")			\
	X(CLEANUP, "cleanup", "listener closed or network namespace gone")

enum tcpx_event {
#define X(id, name, text) TCPX_EV_##id,
	TCPX_EVENT_LIST(X)
#undef X
	TCPX_NEVENTS,
};

/**
 * DOC: actions
 *
 * X(id, text): what a verdict orders. The motion floor carries them out in this
 * order, one bit each, and does nothing to a connection that has no bit.
 */
#define TCPX_ACT_LIST(X)						\
	X(DROP, "discard what is left of the segment")			\
	X(ERR, "report verdict.err to the user and wake him")		\
	X(SOFT_ERR, "remember verdict.err, report it only if the connection fails") \
	X(MSS, "lower the send MSS to the reported path MTU")		\
	X(ENTRY_NEW, "store a half-open entry and send its SYN-ACK")	\
	X(ENTRY_FREE, "free the half-open entry")			\
	X(ENTRY_ACKED, "keep the half-open entry, it was acknowledged")	\
	X(ENTRY_COOKIE, "restore the half-open entry from the cookie, take the segment") \
	X(CHILD, "turn the half-open entry into a connection")		\
	X(REOPEN, "let the SYN start a new connection in place of TIME-WAIT") \
	X(TAKE_ACK, "acknowledge queued data, update window, RTT, congestion") \
	X(DUP_ACK, "count a duplicate ACK, update the window")		\
	X(URG, "take the urgent pointer")				\
	X(TEXT, "queue text in order")					\
	X(TEXT_OOO, "queue text out of order")				\
	X(TAKE_FIN, "take the peer's FIN: RCV.NXT + 1, end of stream")	\
	X(SYN, "send SYN")						\
	X(SYN_ACK, "send SYN,ACK")					\
	X(FIN, "send FIN behind the queued data")			\
	X(RTX, "retransmit the oldest unacknowledged segment")		\
	X(PROBE, "send a keepalive or zero-window probe")		\
	X(ACK, "send an ACK")						\
	X(ACK_LATER, "send an ACK, which may be delayed")		\
	X(CHALLENGE, "send a challenge ACK, rate limited per connection") \
	X(RST_ACK, "send <SEQ=0><ACK=SEG.SEQ+SEG.LEN><RST,ACK>")	\
	X(RST_SEQ, "send <SEQ=SEG.ACK><RST>")				\
	X(RST, "send <SEQ=SND.NXT><RST,ACK>")				\
	X(RESTART_2MSL, "start the 2MSL wait anew")			\
	X(WAIT, "the call blocks, or fails with EAGAIN")		\
	X(QUEUE, "the call reads or writes the stream")			\
	X(EOF, "the call reads what is queued, then end of stream")

enum tcpx_act_nr {
#define X(id, text) TCPX_ACT_NR_##id,
	TCPX_ACT_LIST(X)
#undef X
	TCPX_NACTS,
};

enum tcpx_act {
#define X(id, text) TCPX_ACT_##id = 1U << TCPX_ACT_NR_##id,
	TCPX_ACT_LIST(X)
#undef X
};

/*
 * X(id, name, sentence, clause): why a segment or a call was refused,
 * challenged or ended a connection. One counter each.
 */
#define TCPX_REASON_LIST(X)						\
	X(NONE, "None", "nothing was refused", "")			\
	X(TRUNCATED, "Truncated", "the segment is shorter than its header says", "RFC 9293 3.1") \
	X(BAD_CSUM, "BadChecksum", "the checksum is wrong", "RFC 9293 3.1, MUST-3") \
	X(BAD_OPT, "BadOption", "an option has an impossible length", "RFC 9293 3.1, MUST-7") \
	X(BAD_ADDR, "BadAddress",					\
	  "source or destination is broadcast, multicast or unspecified", \
	  "RFC 9293 3.9.2.3, MUST-57, MUST-63")				\
	X(POLICY, "Policy", "a socket filter, IPsec policy or minimum TTL refused it", "") \
	X(CLOSED_PORT, "ClosedPort", "no connection and no listener at that port", \
	  "RFC 9293 3.10.7.1")						\
	X(LISTEN_ACK, "ListenAck",					\
	  "a listener has sent nothing that could be acknowledged", "RFC 9293 3.10.7.2") \
	X(LISTEN_RST, "ListenRst", "a listener has no connection to reset", "RFC 9293 3.10.7.2") \
	X(SYN_FIN, "SynFin", "SYN together with FIN opens nothing",	\
	  "RFC 9293 3.10.7.2, deviation: dropped")			\
	X(NO_FLAGS, "NoFlags", "neither SYN, ACK nor RST is set", "RFC 9293 3.10.7") \
	X(ACK_UNSENT, "AckUnsent", "the ACK is for something not sent", "RFC 9293 3.10.7.3") \
	X(ACK_HALF_OPEN, "AckHalfOpen", "the ACK does not match the SYN-ACK", \
	  "RFC 9293 3.5.2, group 2")					\
	X(ACK_RANGE, "AckRange", "the ACK is outside [SND.UNA - MAX.SND.WND, SND.NXT]", \
	  "RFC 5961 5.2")						\
	X(ACK_NO_SYN, "AckNoSyn", "the ACK is right but carries no SYN", "RFC 9293 3.10.7.3") \
	X(RST_NO_ACK, "RstNoAck", "a RST in SYN-SENT must acknowledge the SYN", \
	  "RFC 9293 3.10.7.3")						\
	X(RST_WINDOW, "RstWindow", "the RST is in the window but not at RCV.NXT", "RFC 5961 3.2") \
	X(RST_OUTSIDE, "RstOutside", "the RST is outside the window", "RFC 9293 3.5.3") \
	X(RST_TIME_WAIT, "RstTimeWait", "a RST does not end TIME-WAIT", "RFC 1337 3") \
	X(SYN_IN_SYNC, "SynInSync", "a SYN arrived for a synchronized connection", "RFC 5961 4.2") \
	X(SYN_HALF_OPEN, "SynHalfOpen",					\
	  "a SYN with another sequence number arrived for a half-open connection", \
	  "RFC 9293 3.10.7.4")						\
	X(SYN_TIME_WAIT, "SynTimeWait", "the SYN may be an old duplicate", "RFC 6191 2") \
	X(SEQ_WINDOW, "SeqWindow", "the segment is outside the window", "RFC 9293 3.4") \
	X(PAWS, "Paws", "the timestamp is older than the last one seen", "RFC 7323 5.3") \
	X(TSECR, "Tsecr", "the echoed timestamp was never sent", "RFC 7323 3.2") \
	X(TEXT_IN_SYN, "TextInSyn", "text or FIN in a SYN or SYN-ACK is not taken", \
	  "RFC 9293 3.10.7.3, deviation")				\
	X(TEXT_AFTER_CLOSE, "TextAfterClose",				\
	  "text for a socket that nobody can read any more", "RFC 1122 4.2.2.13") \
	X(TEXT_AFTER_FIN, "TextAfterFin", "text behind the peer's FIN", "RFC 9293 3.10.7.4") \
	X(FIN_AGAIN, "FinAgain", "the FIN has been taken already", "RFC 9293 3.10.7.4") \
	X(URG_AFTER_FIN, "UrgAfterFin", "urgent pointer behind the peer's FIN", \
	  "RFC 9293 3.10.7.4")						\
	X(TIME_WAIT_OLD, "TimeWaitOld", "an old segment arrived in TIME-WAIT", \
	  "RFC 9293 3.10.7.4")						\
	X(RCVBUF, "ReceiveBuffer", "the receive buffer is full", "RFC 9293 3.8.6") \
	X(BACKLOG, "SocketBacklog", "the socket was in use and its backlog full", "") \
	X(SYNQ_FULL, "HalfOpenFull", "the half-open queue of the listener is full", "RFC 4987 2") \
	X(SYNQ_NETNS, "HalfOpenNetnsFull",				\
	  "the half-open queue of the network namespace is full", "RFC 4987 2") \
	X(SYNQ_PREFIX, "HalfOpenPrefix",				\
	  "the half-open queue is nearly full and much of it from that prefix", "RFC 4987 3.1") \
	X(SYNQ_PRESSED, "HalfOpenPressed",				\
	  "the half-open queue is more than half full, old entries go early", "RFC 4987 3.3") \
	X(EVICTED, "Evicted", "the entry made room for another SYN", "RFC 4987 3.4") \
	X(DEFERRED, "Deferred", "TCP_DEFER_ACCEPT: the connection waits for text", "") \
	X(ACCEPT_FULL, "AcceptFull", "the accept queue of the listener is full", "") \
	X(NOMEM, "NoMemory", "no memory", "")				\
	X(NO_ROUTE, "NoRoute", "no route back to the peer", "")		\
	X(RESET, "Reset", "the peer reset the connection", "RFC 9293 3.5.3") \
	X(REFUSED, "Refused", "the peer refused the connection", "RFC 9293 3.10.7.3") \
	X(TIMEOUT, "Timeout", "the retransmission limit or user timeout was reached", \
	  "RFC 9293 3.8.3")						\
	X(KEEPALIVE, "Keepalive", "the peer answered no keepalive probe", "RFC 9293 3.8.4") \
	X(ICMP, "Icmp", "an ICMP error ended the connection attempt", "RFC 9293 3.9.2.2") \
	X(UNREAD, "Unread", "closed with unread data", "RFC 2525 2.17")	\
	X(ABORTED, "Aborted", "the application or an administrator aborted", "RFC 9293 3.10.5") \
	X(LISTENER_GONE, "ListenerGone", "the listener was closed", "")	\
	X(STATE, "State", "the call does not fit the state", "RFC 9293 3.10")

enum tcpx_reason {
#define X(id, name, text, rfc) TCPX_R_##id,
	TCPX_REASON_LIST(X)
#undef X
	TCPX_NREASONS,
};

enum tcpx_opt_bits {
	TCPX_OPT_MSS = 0x01,
	TCPX_OPT_WS = 0x02,
	TCPX_OPT_TS = 0x04,
	TCPX_OPT_SACK_PERM = 0x08,
	TCPX_OPT_SACK = 0x10,
};

/**
 * struct tcpx_sack - a SACK block, RFC 2018 3
 * @start: first sequence number of the block
 * @end: the sequence number behind its last octet
 */
struct tcpx_sack {
	u32 start;
	u32 end;
};

/**
 * struct tcpx_opts - the options of one segment
 * @tsval: TSval, valid with TCPX_OPT_TS
 * @tsecr: TSecr, valid with TCPX_OPT_TS
 * @mss: maximum segment size, valid with TCPX_OPT_MSS
 * @wscale: shift count 0..14, valid with TCPX_OPT_WS
 * @bits: which are present, enum tcpx_opt_bits
 * @nsack: how many blocks of @sack are valid, 0..4
 * @sack: SACK blocks, valid with TCPX_OPT_SACK
 */
struct tcpx_opts {
	u32 tsval;
	u32 tsecr;
	u16 mss;
	u8 wscale;
	u8 bits;
	u8 nsack;
	struct tcpx_sack sack[TCPX_SACK_MAX];
};

/**
 * struct tcpx_seg - a segment, parsed once
 * @seq: SEG.SEQ
 * @ack: SEG.ACK, meaningful with TCPX_ACK
 * @end: SEG.SEQ + SEG.LEN, SYN and FIN counted
 * @len: octets of text
 * @wnd: SEG.WND as on the wire, not scaled
 * @urg: SEG.UP, meaningful with TCPX_URG
 * @flags: enum tcpx_flags
 * @hlen: header length in bytes, 20..60
 * @opt: the options
 */
struct tcpx_seg {
	u32 seq;
	u32 ack;
	u32 end;
	u32 len;
	u16 wnd;
	u16 urg;
	u8 flags;
	u8 hlen;
	struct tcpx_opts opt;
};

enum tcpx_tcb_flags {
	TCPX_TCB_TS = 0x01,	/* timestamps agreed, RFC 7323 3.2 */
	TCPX_TCB_WS = 0x02,	/* window scaling agreed */
	TCPX_TCB_SACK = 0x04,	/* SACK permitted by both */
	TCPX_TCB_FIN = 0x08,	/* our FIN was sent: it is SND.NXT - 1 */
};

/**
 * struct tcpx_tcb - the variables of a connection, RFC 9293 3.3.1
 * @snd_una: SND.UNA, oldest unacknowledged sequence number
 * @snd_nxt: SND.NXT, next sequence number to be sent
 * @snd_wnd: SND.WND in octets, scaled
 * @max_wnd: MAX.SND.WND, the largest SND.WND seen (RFC 5961 5.2)
 * @snd_wl1: SEG.SEQ of the last window update
 * @snd_wl2: SEG.ACK of the last window update
 * @snd_up: SND.UP, the octet after the last urgent one
 * @iss: initial send sequence number
 * @rcv_nxt: RCV.NXT
 * @rcv_wnd: RCV.WND: what is left of the window last advertised, octets. The
 *	right edge @rcv_nxt + @rcv_wnd never moves left.
 * @rcv_up: RCV.UP, the octet after the last urgent one
 * @irs: initial receive sequence number
 * @ts_recent: TS.Recent (RFC 7323 4.3)
 * @last_ack_sent: Last.ACK.sent (RFC 7323 4.3)
 * @ts_first: first TSval of our SYN or SYN-ACK
 * @ts_last: latest TSval of our SYN or SYN-ACK
 * @state: enum tcpx_state
 * @flags: enum tcpx_tcb_flags
 * @snd_wscale: shift that the peer applies to the windows it sends
 * @rcv_wscale: shift that we apply to the windows we send
 */
struct tcpx_tcb {
	u32 snd_una;
	u32 snd_nxt;
	u32 snd_wnd;
	u32 max_wnd;
	u32 snd_wl1;
	u32 snd_wl2;
	u32 snd_up;
	u32 iss;
	u32 rcv_nxt;
	u32 rcv_wnd;
	u32 rcv_up;
	u32 irs;
	u32 ts_recent;
	u32 last_ack_sent;
	u32 ts_first;
	u32 ts_last;
	u8 state;
	u8 flags;
	u8 snd_wscale;
	u8 rcv_wscale;
};

/*
 * Facts beside the TCB that a decision may need. Who asks for a verdict sets
 * those that hold.
 */
enum tcpx_ctx {
	TCPX_CTX_ORPHAN = 0x001,	/* close()d: nobody can read or write */
	TCPX_CTX_UNREAD = 0x002,	/* CLOSE: received data was not read */
	TCPX_CTX_LIMIT = 0x004,		/* a timer or ICMP: its limit is reached */
	TCPX_CTX_ACCEPT_FULL = 0x008,	/* no room in the accept queue */
	TCPX_CTX_TS_STALE = 0x010,	/* TS.Recent is older than 24 days */
	TCPX_CTX_DONE = 0x020,		/* the socket was connected before */
	TCPX_CTX_RFC1337 = 0x040,	/* a RST must not end TIME-WAIT */
	TCPX_CTX_ABORT_FULL = 0x080,	/* accept queue full: refuse by RST */
	TCPX_CTX_DEFER = 0x100,		/* half-open: a bare ACK is not enough yet */
	TCPX_CTX_COOKIE = 0x200,	/* LISTEN: the ACK is for a cookie of ours */
	TCPX_CTX_SYN_STRICT = 0x400,	/* half-open: challenge every other SYN */
	TCPX_CTX_LISTENER = 0x800,	/* TIME-WAIT: a listener could take a SYN */
	TCPX_CTX_RST_LOOSE = 0x1000,	/* a RST anywhere in the window is exact */
};

#define TCPX_VERDICT_CELLS 5

/**
 * struct tcpx_verdict - what is to be done
 * @acts: mask of enum tcpx_act
 * @state: the state afterwards
 * @reason: enum tcpx_reason, TCPX_R_NONE if nothing was refused
 * @err: positive errno for the user, valid with ERR, SOFT_ERR, or returned by a
 *	refused call
 * @ncells: how many of @cells are valid
 * @cells: the cells that were applied, in order, see tcpx_cell_id()
 */
struct tcpx_verdict {
	u32 acts;
	u8 state;
	u8 reason;
	u8 err;
	u8 ncells;
	u16 cells[TCPX_VERDICT_CELLS];
};

#define TCPX_NCELLS (TCPX_NSTATES * TCPX_NEVENTS)

static inline u16 tcpx_cell_id(u8 state, u8 event)
{
	return (u16)(event * TCPX_NSTATES + state);
}

/**
 * struct tcpx_cell_info - a cell of the table as a reader sees it
 * @handler: name of the function that decides, or "" where the data does
 * @rfc: the clause it follows
 * @next: mask of 1 << enum tcpx_state: the states it may lead to
 * @acts: the actions it may order
 * @reason: enum tcpx_reason that it gives when it refuses
 * @possible: false for a cell that cannot happen
 */
struct tcpx_cell_info {
	const char *handler;
	const char *rfc;
	u32 next;
	u32 acts;
	u8 reason;
	bool possible;
};

/* tcpx_fsm.c */
void tcpx_fsm_segment(const struct tcpx_tcb *tcb, u32 ctx,
		      const struct tcpx_seg *seg, struct tcpx_verdict *v);
void tcpx_fsm_event(const struct tcpx_tcb *tcb, u32 ctx, enum tcpx_event event,
		    u8 err, struct tcpx_verdict *v);
bool tcpx_fsm_allows(u8 from, u8 to);
bool tcpx_seq_acceptable(const struct tcpx_tcb *tcb, u32 seq, u32 len);
void tcpx_fsm_cell(u8 state, u8 event, struct tcpx_cell_info *info);
const char *tcpx_state_name(u8 state);
const char *tcpx_event_name(u8 event);
const char *tcpx_reason_name(u8 reason);
const char *tcpx_reason_text(u8 reason);
const char *tcpx_reason_rfc(u8 reason);

/* tcpx_opt.c */
int tcpx_seg_parse(const u8 *hdr, u32 hdr_len, u32 seg_len,
		   struct tcpx_seg *seg);
unsigned int tcpx_opt_len(const struct tcpx_opts *opt);
u8 *tcpx_opt_build(const struct tcpx_opts *opt, u8 *p);
void tcpx_hdr_build(const struct tcpx_seg *seg, __be16 sport, __be16 dport,
		    u8 *hdr);

/**
 * struct tcpx_rto - the retransmission timer's estimate, RFC 6298
 * @srtt: smoothed round-trip time, microseconds times 8
 * @rttvar: round-trip time variation, microseconds times 4
 * @rto: retransmission timeout without back-off, microseconds
 * @min_rtt: smallest sample, microseconds, 0 if none
 * @backoff: how often @rto is doubled
 */
struct tcpx_rto {
	u32 srtt;
	u32 rttvar;
	u32 rto;
	u32 min_rtt;
	u8 backoff;
};

/* tcpx_rto.c */
void tcpx_rto_init(struct tcpx_rto *r, u32 init_us);
void tcpx_rto_sample(struct tcpx_rto *r, u32 rtt_us, u32 min_us, u32 max_us);
void tcpx_rto_backoff(struct tcpx_rto *r);
u32 tcpx_rto_current(const struct tcpx_rto *r, u32 max_us);
u64 tcpx_rto_total(u32 init_us, u32 max_us, unsigned int retries);

enum tcpx_cong_state {
	TCPX_CONG_OPEN,		/* slow start or congestion avoidance */
	TCPX_CONG_RECOVERY,	/* fast recovery, RFC 6582 */
	TCPX_CONG_LOSS,		/* after a retransmission timeout */
};

/**
 * struct tcpx_cong - congestion control, RFC 5681, 6582, 3465, 6928
 * @cwnd: congestion window, octets
 * @ssthresh: slow start threshold, octets
 * @acked: octets acknowledged since @cwnd grew last in congestion avoidance
 * @recover: RFC 6582: SND.NXT when the last loss was found
 * @dupacks: duplicate ACKs in a row
 * @state: enum tcpx_cong_state
 */
struct tcpx_cong {
	u32 cwnd;
	u32 ssthresh;
	u32 acked;
	u32 recover;
	u16 dupacks;
	u8 state;
};

/* tcpx_cong.c */
void tcpx_cong_init(struct tcpx_cong *c, u32 smss, u32 iw, u32 iss,
		    unsigned int syn_rtx);
bool tcpx_cong_ack(struct tcpx_cong *c, u32 smss, u32 acked, u32 una,
		   u32 flight, bool limited);
bool tcpx_cong_dupack(struct tcpx_cong *c, u32 smss, u32 una, u32 nxt,
		      u32 flight);
void tcpx_cong_timeout(struct tcpx_cong *c, u32 smss, u32 nxt, u32 flight,
		       bool first);
void tcpx_cong_idle(struct tcpx_cong *c, u32 smss, u32 iw);

#define TCPX_COOKIE_NMSS	8
#define TCPX_COOKIE_EPOCH_S	32	/* seconds that an epoch lasts */
#define TCPX_COOKIE_EPOCHS	2	/* the present one and those before: believed */
#define TCPX_COOKIE_EPOCH_SHIFT	24	/* the epoch's place in the cookie */
#define TCPX_COOKIE_LIFE_MS	(1000U * TCPX_COOKIE_EPOCHS * TCPX_COOKIE_EPOCH_S)

/* tcpx_cookie.c */
u32 tcpx_isn(u64 hash, u64 now_ns);
u8 tcpx_cookie_index(u16 mss, bool v6);
u16 tcpx_cookie_mss(u8 index, bool v6);
u32 tcpx_cookie_iss(u64 hash, u64 epoch_hash, u32 irs, u32 epoch, u8 index);
u32 tcpx_cookie_epoch(u64 hash, u32 irs, u32 iss, u32 now);
int tcpx_cookie_check(u64 hash, u64 epoch_hash, u32 irs, u32 iss);
u32 tcpx_cookie_tsval(u32 now, u8 opts, u8 wscale, bool ecn);
int tcpx_cookie_options(u32 tsecr, u32 now, u8 *wscale, bool *ecn);

#endif /* _TCPX_PROTO_H */
