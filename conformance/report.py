"""The report of a run: as text, as JSON, as JUnit's XML."""
import json
import re
from xml.etree import ElementTree

from peer.packets import CODES


def where(claim, section):
    """`packets.md 5` as a person reads it."""
    page, _, number = (section or claim.section).partition(" ")
    if "#" in page:
        page, _, anchor = page.partition("#")
        number = anchor.partition("-")[0]
    return f"docs/protocol/{page}" + (f" section {number}" if number else "")


def line(result):
    """One line a claim; what failed stands below it with its place in the documents."""
    mark = {"passed": "ok  ", "failed": "FAIL", "skipped": "skip", "error": "ERR "}[result.outcome]
    out = [f"{mark} {result.claim.name:4} {result.claim.title}"]
    if result.outcome == "skipped":
        out[0] += f": {result.failures[0][0]}"
    elif result.failures:
        for text, section in result.failures:
            out.append(f"          {text}")
            out.append(f"          says {where(result.claim, section)}")
    return "\n".join(out)


def counts(results):
    return {outcome: sum(result.outcome == outcome for result in results)
            for outcome in ("passed", "failed", "skipped", "error")}


def summary(results, plan):
    n = counts(results)
    unseen = plan.unseen()
    return (f"codes seen: {' '.join(str(code) for code in CODES if code not in unseen)}\n"
            + "".join(f"code not seen: {code} {CODES[code]}: {why}\n" for code, why in unseen.items()) +
            f"{n['passed']} passed, {n['failed'] + n['error']} failed, {n['skipped']} skipped of {len(results)} claims")


def as_json(results, plan):
    unseen = plan.unseen()
    return json.dumps({
        "station": plan.target.id, **counts(results),
        "claims": [{"id": result.claim.name, "title": result.claim.title, "outcome": result.outcome,
                    "section": where(result.claim, None), "seconds": round(result.seconds, 3),
                    "details": [{"text": text, "section": where(result.claim, section)}
                                for text, section in result.failures]} for result in results],
        "codes": [{"code": code, "name": name, "seen": plan.codes[code], "claims": sorted(plan.provoked[code]),
                   **({"reason": unseen[code]} if code in unseen else {})} for code, name in CODES.items()]}, indent=1)


def write_junit(path, results):
    n = counts(results)
    suite = ElementTree.Element("testsuite", name="dim-2023", tests=str(len(results)), failures=str(n["failed"]),
                                errors=str(n["error"]), skipped=str(n["skipped"]))
    for result in results:
        row = ElementTree.SubElement(suite, "testcase", classname=where(result.claim, None),
                                     name=f"{result.claim.name} {result.claim.title}", time=f"{result.seconds:.3f}")
        for text, section in result.failures:
            kind = {"failed": "failure", "error": "error", "skipped": "skipped"}[result.outcome]
            first = text.splitlines()[0] if text else ""
            note = ElementTree.SubElement(row, kind, message=clean(f"{first} ({where(result.claim, section)})"))
            note.text = clean(text)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def clean(text):
    """Without what XML cannot hold."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "?", text)
