"""The functions that the Python scripts are made of, each as text: a script holds those that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

IMPORTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tcp": ("socket",),
        "any way": ("shlex", "socket", "subprocess"),
        "tls": ("ssl",),
        "login": ("base64", "getpass", "os"),
        "CRAM-MD5": ("hmac",),
        "SCRAM": ("hashlib", "hmac", "secrets"),
    }
)
"""The modules that each function needs."""

_CONNECTION = '''

class Connection:
    """A connection to a server, which prints what goes over it."""
{opening}
        self.sock.settimeout(60)
        self.lines = self.sock.makefile("rb")

    def reply(self):
        """Read all lines of a reply, and return its code."""
        while True:
            line = self.lines.readline(65536)
            if not line:
                raise SystemExit("the server closed the connection")
            print("S:", repr(line.rstrip(b"\\r\\n"))[2:-1])
            if line[3:4] != b"-":
                self.text = line[4:].rstrip(b"\\r\\n")
                return line[:3].decode("ascii", "replace")

    def send(self, *lines, shown=None):
        """Send lines in one write; `shown` is printed in place of a secret."""
        octets = [line.encode() if isinstance(line, str) else line for line in lines]
        for line in octets:
            print("C:", shown or repr(line)[2:-1])
        self.sock.sendall(b"".join(line + b"\\r\\n" for line in octets))

    def command(self, *lines, shown=None):
        """Send lines and read a reply to each; return the code of the last."""
        self.send(*lines, shown=shown)
        for _ in lines:
            code = self.reply()
        return code
'''

_TCP = """
    def __init__(self, host, port, source=""):
        ours = (source, 0) if source else None
        self.sock = socket.create_connection((host, port), timeout=60, source_address=ours)"""

_ANY_WAY = """
    def __init__(self, host="", port=0, source="", path="", program=""):
        if program:
            self.sock, theirs = socket.socketpair()
            subprocess.Popen(shlex.split(program), stdin=theirs, stdout=theirs)
            theirs.close()
        elif path:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(path)
        else:
            ours = (source, 0) if source else None
            self.sock = socket.create_connection((host, port), timeout=60, source_address=ours)"""

_OCTETS = '''
    def send_octets(self, octets):
        """Send exactly these octets."""
        self.sock.sendall(octets)
'''

_MESSAGE = '''
    def send_message(self, lines, end=True):
        """Send mail data: a dot that begins a line is doubled, and a dot alone ends it."""
        for line in lines:
            octets = line.encode() if isinstance(line, str) else line
            self.sock.sendall((b"." if octets.startswith(b".") else b"") + octets + b"\\r\\n")
        if end:
            self.command(".")
'''

_TLS = '''
    def start_tls(self, host, verify=True, certificate=None):
        """Go on inside TLS; what came in the clear before is not believed any more."""
        context = ssl.create_default_context()
        if certificate:
            context.load_cert_chain(certificate)
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            raise SystemExit(f"the certificate is not trusted: {error.verify_message}") from None
        self.lines = self.sock.makefile("rb")
'''

_CLOSE = """
    def close(self):
        self.sock.close()
"""

_LOGIN = '''

def encoded(octets):
    return base64.b64encode(octets).decode()


def password():
    """The password or token: from the environment, or asked for without an echo."""
    return os.environ.get("SMTP_SHELL_PASSWORD") or getpass.getpass("Password: ")


def finish(code):
    if code != "235":
        raise SystemExit("the server refuses the credentials")
'''

_PLAIN = """

def plain(server, user):
    response = encoded(f"\\0{user}\\0{password()}".encode())
    finish(server.command(f"AUTH PLAIN {response}", shown="AUTH PLAIN (secret)"))
"""

_AUTH_LOGIN = """

def login(server, user):
    server.command("AUTH LOGIN")
    server.command(encoded(user.encode()))
    finish(server.command(encoded(password().encode()), shown="(secret)"))
"""

_CRAM_MD5 = """

def cram_md5(server, user):
    server.command("AUTH CRAM-MD5")
    challenge = base64.b64decode(server.text)
    digest = hmac.new(password().encode(), challenge, "md5").hexdigest()
    finish(server.command(encoded(f"{user} {digest}".encode()), shown="(secret)"))
"""

_SCRAM = '''

def scram(server, user, digest):
    """RFC 5802, without channel binding; the server's signature is checked."""
    name = user.replace("=", "=3D").replace(",", "=2C")
    first = f"n={name},r={secrets.token_urlsafe(24)}"
    mechanism = {"sha1": "SCRAM-SHA-1", "sha256": "SCRAM-SHA-256"}[digest]
    response = encoded(f"n,,{first}".encode())
    if server.command(f"AUTH {mechanism} {response}", shown=f"AUTH {mechanism} (secret)") != "334":
        raise SystemExit("the server refuses the exchange")
    challenge = base64.b64decode(server.text).decode()
    fields = dict(field.split("=", 1) for field in challenge.split(","))
    if not fields["r"].startswith(first.partition("r=")[2]):
        raise SystemExit("the server's nonce does not continue this one")
    salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
    if not 4096 <= rounds <= 1000000:
        raise SystemExit("the server asks for an odd number of iterations")
    salted = hashlib.pbkdf2_hmac(digest, password().encode(), salt, rounds)
    client = hmac.digest(salted, b"Client Key", digest)
    last = f"c=biws,r={fields['r']}"
    said = f"{first},{challenge},{last}".encode()
    signature = hmac.digest(hashlib.new(digest, client).digest(), said, digest)
    proof = encoded(bytes(a ^ b for a, b in zip(client, signature)))
    code = server.command(encoded(f"{last},p={proof}".encode()), shown="(secret)")
    expected = hmac.digest(hmac.digest(salted, b"Server Key", digest), said, digest)
    if code == "334":
        if not hmac.compare_digest(base64.b64decode(server.text), b"v=" + base64.b64encode(expected)):
            raise SystemExit("the server does not know the password")
        code = server.command("")
    finish(code)
'''

_XOAUTH2 = """

def xoauth2(server, user):
    response = encoded(f"user={user}\\1auth=Bearer {password()}\\1\\1".encode())
    finish(server.command(f"AUTH XOAUTH2 {response}", shown="AUTH XOAUTH2 (secret)"))
"""

_EXTERNAL = """

def external(server, user=""):
    finish(server.command(f"AUTH EXTERNAL {encoded(user.encode()) or '='}"))
"""

_ANONYMOUS = """

def anonymous(server, trace="anonymous"):
    finish(server.command(f"AUTH ANONYMOUS {encoded(trace.encode())}"))
"""

PARTS: Mapping[str, str] = MappingProxyType(
    {
        "tcp": _CONNECTION.replace("{opening}", _TCP),
        "any way": _CONNECTION.replace("{opening}", _ANY_WAY),
        "octets": _OCTETS,
        "message": _MESSAGE,
        "tls": _TLS,
        "close": _CLOSE,
        "login": _LOGIN,
    }
)
"""Texts by what needs them, in the order in which a script has them."""

LOGINS: Mapping[str, str] = MappingProxyType(
    {
        "PLAIN": _PLAIN,
        "LOGIN": _AUTH_LOGIN,
        "CRAM-MD5": _CRAM_MD5,
        "SCRAM": _SCRAM,
        "XOAUTH2": _XOAUTH2,
        "EXTERNAL": _EXTERNAL,
        "ANONYMOUS": _ANONYMOUS,
    }
)
"""Texts of the mechanisms, by name; SCRAM is one for all of its digests."""
