// SPDX-License-Identifier: GPL-2.0
/* hello: a server that answers once. hello ADDRESS: its client. cc -o hello hello.c */
#include <arpa/inet.h>
#include <err.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7000) };
	int s = socket(AF_INET, SOCK_STREAM, 253), on = 1;
	char buf[64];

	if (argc > 1) {
		inet_pton(AF_INET, argv[1], &a.sin_addr);
		if (connect(s, (struct sockaddr *)&a, sizeof(a)))
			err(1, "connect");
		return write(STDOUT_FILENO, buf, read(s, buf, sizeof(buf))) < 0;
	}
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) || listen(s, 16))
		err(1, "listen (is tcpx loaded?)");
	return write(accept(s, NULL, NULL), "hello over protocol 253\n", 24) != 24;
}
