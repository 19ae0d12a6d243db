"""What differs between the generations of the reference, and what both drivers need: configuration and accounts.

Runs inside a virtual environment made by install.py. The packages are used as they are.
"""
import os

try:
    import dimax
    YEAR = 2026
except ImportError:
    YEAR = 2025

from dimsdk import ID, Meta, Document, EntityType, PrivateKey

if YEAR == 2026:
    from dimax import BaseVisa
    from dimax.protocol import ForwardContent, MetaType
    from dimap import AsymmetricAlgorithms
else:
    from dimsdk import BaseVisa, ForwardContent, MetaType, AsymmetricAlgorithms

from dimples.common.dbi import PrivateKeyDBI
from dimples.utils import Config, Log, SharedCacheManager

if YEAR == 2026:
    from dimples.utils import LogLevel, init_logger


def start_log(name):
    """The reference logs to standard output; the drivers have moved that to their log file."""
    if YEAR == 2026:
        init_logger(name=name, level=LogLevel.DEBUG)
    else:
        Log.LEVEL = Log.DEVELOP


def plain(value):
    """A value of the library as plain dictionaries and lists."""
    if hasattr(value, "to_map"):
        value = value.to_map()
    elif hasattr(value, "dictionary") and not isinstance(value, dict):
        value = value.dictionary
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)


async def load_config(folder, sections, name="config.ini"):
    """A configuration file with its database in the folder. sections: {name: {option: value}}."""
    sections = dict(sections)
    sections["database"] = {
        "root": folder, "public": folder + "/public", "protected": folder + "/protected", "private": folder + "/private"}
    path = os.path.join(folder, name)
    os.makedirs(folder, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for section, options in sections.items():
            file.write(f"[{section}]\n")
            for option, value in options.items():
                file.write(f"{option} = {value}\n")
    config = Config()
    await config.load(path=path)
    return config


async def save_document(database, document, identifier):
    if YEAR == 2026:
        return await database.save_document(document=document, identifier=identifier)
    return await database.save_document(document=document)


def new_visa(identifier, name, message_key, identity_key, terminal=None, more=None):
    if YEAR == 2026:
        visa = BaseVisa()
        visa.set_string(key="did", value=identifier)
        if terminal:
            visa["terminal"] = terminal
    else:
        visa = BaseVisa(identifier=identifier)
    visa.set_property(name="app_id", value="chat.dim.tests")
    visa.name = name
    visa.public_key = message_key.public_key
    for key, value in (more or {}).items():
        visa.set_property(name=key, value=value)
    visa.sign(private_key=identity_key)
    return visa


def new_account(name, kind="user", seed=None, identity=None, meta=None, terminal=None, more=None):
    """A new account, or a new device of the account that identity and meta belong to, as a dictionary."""
    identity_key = PrivateKey.parse(key=identity) if identity else PrivateKey.generate(algorithm=AsymmetricAlgorithms.ECC)
    message_key = PrivateKey.generate(algorithm=AsymmetricAlgorithms.RSA)
    network = {"user": EntityType.USER, "station": EntityType.STATION, "bot": EntityType.BOT}[kind]
    if meta:
        meta = Meta.parse(meta=meta)
    elif kind == "user":
        meta = Meta.generate(version=MetaType.ETH, private_key=identity_key)
    else:
        meta = Meta.generate(version=MetaType.MKM, private_key=identity_key, seed=seed)
    identifier = meta.generate_id(network) if YEAR == 2026 else ID.generate(meta=meta, network=network)
    visa = new_visa(identifier, name, message_key, identity_key, terminal, more)
    account = {"id": str(identifier), "meta": plain(meta), "visa": plain(visa),
               "identity_private_key": plain(identity_key), "message_private_key": plain(message_key)}
    if terminal:
        account["terminal"] = terminal
    return account


async def learn(database, account):
    """Meta and visas of somebody. Returns the ID."""
    identifier = ID.parse(identifier=account["id"])
    await database.save_meta(meta=Meta.parse(meta=account["meta"]), identifier=identifier)
    for document in account.get("visas") or [account["visa"]]:
        await save_document(database, Document.parse(document=dict(document)), identifier)
    return identifier


async def adopt(database, account):
    """As learn, and the private keys: from now on this is one of ours."""
    identifier = ID.parse(identifier=account["id"])
    identity_key = PrivateKey.parse(key=dict(account["identity_private_key"]))
    await database.save_private_key(key=identity_key, user=identifier, key_type=PrivateKeyDBI.META)
    for one in account.get("message_private_keys") or [account["message_private_key"]]:
        await database.save_private_key(key=PrivateKey.parse(key=dict(one)), user=identifier, key_type=PrivateKeyDBI.VISA)
        # Its cache now holds a coroutine instead of the keys. The file is right, so let it be read.
        SharedCacheManager().get_pool(name="private_msg_keys").erase(key=identifier)
    await learn(database, account)
    if identifier.type == EntityType.USER:
        await database.save_local_users(users=[identifier])
    return identifier
