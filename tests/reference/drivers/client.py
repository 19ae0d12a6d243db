"""A client of the reference, driven by lines of JSON: client.py FOLDER

Reads {"do": VERB, "tag": ANY, ...} on standard input, one a line; each is answered by {"event": "done", "tag": ANY,
...} or {"event": "failed", "tag": ANY, "why": ...}. Between them stands what happens: "state", "sent", "arrived".
The end of standard input ends the program. The reference's own words go to standard error.

The reference parks a message whose sender or receiver is not known yet and leaves it to the application to take it up
again. So does this one: whatever arrives, what is parked is tried once more.
"""
import asyncio
import json
import os
import random
import sys
import threading
import time

OUT = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)

from generation import YEAR, ForwardContent, adopt, learn, load_config, new_account, plain, start_log

from dimsdk import Content, Document, Envelope, ID, InstantMessage, ReliableMessage

from dimples.client import ClientArchivist, ClientMessageProcessor, ClientMessenger, ClientSession, Terminal
from dimples.client.network.state import StateOrder
from dimples.common import QueryCommand
from dimples.edge.shared import GlobalVariable
from dimples.group import SharedGroupManager
from dimples.utils import Runner


def emit(event, **members):
    OUT.write(json.dumps({"event": event, **members}) + "\n")
    OUT.flush()


class Processor(ClientMessageProcessor):
    assists = False  # whether this account is a bot that groups of 2025 send through

    async def process_instant_message(self, msg, r_msg):
        envelope = plain(r_msg)
        emit("arrived", sender=str(msg.sender), receiver=str(msg.receiver), content=plain(msg.content),
             envelope={key: value for key, value in envelope.items() if key not in ("data", "meta", "visa")})
        if self.assists and isinstance(msg.content, ForwardContent):
            await self.distribute(msg.content.secrets)
            return []
        answers = await super().process_instant_message(msg, r_msg)
        Runner.async_task(coro=self.take_up())
        return answers

    async def distribute(self, secrets):
        """What is for a group goes to its members: commands and bulletins once they are obeyed here, to old and new ones; of
        what is encrypted once for all a copy with the member's own key. Each inside of a forward of the bot's own."""
        commands, told = [], []
        for secret in secrets:
            if secret.receiver.is_broadcast:
                fields = json.loads(secret["data"])  # which is no cipher text then
                group = ID.parse(identifier=fields.get("group") or fields.get("did") or fields.get("ID"))
                told += await SharedGroupManager().get_members(identifier=group)
                for answer in await self.messenger.process_reliable_message(secret):
                    await self.messenger.send_reliable_message(answer)
                told += await SharedGroupManager().get_members(identifier=group)
                commands.append(secret)
            if not secret.receiver.is_group or secret.receiver.is_broadcast:
                continue  # an answer to something of the bot's own
            members = await SharedGroupManager().get_members(identifier=secret.receiver)
            for copy in SharedGroupManager().emitter.packer.split_reliable_message(msg=secret, members=members):
                await self.messenger.send_content(sender=None, receiver=copy.receiver, content=ForwardContent.create(message=copy))
        for member in set(told):
            content = ForwardContent.create(messages=commands)
            await self.messenger.send_content(sender=None, receiver=member, content=content)

    async def take_up(self):
        """Once more for what was parked. What is still not possible parks itself again."""
        await asyncio.sleep(0.02)  # after the answers of this message have gone out
        messenger = self.messenger
        for msg in messenger.packer.resume_reliable_messages():
            msg.pop("error", None)
            for answer in await messenger.process_reliable_message(msg):
                await messenger.send_reliable_message(answer)
        for msg in messenger.packer.resume_instant_messages():
            msg.pop("error", None)
            if await messenger.send_instant_message(msg) is not None:
                emit("sent", sn=msg.content.sn, receiver=str(msg.receiver), late=True)


class Device(Terminal):

    def _create_messenger(self, facebook, session):
        shared = GlobalVariable()
        messenger = ClientMessenger(session=session, facebook=facebook, database=shared.mdb)
        shared.messenger = messenger
        return messenger

    def _create_processor(self, facebook, messenger):
        return Processor(facebook=facebook, messenger=messenger)


