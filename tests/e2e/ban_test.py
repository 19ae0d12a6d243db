"""What a ban ends, and that it comes before everything that waits."""
import os
import uuid

import harness
from crowd import WITHOUT_QUOTAS, Crowd, Reading, Writer, ask


class Bans(harness.EndToEnd):
    def setUp(self):
        super().setUp()
        self.at = self.station()

    def test_N9_F70_a_ban_overtakes_what_is_queued_and_nothing_of_the_banned_comes_behind_it(self):
        self.at.stop()
        with open(os.path.join(self.at.data, "dimd.toml"), "w", encoding="utf-8") as config:
            config.write(WITHOUT_QUOTAS)
        self.at.start()
        crowd = Crowd(self.at)
        self.addCleanup(crowd.close)
        # Bob writes, listens with another program of his, and fetches files; seven others write all the while.
        bob, others = crowd.member(), [crowd.member() for _ in range(7)]
        ear, reader = Reading(crowd.person(bob.account, after=0).text), Reading(crowd.member(after=0).text)
        files = Reading(crowd.lane(bob))
        his = Writer(bob.text, crowd.channel, 2000)
        theirs = [Writer(one.text, crowd.channel, 1000) for one in others]
        his.reading.until(lambda one: len(one.codes) >= 20)
        answer, begun, answered = crowd.ban(bob)
        waiting = [len(one.guids) - len(one.reading.codes) for one in (his, *theirs)]
        mark = ask(crowd.alice, "CREATE", "message", crowd.channel, b"mark", guid=uuid.uuid4().hex)
        self.assertEqual((answer.code, mark.code), (201, 201))
        for one in (his.reading, ear, files):
            one.until(lambda reading: reading.closed)
        for one in theirs:
            one.reading.until(lambda _, one=one: one.done())
        self.assertEqual([one.taken() for one in theirs], [1000] * 7, "it costs nobody else anything")
        # What was queued was long: his own, and that of the others, which the ban did not wait for.
        self.assertGreater(waiting[0], 500)
        self.assertGreater(sum(waiting[1:]), 2000)
        # Every text that a reader has got, by its cursor: nothing of his stands behind what was written after the answer.
        last = int(mark["cursor"])
        reader.until(lambda one: len({push.get("guid") for push in one.pushes} & {guid for other in theirs for guid in other.guids}) == 7000)
        mine = set(his.guids)
        got = [int(push["cursor"]) for push in reader.pushes if push.get("guid") in mine]
        self.assertGreaterEqual(len(got), his.taken())
        self.assertLess(max(got), last, "something of his was accepted behind the ban")
        self.assertLess(len(got), 2000)
        heard = [int(push["cursor"]) for push in ear.pushes if push.get("cursor")]
        self.assertGreater(len(heard), 0)
        self.assertLess(max(heard), last, "something was delivered to him behind the ban")
        self.assertEqual(int(answer["streams"]), 3, "8801 twice and 8802")
        closed = max(one.closed for one in (his.reading, ear, files)) - begun
        print(f"took {answer['took']} ms at the station; answered after {1000 * (answered - begun):.0f} ms, "
              f"all connections of the banned closed after {1000 * closed:.0f} ms, {sum(waiting)} posts waiting", flush=True)
        self.assertLessEqual(int(answer["took"]), 1000 * (answered - begun) + 1, "the answer says how long it took")


if __name__ == "__main__":
    harness.main()
