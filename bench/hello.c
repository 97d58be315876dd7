/* hello -- libmicrohttpd's own hello-world: the limit of an HTTP answer with a connection of its
 * own
 *
 * hello PORT THREADS: answers every request on 127.0.0.1 with a page, from THREADS epoll threads,
 * as the library's tutorial does. Ends with its stdin.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum MHD_Result answer(void *cls, struct MHD_Connection *c, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **seen)
{
	static const char page[] = "<html><body>Hello, browser!</body></html>";
	static int mark;

	(void)cls;
	(void)url;
	(void)method;
	(void)version;
	(void)upload;
	if (!*seen) {
		*seen = &mark;
		return MHD_YES;
	}
	if (*upload_size) {
		*upload_size = 0;
		return MHD_YES;
	}
	struct MHD_Response *r = MHD_create_response_from_buffer(
		sizeof page - 1, (void *)(uintptr_t)page, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return result;
}

int main(int argc, char **argv)
{
	char octet;

	if (argc != 3) {
		fprintf(stderr, "usage: hello PORT THREADS\n");
		return 2;
	}
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)atoi(argv[1])),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct MHD_Daemon *d = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *)&at, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)atoi(argv[2]),
		MHD_OPTION_CONNECTION_LIMIT, 4096u, MHD_OPTION_END);
	if (!d) {
		fprintf(stderr, "hello: cannot listen\n");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		continue;
	MHD_stop_daemon(d);
	return 0;
}
