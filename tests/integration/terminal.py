"""A program on a terminal of its own, as somebody who sits there sees it."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading

from moothall import wait_until


class Terminal:
    """text is what was seen there so far. No line of it is wrapped."""

    def __init__(self, argv, **more):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs,
                                        start_new_session=True, **more)
        os.close(theirs)
        self.fd, self.text = ours, ""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                piece = os.read(self.fd, 4096)
            except OSError:     # the last of them has closed it
                break
            if not piece:
                break
            self.text += piece.decode().replace("\r\n", "\n")

    def lines(self):
        return self.text.splitlines()

    def wait(self, words, timeout=15):
        wait_until(lambda: words in self.text, timeout, "%r in %r" % (words, self.text))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.thread.join(5)
        os.close(self.fd)
