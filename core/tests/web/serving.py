"""Real servers for the pages' tests, and what a browser asks them.

gradio stays in a process of its own: it leaves event loops behind that are reported as warnings elsewhere.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


def _interruptible() -> None:
    """Heed Ctrl+C, which what starts the tests in the background has had ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def serving(command: Sequence[str]) -> Iterator[str]:
    """The address of what a command serves, which Ctrl+C ends without an error."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_interruptible
    )
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert found, said
        yield found[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def ask(server: str, event: str, *inputs: object) -> list:
    """Do what the page does when something is clicked: the outputs, or what is shown as an error."""
    address = f"{server}gradio_api/call/{event}"
    body = json.dumps({"data": inputs}).encode()
    with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=300) as answer:
        number = json.load(answer)["event_id"]
    with urlopen(f"{address}/{number}", timeout=300) as answer:
        lines = answer.read().decode().splitlines()
    ended = next(line for line in lines if line in ("event: complete", "event: error"))
    return json.loads(lines[lines.index(ended) + 1].removeprefix("data: "))


def fetched_elsewhere(server: str) -> list[str]:
    """What the page fetches that is not this server's."""
    with urlopen(server, timeout=300) as answer:
        fetched = re.findall(r"""(?:src|href)=["'](https?://[^"']+)""", answer.read().decode())
    return [address for address in fetched if not address.startswith(server)]


def upload(server: str, path: Path) -> dict:
    """Upload a file as the page does: what stands for it, or the status with which it is refused."""
    boundary = "-" * 24
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n'
    body = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + path.read_bytes()
    body += f"\r\n--{boundary}--\r\n".encode()
    with closing(HTTPConnection(urlsplit(server).netloc, timeout=300)) as connection:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        with suppress(ConnectionError):  # it need not take the whole of what it refuses
            connection.request("POST", "/gradio_api/upload", body, headers)
        with connection.getresponse() as answer:
            if answer.status != HTTPStatus.OK:
                return {"status": answer.status}
            (there,) = json.load(answer)
    return {"path": there, "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}
