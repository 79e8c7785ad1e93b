"""What every load of a cluster has: connections that break, threads that go on until they are stopped,
clients whose progress is waited for."""

import http.client
import threading

from moothall import SLOW, wait_until

PAUSE = 0.02                            # seconds; not a busy loop at a node that is down


class Connection:
    """To one node, kept as long as it lasts."""

    def __init__(self, address, timeout=12.0):
        self.address, self.timeout, self.connection = address, timeout, None

    def open(self):
        if self.connection is not None:
            return
        host, port = self.address.rsplit(":", 1)
        self.connection = http.client.HTTPConnection(host, int(port), timeout=self.timeout * SLOW)
        try:
            self.connection.connect()
        except OSError:
            self.close()
            raise

    def exchange(self, method, path, body=None, headers=()):
        """(status, bytes), or None if the answer was lost; raises OSError if nothing was sent."""
        self.open()
        try:
            self.connection.request(method, path, body, dict(headers))
            response = self.connection.getresponse()
            text = response.read()
            if response.will_close:
                self.close()
            return response.status, text
        except (OSError, http.client.HTTPException):
            self.close()
            return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Crowd:
    """Threads, from "with" to its end or stop(); what they run looks at stopping."""

    def __init__(self, *runs):
        """runs: (function, arguments ...), of one thread each."""
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=run, args=arguments, daemon=True) for run, *arguments in runs]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60 * SLOW)
            assert not thread.is_alive(), "%s: a client got no answer and no error" % type(self).__name__


class Clients(Crowd):
    """So many of each node. Who runs counts in progress, under lock, what was acknowledged to him."""

    def __init__(self, nodes, count, run):
        self.lock, self.progress = threading.Lock(), {}
        self.clients = {"%s/%d" % (node.name, i): node for node in nodes for i in range(count)}
        super().__init__(*((run, name, node) for name, node in self.clients.items()))

    def wait_progress(self, nodes, count=3, timeout=20.0):
        """Every client of these nodes gets that many more writes acknowledged."""
        names = [name for name, node in self.clients.items() if node in nodes]
        with self.lock:
            goal = {name: self.progress.get(name, 0) + count for name in names}

        def there():
            with self.lock:
                return all(self.progress.get(name, 0) >= goal[name] for name in names)
        wait_until(there, timeout, "writes at %s" % ", ".join(node.name for node in nodes))