class Driver:
    def __init__(self, folder):
        self.folder = folder
        self.shared = GlobalVariable()
        self.terminal = None
        self.user = None

    async def prepare(self):
        await self.shared.prepare(config=await load_config(self.folder, {"redis": {"enable": "false"}}))
        # That of clients, which reads out of bulletins who leads a group; edge.shared takes another one.
        facebook = self.shared.facebook
        facebook.barrack = ClientArchivist(facebook=facebook, database=self.shared.adb)

    # ---- verbs

    async def new_account(self, request):
        """A new account that is not used yet."""
        return {"account": new_account(request.get("name", ""), kind=request.get("kind", "user"), seed=request.get("seed"),
                                       terminal=request.get("terminal"), identity=request.get("identity"),
                                       meta=request.get("meta"))}

    async def use(self, request):
        self.user = await adopt(self.shared.adb, request["account"])
        await self.shared.login(current_user=self.user)
        return {"id": str(self.user)}

    async def learn(self, request):
        for account in request["accounts"]:
            await learn(self.shared.adb, account)
        return {}

    async def contacts(self, request):
        await self.shared.adb.save_contacts(contacts=ID.convert(array=request["ids"]), user=self.user)
        return {}

    async def connect(self, request):
        begin = time.monotonic()
        for _ in range(3):
            # Now and then the two places of the reference that open the connection meet, and it waits for ever.
            self.terminal = Device(facebook=self.shared.facebook, database=self.shared.sdb)
            await self.terminal.connect(host=request["host"], port=request["port"])
            Runner.async_task(coro=self.terminal.run())
            if await self.running(request.get("seconds", 8)):
                break
            state = self.terminal.session.state
            await self.disconnect({})
        else:
            raise TimeoutError(f"not running after three times, but {state}")
        return {"station": str(self.terminal.session.station.identifier), "seconds": time.monotonic() - begin,
                "session": self.terminal.session.session_key}

    async def running(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            session = self.terminal.session
            if session is not None and session.ready and session.state.index == StateOrder.RUNNING:
                return True
            await asyncio.sleep(0.02)
        return False

    async def wait_running(self, request):
        """After a connection was cut: until the reference has come back by itself."""
        return {"running": await self.running(request.get("seconds", 60))}

    async def state(self, request):
        session = self.terminal.session if self.terminal else None
        return {"state": str(session.state) if session else None, "ready": bool(session and session.ready)}

    async def disconnect(self, request):
        terminal, self.terminal = self.terminal, None
        if terminal is not None:
            await terminal.stop()
            await terminal.finish()
        return {}

    def content(self, request):
        content = dict(request["content"])
        content.setdefault("sn", random.randrange(1, 2 ** 31))
        content.setdefault("time", time.time())
        parsed = Content.parse(content=content)
        if parsed is None:
            raise ValueError("the reference does not take this content")
        return parsed

    async def send(self, request):
        content = self.content(request)
        sender = ID.parse(identifier=request["from"]) if "from" in request else None
        i_msg, r_msg = await self.terminal.messenger.send_content(
            content=content, sender=sender, receiver=ID.parse(identifier=request["to"]))
        return {"sn": content.sn, "packed": r_msg is not None, "message": plain(r_msg)}

    def messenger(self):
        """That of the connection; without one, a messenger that only seals and opens."""
        if self.terminal is not None:
            return self.terminal.messenger
        facebook = self.shared.facebook
        device = Device(facebook=facebook, database=self.shared.sdb)
        session = ClientSession(station=device._create_station(host="127.0.0.1", port=1), database=self.shared.sdb)
        self.bare = device._create_messenger(facebook=facebook, session=session)  # held: others know it weakly
        self.bare.packer = device._create_packer(facebook=facebook, messenger=self.bare)
        self.bare.processor = device._create_processor(facebook=facebook, messenger=self.bare)
        return self.bare

    async def pack(self, request):
        """Sealed and signed, but not sent: for forward contents, and for tests with sockets of their own."""
        messenger = self.messenger()
        envelope = Envelope.create(sender=self.user, receiver=ID.parse(identifier=request["to"]))
        i_msg = InstantMessage.create(head=envelope, body=self.content(request))
        if request.get("attach"):
            i_msg["meta"], i_msg["visa"] = request["attach"]["meta"], request["attach"]["visa"]
        s_msg = await messenger.encrypt_message(msg=i_msg)
        r_msg = await messenger.sign_message(msg=s_msg)
        return {"instant": plain(i_msg), "message": plain(r_msg)}

    async def open(self, request):
        """The content of a message that came by another way; nothing where it does not verify or open."""
        messenger = self.messenger()
        message = ReliableMessage.parse(msg=request["message"])
        s_msg = await messenger.verify_message(msg=message)
        i_msg = None if s_msg is None else await messenger.decrypt_message(msg=s_msg)
        return {"content": None if i_msg is None else plain(i_msg.content)}

    async def process(self, request):
        """What a client does with a message that has come, as commands of groups; what it would answer is not sent."""
        await self.messenger().process_reliable_message(msg=ReliableMessage.parse(msg=request["message"]))
        return {}

    async def send_packed(self, request):
        ok = await self.terminal.messenger.send_reliable_message(msg=ReliableMessage.parse(msg=request["message"]))
        return {"sent": bool(ok)}

    async def create_group(self, request):
        group = await SharedGroupManager().create_group(members=ID.convert(array=request["members"]))
        return {"group": str(group)}

    async def members(self, request):
        members = await SharedGroupManager().get_members(identifier=ID.parse(identifier=request["group"]))
        return {"members": [str(item) for item in members]}

    async def invite(self, request):
        ok = await SharedGroupManager().invite_group_members(
            members=ID.convert(array=request["members"]), group=ID.parse(identifier=request["group"]))
        return {"ok": bool(ok)}

    async def expel(self, request):
        ok = await SharedGroupManager().expel_group_members(
            members=ID.convert(array=request["members"]), group=ID.parse(identifier=request["group"]))
        return {"ok": bool(ok)}

    async def quit_group(self, request):
        return {"ok": bool(await SharedGroupManager().quit_group(group=ID.parse(identifier=request["group"])))}

    async def leaders(self, request):
        group = ID.parse(identifier=request["group"])
        return {"owner": str(await SharedGroupManager().get_owner(identifier=group)),
                "administrators": [str(item) for item in await SharedGroupManager().get_administrators(group=group)]}

    async def set_administrators(self, request):
        ok = await SharedGroupManager().update_administrators(
            administrators=ID.convert(array=request["administrators"]), group=ID.parse(identifier=request["group"]))
        return {"ok": bool(ok)}

    async def assist(self, request):
        Processor.assists = True
        return {}

    async def set_assistants(self, request):
        """Into the bulletin, as update_administrators() of 2025 does it with administrators; nobody is told before the next
        command."""
        delegate, group = SharedGroupManager().delegate, ID.parse(identifier=request["group"])
        bulletin = Document.parse(document=(await delegate.get_bulletin(group)).copy_dictionary())
        bulletin.set_property(name="assistants", value=request["assistants"])
        key = await self.shared.facebook.private_key_for_visa_signature(identifier=self.user)
        bulletin.sign(private_key=key)
        return {"ok": await delegate.save_document(document=bulletin)}

    async def reset(self, request):
        ok = await SharedGroupManager().reset_group_members(
            members=ID.convert(array=request["members"]), group=ID.parse(identifier=request["group"]))
        return {"ok": bool(ok)}

    async def group_command(self, request):
        """A command that has no maker in dimples (join, resign, hire, fire), packed and sent as quit_group() does it there:
        signed for everybody, inside of a forward. Done here first, as far as the reference does it."""
        content = self.content(request)
        messenger = self.terminal.messenger
        message = await SharedGroupManager().manager.packer.pack_message(content=content, sender=self.user)
        await messenger.processor.process_content(content=content, r_msg=message)
        forward = ForwardContent.create(messages=[message])
        for receiver in ID.convert(array=request["to"]):
            await messenger.send_content(sender=self.user, receiver=receiver, content=forward)
        return {}

    async def reset_untold(self, request):
        """As the reference resets a group, up to where it tells the members: what they were told got lost."""
        manager, group = SharedGroupManager().manager, ID.parse(identifier=request["group"])
        members = ID.convert(array=request["members"])
        content, message = await manager.builder.builder_reset_command(group=group, members=members)
        ok = (await manager.helper.save_group_history(group=group, content=content, message=message)
              and await manager.delegate.save_members(members=members, group=group))
        return {"ok": bool(ok)}

    async def ask_members(self, request):
        """Asks somebody of a group for what is newer, as query_members() of the reference does; that asks once in ten minutes,
        and those who lead."""
        group = ID.parse(identifier=request["group"])
        last_time = await self.shared.facebook.checker.get_last_group_history_time(group=group)
        command = QueryCommand.query(group=group, last_time=last_time)
        await self.terminal.messenger.send_content(sender=self.user, receiver=ID.parse(identifier=request["who"]), content=command)
        return {}

    async def send_group(self, request):
        group = ID.parse(identifier=request["group"])
        content = self.content(request)
        content.group = group
        envelope = Envelope.create(sender=self.user, receiver=group)
        await SharedGroupManager().send_instant_message(msg=InstantMessage.create(head=envelope, body=content))
        return {"sn": content.sn}

    async def report(self, request):
        messenger = self.terminal.messenger
        if request["title"] == "online":
            await messenger.report_online(sender=self.user)
        else:
            await messenger.report_offline(sender=self.user)
        return {}

    async def login(self, request):
        await self.terminal.messenger.broadcast_login(sender=self.user, user_agent=self.terminal.user_agent)
        return {}

    # ---- the loop

    async def obey(self, line):
        request = json.loads(line)
        tag = request.get("tag")
        try:
            verb = getattr(self, request["do"])
            emit("done", tag=tag, **await verb(request))
        except Exception as error:
            emit("failed", tag=tag, why=f"{type(error).__name__}: {error}")

    async def run(self):
        await self.prepare()
        emit("started", year=YEAR)
        loop = asyncio.get_running_loop()
        lines = asyncio.Queue()

        def read():
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

        threading.Thread(target=read, daemon=True).start()
        while (line := await lines.get()) is not None:
            await self.obey(line)
        OUT.flush()
        os._exit(0)  # the reference's tasks and threads have no common end


if __name__ == "__main__":
    start_log("client")
    asyncio.run(Driver(sys.argv[1]).run())
