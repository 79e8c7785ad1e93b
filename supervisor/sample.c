/*
 * sample.c - writes etc/etcd.conf: supervisor/sample > etc/etcd.conf
 *
 * Not installed. A test compares.
 */
#include "supervisor/config_file.h"

#include <stdio.h>

int
main(void)
{
	struct buf text = BUF_INIT;

	config_file_sample(&text);
	fwrite(text.data, 1, text.size, stdout);
	buf_free(&text);
	return EXIT_STOPPED;
}
