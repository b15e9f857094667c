#!/usr/bin/env python3
"""Makes the calls in `cases.json` in Extism's own runtime.

    pip install -r requirements.txt    in an environment of its own
    check.py                           compares its answers with those in the file
    check.py --write                   writes its answers into the file
    check.py PLUGIN EXPORT [INPUT] [KEY=VALUE...]
                                       shows one answer, and this program's if POCKETWASM names it

The tests of pocketwasm make the same calls and expect what the file says.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

import extism

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent.parent / "fixtures"


def plugin(path, config, hosts=()):
    manifest = {
        "wasm": [{"data": path.read_bytes()}],
        "config": config,
        "allowed_hosts": list(hosts),
        "timeout_ms": 60_000,
    }
    return extism.Plugin(manifest, wasi=True, functions=[])


def answer(plugin, export, text):
    """What a call came to, and what the runtime said of it if it failed."""
    try:
        return {"output": plugin.call(export, text).decode()}, ""
    except extism.Error as error:
        said = str(error)
    # Beside a plugin's own words there are only the runtime's, of these kinds.
    if "wasm backtrace" in said or said.startswith(("Error code", "Function ", "Returned")):
        return {"fails": True}, said
    return {"error": said}, said


class Mirror(http.server.BaseHTTPRequestHandler):
    """Answers with the method and the URL of the request."""

    def do_GET(self):
        body = f"{self.command} http://127.0.0.1:PORT{self.path}".encode()
        self.send_response(203)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_GET

    def log_message(self, *_):
        pass


def mirror():
    """The port of a server on this machine, for requests whose input says `PORT`."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return str(server.server_port)


def check(write):
    file = HERE / "cases.json"
    cases = json.loads(file.read_text())
    port = mirror()
    calls = differences = 0
    for case in cases:
        instance = plugin(FIXTURES / case["plugin"], case.get("config", {}), case.get("hosts", ()))
        for call in case["calls"]:
            said_before = {key: call.pop(key) for key in ("output", "error", "fails") if key in call}
            text = call.get("input", "").replace("PORT", port)
            found, said = answer(instance, call["export"], text)
            call.update(found)
            calls += 1
            if found != said_before:
                differences += 1
                print(f"{case['plugin']} {call['export']}: {said_before}, now {found} ({said})")
    print(f"{calls} calls of {len(cases)} instances: {differences} differ")
    if write:
        file.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")
        return 0
    return min(differences, 1)


def one(path, export, text="", *pairs):
    config = dict(pair.split("=", 1) for pair in pairs)
    theirs, said = answer(plugin(pathlib.Path(path), config), export, text)
    print("extism:    ", theirs, said)
    program = os.environ.get("POCKETWASM")
    if program is not None:
        options = [part for pair in pairs for part in ("--config", pair)]
        done = subprocess.run(
            [program, "text", *options, path, export, text], capture_output=True, text=True
        )
        print("pocketwasm:", done.returncode, repr(done.stdout), done.stderr.strip())
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            sys.exit(check(False))
        case ["--write"]:
            sys.exit(check(True))
        case [_, _, *_] as args:
            sys.exit(one(*args))
        case _:
            sys.exit(__doc__)
