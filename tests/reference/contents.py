"""One content of every kind, as an application of the reference would send it, and what must arrive of it."""
import base64

from harness import kind

PICTURE = base64.b64encode(bytes(range(64))).decode()
VOICE = base64.b64encode(b"\x00\x01voice" * 20).decode()
AES_KEY = {"algorithm": "AES", "data": base64.b64encode(bytes(range(32))).decode()}

CONTENTS = {
    "text": {"type": 1, "text": "Hello \u00e4\u4f60\U0001f600 \"quoted\"\nsecond line"},
    "file": {"type": 16, "filename": "notes.txt", "data": base64.b64encode(b"some notes").decode()},
    "file by URL": {"type": 16, "filename": "notes.txt", "URL": "https://files.example/notes.txt", "key": AES_KEY},
    "image": {"type": 18, "filename": "picture.png", "data": PICTURE,
              "thumbnail": "data:image/png;base64," + PICTURE},
    "audio": {"type": 20, "filename": "voice.mp4", "data": VOICE, "duration": 1.5, "text": "hello"},
    "video": {"type": 22, "filename": "film.mp4", "URL": "https://files.example/film.mp4", "key": AES_KEY,
              "snapshot": "data:image/jpeg;base64," + PICTURE},
    "page": {"type": 32, "title": "A page", "URL": "https://pages.example/", "desc": "What it says",
             "icon": "data:image/png;base64," + PICTURE},
    "name card": {"type": 51, "did": "ID", "name": "Carol", "avatar": "https://pages.example/carol.png"},
    "quote": {"type": 55, "text": "I agree", "origin": {"sender": "ID", "receiver": "ID", "type": "1", "sn": 12345}},
    "money": {"type": 64, "currency": "USD", "amount": 10.25},
    "transfer": {"type": 65, "currency": "EUR", "amount": 3, "remitter": "ID", "remittee": "ID"},
    "application": {"type": 160, "app": "chat.dim.tests", "extra": {"deep": [1, "two", None, True]}},
    "customized": {"type": 204, "app": "chat.dim.tests", "mod": "checks", "act": "see", "value": 7},
    "array": {"type": 202, "contents": [{"type": 1, "sn": 11, "time": 1790000000.5, "text": "first of two"},
                                        {"type": 64, "sn": 12, "time": 1790000000.5, "currency": "USD", "amount": 2}]},
    "combine-forward": {"type": 207, "title": "Chat history", "messages": [
        {"sender": "ID", "receiver": "ID", "time": 1790000000.5,
         "content": {"type": 1, "sn": 21, "time": 1790000000.5, "text": "an older message"}}]},
}


def filled(content, identifier):
    """The content with an ID of somebody where it needs one."""
    if isinstance(content, dict):
        return {key: filled(value, identifier) for key, value in content.items()}
    if isinstance(content, list):
        return [filled(value, identifier) for value in content]
    return identifier if content == "ID" else content


def lost(sent, got):
    """What of the sent content did not arrive, as text; empty when everything did. Fields that were added on the way
    (twin names, types as text) are no loss."""
    if isinstance(sent, dict):
        if not isinstance(got, dict):
            return f"{got!r} instead of an object"
        for key, value in sent.items():
            if key == "type":
                if kind(sent) != kind(got):
                    return f"type {got.get('type')!r} instead of {sent['type']!r}"
            elif key == "title" and kind(sent) == 32:
                continue  # the reference loses titles of pages when it reads them
            elif lost(value, got.get(key)):
                return f"{key}: {lost(value, got.get(key))}"
        return ""
    if isinstance(sent, list):
        if not isinstance(got, list) or len(got) != len(sent):
            return f"{got!r} instead of {len(sent)} items"
        return next((wrong for one, other in zip(sent, got) if (wrong := lost(one, other))), "")
    return "" if sent == got else f"{got!r} instead of {sent!r}"
