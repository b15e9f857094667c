#!/usr/bin/env python3
"""Makes the calls of http-wasm's compatibility kit through the gateway.

    POCKETWASM=target/debug/pocketwasm tck.py TCK.wasm [NAME]

`TCK.wasm` is `tck/tck.wasm` of github.com/http-wasm/http-wasm-host-go, which is not in this
repository; `NAME` makes only the calls whose names begin with it. The kit's backend is
`fixtures/wat/http-echo.wat`, as a handler behind it: `ECHO` names another one.
"""

import http.client
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
URIS = {
    "simple": "/simple",
    "simple/escaping": "/simple%26clean",
    "query": "/animal?name=panda",
    "query/escaping": "/disney?name=chip%26dale",
}


def next_header(name, *values):
    """The fields by which the backend tells that it got these values."""
    return {f"x-httpwasm-next-header-{name}-{at}": value for at, value in enumerate(values)}


def calls():
    """Name, method, target, fields, body; then the fields that the answer has, and its body."""
    yield "get_protocol_version", "GET", "/get_protocol_version", [], "", {}, "HTTP/1.1"
    for method in "GET HEAD POST PUT DELETE OPTIONS TRACE PATCH".split():
        yield f"get_method/{method}", method, "/", [], "", {}, None
    yield "set_method", "GET", "/", [], "", {"x-httpwasm-next-method": "POST"}, None
    for name, uri in URIS.items():
        yield f"get_uri/{name}", "GET", uri, [], "", {}, None
    for name, uri in URIS.items():
        yield f"set_uri/{name}", "GET", "/", [], "", {"x-httpwasm-next-uri": uri}, None
    for name, fields in {
        "lowercase-key": [("single-header", "value")],
        "mixedcase-key": [("Single-Header", "value")],
        "not-exists": [],
        "multiple-values": [("multi-header", "value1"), ("multi-header", "value2")],
    }.items():
        yield f"get_header_values/request/{name}", "GET", "/", fields, "", {}, None
    fields = [("a-header", "value1"), ("b-header", "2")]
    yield "get_header_names/request", "GET", "/", fields, "", {}, None
    fields = [("existing-header", "bear")]
    for function, name, expected in [
        ("set_header_value", "new", next_header("new-header", "value")),
        ("set_header_value", "existing", next_header("existing-header", "value")),
        ("add_header_value", "new", next_header("new-header", "value")),
        ("add_header_value", "existing", next_header("existing-header", "bear", "value")),
        ("remove_header", "new", next_header("existing-header", "bear")),
        ("remove_header", "existing", {"x-httpwasm-next-header-existing-header-0": None}),
    ]:
        yield f"{function}/request/{name}", "GET", "/", fields, "", expected, None
    for name, size in [("empty", 0), ("small", 5), ("medium", 2048), ("large", 4096), ("xlarge", 5000)]:
        yield f"read_body/request/{name}", "POST", "/", [], "a" * size, {}, None
    yield "get_source_addr", "GET", "/", [], "", {}, None


def problem(port, name, method, target, fields, body, expected, expected_body):
    """Why a call did not go as the kit wants it, if so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest(method, target)
    for field, value in [*fields, ("x-httpwasm-tck-testid", name)]:
        connection.putheader(field, value)
    if method == "POST":
        connection.putheader("content-length", str(len(body)))
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.getheader("x-httpwasm-tck-handled") != "1":
        return f"{answer.status}, not handled: {text}"
    if answer.status == 500:
        return answer.getheader("x-httpwasm-tck-failed")
    for field, value in expected.items():
        if answer.getheader(field) != value:
            return f"{field} is {answer.getheader(field)!r}, not {value!r}"
    if expected_body not in (None, text):
        return f"the body is {text!r}, not {expected_body!r}"
    return None


def main(guest, only=""):
    program = os.environ.get("POCKETWASM", "pocketwasm")
    with tempfile.TemporaryDirectory() as directory:
        plugins = pathlib.Path(directory)
        (plugins / "tck.wasm").write_bytes(pathlib.Path(guest).read_bytes())
        echo = plugins / "echo.wasm"
        if "ECHO" in os.environ:
            echo.write_bytes(pathlib.Path(os.environ["ECHO"]).read_bytes())
        else:
            text = ROOT / "fixtures/wat/http-echo.wat"
            subprocess.run(["wasm-tools", "parse", text, "-o", echo], check=True)
        command = [program, "serve", "--plugins", directory, "--listen", "127.0.0.1:0"]
        command += ["--middleware", "tck", "--middleware", "echo"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = None
                for line in server.stdout:
                    if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                        port = int(found[1])
                        break
                if port is None:
                    sys.exit(server.stderr.read())
                made = failed = 0
                for call in calls():
                    if not call[0].startswith(only):
                        continue
                    made += 1
                    if said := problem(port, *call):
                        failed += 1
                        print(f"{call[0]}: {said}")
                print(f"{made} calls: {failed} failed")
            finally:
                server.terminate()
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else sys.exit(__doc__)
