"""A mail server for tests: aiosmtpd with three ways in, which keeps each mail as a file.

Started with the folder of everything: certificate.pem, key.pem and password are read there; ports and NUMBER.json are written.
What the user of an address is called says how the server behaves: nobody, greylisted, full, cut, silent.
"""

import asyncio
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder = sys.argv[1]
password = open(os.path.join(folder, "password"), "rb").read()


class Mails:
    def __init__(self):
        self.count = 0
        self.greylisted = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        user = address.split("@")[0]
        if user == "nobody":
            return "550 5.1.1 no such user"
        if user == "greylisted" and address not in self.greylisted:
            self.greylisted.add(address)
            return "451 4.7.1 come again"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        users = {address.split("@")[0] for address in envelope.rcpt_tos}
        if "full" in users:
            return "452 4.2.2 mailbox full"
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "user": session.auth_data.decode() if session.auth_data else None,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "hello": session.host_name,
            "data": envelope.content.decode("utf-8", "replace"),
        }
        self.count += 1
        path = os.path.join(folder, "%06d" % self.count)
        with open(path, "w") as file:
            json.dump(mail, file)
        os.rename(path, path + ".json")
        if "cut" in users:
            server.transport.abort()
        if "silent" in users:
            await asyncio.sleep(3600)
        return "250 2.0.0 queued as %d" % self.count


def authenticate(server, session, envelope, mechanism, data):
    right = isinstance(data, LoginPassword) and data.password == password
    return AuthResult(success=right, auth_data=data.login if right else None, handled=right)


async def main():
    mails = Mails()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem"))
    loop = asyncio.get_running_loop()
    signed = {"authenticator": authenticate, "auth_required": True}
    ways = {
        "plain": (lambda: SMTP(mails, hostname="mail.test"), None),
        "starttls": (
            lambda: SMTP(mails, hostname="mail.test", tls_context=context, require_starttls=True, **signed),
            None,
        ),
        "tls": (lambda: SMTP(mails, hostname="mail.test", auth_require_tls=False, **signed), context),
    }
    ports = {}
    servers = []
    for name, (factory, over) in ways.items():
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=over)
        servers.append(server)
        ports[name] = server.sockets[0].getsockname()[1]
    path = os.path.join(folder, "ports")
    with open(path + ".new", "w") as file:
        json.dump(ports, file)
    os.rename(path + ".new", path)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
